#pragma once
#include <string>
#include <vector>

namespace aureole {

/// The files that a pattern (* ? [...]) matches, in natural order (a2 before a10); a name without a pattern stays as it
/// is.
[[nodiscard]] std::vector<std::string> files_matching(std::string const& pattern);

/// Replaces every pattern by the files that it matches. A pattern without a match is an Error(data_error).
[[nodiscard]] std::vector<std::string> expand_patterns(std::vector<std::string> const& patterns);

/// Order of names in which runs of digits compare as numbers.
[[nodiscard]] bool natural_less(std::string const& a, std::string const& b);

}  // namespace aureole
