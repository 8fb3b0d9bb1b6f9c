#include "parallel/grid/watchdog.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "core/clock.hpp"
#include "core/error.hpp"

namespace aureole {

namespace {

constexpr double interval = 0.25;
/// A look that comes later was kept from coming: the process was stopped.
constexpr double longest_interval = 2;

/// As the launcher numbers the processes; MPI cannot be asked.
std::string number_of_process() {
    for (char const* const name :
         {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID"}) {
        if (char const* const rank = std::getenv(name)) { return rank; }
    }
    return "?";
}

struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    double limit = 0;
    std::string_view call;  ///< empty: none
    double waited = 0;
    bool ends = false;
};

Shared& shared() {
    static Shared shared;
    return shared;
}

[[noreturn]] void give_up() {
    std::string const text = fmt::format(
        "aureole: [rank {}] waited {:.0f} s for other ranks (dead, hung, or much slower) in {}: see what they do, or "
        "raise parallel.timeout\n",
        number_of_process(), shared().waited, shared().call);
    static_cast<void>(::write(STDERR_FILENO, text.data(), text.size()));
    ::_exit(static_cast<int>(ExitCode::internal));  // the launcher ends the others
}

void watch() {
    std::unique_lock lock(shared().mutex);
    auto last = Clock::now();
    while (!shared().ends) {
        shared().changed.wait_for(lock, std::chrono::duration<double>(interval));
        double const passed = seconds_since(last);
        last = Clock::now();
        if (shared().call.empty()) { continue; }
        shared().waited += std::min(passed, longest_interval);
        if (shared().limit > 0 && shared().waited > shared().limit) { give_up(); }
    }
}

void set_call(std::string_view what) {
    std::lock_guard const lock(shared().mutex);
    shared().call = what;
    shared().waited = 0;
}

}  // namespace

Watchdog::Watchdog(double limit) {
    set_limit(limit);
    shared().ends = false;
    thread_ = std::thread(watch);
}

Watchdog::~Watchdog() {
    {
        std::lock_guard const lock(shared().mutex);
        shared().ends = true;
    }
    shared().changed.notify_all();
    thread_.join();
}

void Watchdog::set_limit(double seconds) {
    std::lock_guard const lock(shared().mutex);
    shared().limit = seconds;
}

Watchdog::Call::Call(std::string_view what) { set_call(what); }

Watchdog::Call::~Call() { set_call({}); }

}  // namespace aureole
