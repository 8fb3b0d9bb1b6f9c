#include <fmt/format.h>

#include "app/grid_report.hpp"
#include "app/verbs.hpp"
#include "core/kernels/backend_info.hpp"
#include "core/version.hpp"
#include "io/deck/parse.hpp"
#include "io/hdf5/file.hpp"

namespace aureole {

ExitCode info_verb(Command const& command) {
    if (command.deck_reference) {
        fmt::print("{}", deck_reference());
        return ExitCode::success;
    }
    if (command.json_schema) {
        fmt::print("{}", deck_json_schema());
        return ExitCode::success;
    }
    if (command.grid) {
        fmt::print("{}", grid_report(read_deck(*command.grid, command.overrides)));
        return ExitCode::success;
    }
    fmt::print("aureole {} ({})\n", version(), git_hash());
    for (auto const& [name, text] : backend_info()) { fmt::print("{:<8} {}\n", name, text); }
    fmt::print("{:<8} {}\n", "HDF5", hdf5::library_version());
    return ExitCode::success;
}

}  // namespace aureole
