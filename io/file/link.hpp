#pragma once
#include <string>

#include "core/error.hpp"

namespace aureole {

/// "'data' is a link to '/scratch/data', whose target is gone": the link, be it the last part of a path or a folder on
/// the way, that keeps the path from leading anywhere. Empty if there is none. Leaves errno as it is.
[[nodiscard]] std::string describe_dangling_link(std::string const& path);

/// Throws an Error if there is one: for names that nothing is found under, before other reasons are looked for.
void require_link_target(std::string const& path, ExitCode code = ExitCode::data_error);

}  // namespace aureole
