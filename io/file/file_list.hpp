#pragma once
#include <string>
#include <vector>

namespace aureole {

/// The files that a pattern (* ? [...]) matches, in natural order (a2 before a10). A file of exactly that name is the
/// only match ("scan[1].h5"), and folders that exist by the names written stand for themselves.
[[nodiscard]] std::vector<std::string> match_pattern(std::string const& pattern);

/// Replaces every pattern by the files that it matches; names without a pattern stay as they are. A pattern without a
/// match is an Error(data_error).
[[nodiscard]] std::vector<std::string> expand_patterns(std::vector<std::string> const& patterns);

/// Order of names in which runs of digits compare as numbers.
[[nodiscard]] bool natural_less(std::string const& a, std::string const& b);

}  // namespace aureole
