#pragma once
#include <set>
#include <string>
#include <vector>

#include "io/deck/tree.hpp"

namespace aureole::deck {

/// Rules between values: combinations that cannot run, each a fault at the place of the value that should change. Rules
/// on values whose path, or a path around it, is in `unreadable` are left out, for they would repeat an earlier fault.
[[nodiscard]] std::vector<Problem> validate(Deck const& deck, std::set<std::string> const& unreadable = {});

}  // namespace aureole::deck
