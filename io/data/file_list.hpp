#pragma once
#include <string>
#include <vector>

namespace aureole {

/// Replaces every pattern (* ? [...]) by the files that it matches, in natural order (a2 before a10); names without a
/// pattern stay as they are. A pattern without a match is an Error(data_error).
[[nodiscard]] std::vector<std::string> expand_patterns(std::vector<std::string> const& patterns);

/// Order of names in which runs of digits compare as numbers.
[[nodiscard]] bool natural_less(std::string const& a, std::string const& b);

}  // namespace aureole
