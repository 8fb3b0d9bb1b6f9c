#include "app/grid_report.hpp"
#include "app/verbs.hpp"
#include "core/kernels/backend_info.hpp"
#include "core/version.hpp"
#include "io/deck/parse.hpp"
#include "io/hdf5/file.hpp"
#include "io/log/console.hpp"

namespace aureole {

ExitCode info_verb(Command const& command) {
    if (command.deck_reference) {
        say("{}", deck_reference());
        return ExitCode::success;
    }
    if (command.json_schema) {
        say("{}", deck_json_schema());
        return ExitCode::success;
    }
    if (command.grid) {
        say("{}", grid_report(read_deck(*command.grid, command.overrides)));
        return ExitCode::success;
    }
    say("aureole {} ({})\n", version(), git_hash());
    for (auto const& [name, text] : backend_info()) { say("{:<8} {}\n", name, text); }
    say("{:<8} {}\n", "HDF5", hdf5::library_version());
    return ExitCode::success;
}

}  // namespace aureole
