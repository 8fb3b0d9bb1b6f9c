#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <exception>

#include "app/verbs.hpp"

namespace {

using aureole::Command;
using aureole::ExitCode;

ExitCode execute(Command const& command) {
    switch (command.verb) {
        case Command::Verb::info: return aureole::info_verb(command);
        case Command::Verb::check: return aureole::check_verb(command);
        case Command::Verb::convert: return aureole::convert_verb(command);
        case Command::Verb::run: {
            Kokkos::ScopeGuard const kokkos;  // everything on a device lives inside
            return aureole::run_verb(command);
        }
        case Command::Verb::none: break;
    }
    fmt::print("{}", command.message);
    return ExitCode::success;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return static_cast<int>(execute(aureole::parse_command_line(argc, argv)));
    } catch (aureole::Error const& error) {
        fmt::print(stderr, "aureole: {}\n", error.what());
        return static_cast<int>(error.code());
    } catch (std::exception const& error) {
        fmt::print(stderr, "aureole: internal error: {}: please report it with the deck\n", error.what());
        return static_cast<int>(ExitCode::internal);
    }
}
