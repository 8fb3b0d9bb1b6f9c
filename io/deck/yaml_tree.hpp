#pragma once
#include <string>
#include <vector>

#include "io/deck/tree.hpp"

namespace aureole::deck {

/// Limits that keep a hostile or damaged file from using up memory or stack.
struct YamlLimits {
    std::size_t bytes = std::size_t{1} << 20U;  ///< of the text
    std::size_t values = 200'000;               ///< after aliases are expanded
    std::size_t depth = 40;
};

/// Parses one YAML document: anchors, aliases and merge keys ("<<") are expanded. Faults (syntax, duplicate keys, keys
/// that are not words, limits) are appended to `problems`; after a syntax error the result is null. With `line` false,
/// every place is `file` alone (a value from the command line).
[[nodiscard]] Tree parse_yaml(std::string const& text, std::string const& file, std::vector<Problem>& problems,
                              bool line = true);

}  // namespace aureole::deck
