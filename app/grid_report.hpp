#pragma once
#include <string>

#include "io/deck/deck.hpp"

namespace aureole {

/// Who owns what of a deck's image, and what every exchange of one training micro-batch adds to it, for a person.
[[nodiscard]] std::string grid_report(Deck const& deck);

}  // namespace aureole
