#pragma once
#include <string>
#include <vector>

#include "io/deck/tree.hpp"

namespace aureole::deck {

/// Applies "key.sub=value" to the tree: the value is YAML, or for keys that take a text that text, whole ("*.h5", "exp
/// #2"); numbers in the key count list items from 0, missing sections are made. Faults are appended to `problems` with
/// the place "command line: key.sub=value".
void apply_override(std::string const& text, Tree& root, std::vector<Problem>& problems);

}  // namespace aureole::deck
