#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <thread>

#include "app/allocation.hpp"
#include "app/local_launch.hpp"
#include "app/stop.hpp"
#include "app/threads.hpp"
#include "app/verbs.hpp"
#include "core/kernels/backend_info.hpp"
#include "io/deck/parse.hpp"
#include "io/log/console.hpp"
#include "parallel/grid/wait.hpp"
#include "parallel/grid/watchdog.hpp"

namespace {

using aureole::Command;
using aureole::ExitCode;

void tell_of_threads(Command const& command, aureole::ThreadChoice const& choice) {
    if (command.verb == Command::Verb::run) {
        aureole::say("{}{}\n", choice.text(), choice.sharing > 1 ? " on this rank" : "");
    }
    if (choice.oversubscribed) {
        aureole::warn(
            "{} ranks with {} threads each share {} cores, and wait for each other: {}start fewer ranks, or on more "
            "cores",
            choice.sharing, choice.threads, choice.cores, choice.is_given ? "lower OMP_NUM_THREADS, or " : "");
    }
}

/// Verbs that compute; with MPI if a launcher started several processes.
ExitCode compute(Command const& command, aureole::Comm const* comm) {
    int const launched = aureole::Environment::launched_ranks(), seen = comm == nullptr ? 1 : comm->size();
    aureole::require(
        launched == seen, ExitCode::bad_deck,
        "the launcher started {} processes, but MPI sees {} (it belongs to another MPI): use the mpirun of "
        "the MPI that this program was built with",
        launched, seen);
    aureole::require_backend();
    aureole::ThreadChoice const threads = aureole::choose_threads(comm);
    if (comm == nullptr || comm->rank() == 0) { tell_of_threads(command, threads); }
    aureole::Activity const activity("the start of the run");
    Kokkos::ScopeGuard const kokkos;  // everything on a device lives inside
    return command.verb == Command::Verb::run ? aureole::run_verb(command, comm) : aureole::verify_verb(command, comm);
}

ExitCode execute(Command const& command, aureole::Comm const* comm) {
    switch (command.verb) {
        case Command::Verb::info: return aureole::info_verb(command);
        case Command::Verb::check: return aureole::check_verb(command);
        case Command::Verb::plan: return aureole::plan_verb(command);
        case Command::Verb::convert: return aureole::convert_verb(command);
        case Command::Verb::run:
        case Command::Verb::verify: return compute(command, comm);
        case Command::Verb::none: break;
    }
    aureole::say("{}", command.message);
    return ExitCode::success;
}

/// Whether what a verb prints is its result, and not the account of one that lies in files.
bool prints_its_result(Command const& command) {
    bool const writes_files = command.verb == Command::Verb::run || command.verb == Command::Verb::convert;
    return !writes_files || command.profile;
}

ExitCode execute_whole(Command const& command, aureole::Comm const* comm) {
    ExitCode const code = execute(command, comm);
    std::string const failure = prints_its_result(command) ? aureole::output_failure() : "";
    aureole::require(failure.empty() || code != ExitCode::success, ExitCode::data_error,
                     "the output was not written as a whole ({}): look where the standard output goes", failure);
    return code;
}

constexpr auto out_of_memory =
    " could not be allocated (beside what the plan counts): use smaller extents, more ranks, or a machine with more "
    "memory";

/// Seconds that ranks wait for each other until the deck is read by all: its own, if it can be read.
double first_wait_limit(Command const& command) {
    try {
        return static_cast<double>(aureole::read_deck(command.deck, command.overrides).parallel.timeout);
    } catch (std::exception const&) {  // said where the deck is read
        return static_cast<double>(aureole::ParallelSpec{}.timeout);
    }
}

/// MPI, from its start to its end, and what keeps its ranks from waiting for ever.
class Ranks {
  public:
    Ranks(int* argc, char*** argv, double limit)
        : watchdog_(limit), mpi_(argc, argv), all_(aureole::Comm::world()), messages_(all_) {
        aureole::set_wait_limit(limit);
    }
    [[nodiscard]] aureole::Comm const& all() const { return all_; }

  private:
    aureole::Watchdog watchdog_;
    aureole::Environment mpi_;
    aureole::Comm all_;
    aureole::WaitMessages messages_;
};

bool uses_ranks(Command const& command) {
    return command.verb == Command::Verb::run || command.verb == Command::Verb::verify;
}

/// Ends the whole job: the other ranks would wait for this one for ever. A fault of the deck is seen by all ranks and
/// said by the first.
int fail(bool several, int rank, ExitCode code, std::string const& message) {
    if (!several) {
        aureole::warn("{}", message);
        return static_cast<int>(code);
    }
    // what is still alive then is alone with its fault
    if (rank != 0 && code == ExitCode::bad_deck) { std::this_thread::sleep_for(std::chrono::seconds(2)); }
    aureole::warn("[rank {}] {}", rank, message);
    aureole::WaitMessages::tell_of_failure();
    aureole::Environment::abort(static_cast<int>(code));
}

}  // namespace

int main(int argc, char** argv) {
    aureole::prepare_console();
    static_cast<void>(aureole::seconds_of_process());  // if the system does not say, from here on
    std::optional<Ranks> ranks;
    auto const end = [&](ExitCode code, std::string const& message) {
        return fail(ranks.has_value(), ranks ? ranks->all().rank() : 0, code, message);
    };
    try {
        Command const command = aureole::parse_command_line(argc, argv);
        if (command.local && *command.local > 1) { return aureole::run_locally(command, argc, argv); }
        if (command.verb == Command::Verb::run) { aureole::catch_early_signals(); }
        if (uses_ranks(command) && aureole::Environment::launched()) {
            ranks.emplace(&argc, &argv, first_wait_limit(command));
        }
        return static_cast<int>(execute_whole(command, ranks ? &ranks->all() : nullptr));
    } catch (aureole::Error const& error) {
        return end(error.code(), error.what());
    } catch (std::bad_alloc const& error) {
        auto const* const failure = dynamic_cast<aureole::AllocationFailure const*>(&error);
        std::string const asked = failure == nullptr ? "memory" : fmt::format("{} bytes", failure->bytes());
        return end(ExitCode::does_not_fit, asked + out_of_memory);
    } catch (std::length_error const& error) {
        return end(ExitCode::does_not_fit, std::string("more bytes than any machine has") + out_of_memory);
    } catch (std::exception const& error) {
        return end(ExitCode::internal, fmt::format("internal error: {}: please report it with the deck", error.what()));
    }
}
