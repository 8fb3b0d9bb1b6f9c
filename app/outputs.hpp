#pragma once
#include <string>
#include <vector>

#include "io/deck/deck.hpp"

namespace aureole {

/// Looks at the files that a verb will write, before its work begins: Error(data_error) unless each is a regular file
/// or new, in a folder that can be written, and none of those that the deck reads. Empty names are left out.
void require_outputs(Deck const& deck, std::vector<std::string> const& paths);

}  // namespace aureole
