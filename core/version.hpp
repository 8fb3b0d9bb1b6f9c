#pragma once
#include <string_view>

namespace aureole {

[[nodiscard]] std::string_view version();
/// Commit the program was built from, with "-dirty" if the tree had changes.
[[nodiscard]] std::string_view git_hash();

}  // namespace aureole
