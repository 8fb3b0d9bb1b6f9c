#include "app/stop.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <span>

#include "app/local_launch.hpp"
#include "core/clock.hpp"
#include "io/log/console.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

constexpr std::array early_signals{SIGUSR1, SIGUSR2, SIGXCPU}, late_signals{SIGTERM, SIGINT, SIGHUP};

volatile std::sig_atomic_t first_signal = 0;
volatile std::sig_atomic_t interrupts = 0;
volatile std::sig_atomic_t handed_on = 0;  ///< SIGUSR2 stands for SIGINT

extern "C" void note_signal(int signal) {
    if (signal == SIGINT) {
        interrupts = interrupts + 1;
        if (interrupts > 1) {
            static_cast<void>(std::signal(SIGINT, SIG_DFL));
            static_cast<void>(std::raise(SIGINT));
            return;
        }
    }
    if (first_signal == 0) { first_signal = signal == SIGUSR2 && handed_on ? SIGINT : signal; }
    do_not_wait_for_readers();
}

void catch_signals(std::span<int const> signals) {
    for (int const signal : signals) {
        struct sigaction action {};
        ::sigaction(signal, nullptr, &action);
        if (action.sa_handler == SIG_IGN) { continue; }
        action = {};
        action.sa_handler = note_signal;
        action.sa_flags = SA_RESTART;
        ::sigaction(signal, &action, nullptr);
    }
}

/// Seconds from the start of the process to the end of the batch job, of which Slurm gives the time of day.
std::optional<double> seconds_of_job() {
    char const* const end = std::getenv("SLURM_JOB_END_TIME");
    if (end == nullptr) { return {}; }
    std::string_view const text(end);
    std::int64_t time = 0;
    auto const [rest, error] = std::from_chars(text.data(), text.data() + text.size(), time);
    if (error != std::errc() || rest != text.data() + text.size() || time <= 0) { return {}; }
    return static_cast<double>(time - std::time(nullptr)) + seconds_of_process();
}

/// When the process was started, in seconds of the system's clock since it was booted.
std::optional<double> start_of_process() {
    std::ifstream file("/proc/self/stat");
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    std::size_t at = text.rfind(')');  // behind the name of the program, which may hold anything
    if (at == std::string::npos) { return {}; }
    constexpr int fields_before = 19;  // from the third on; the start is the 22nd: see proc(5)
    ++at;
    for (int i = 0; i < fields_before && at != std::string::npos; ++i) { at = text.find(' ', at + 1); }
    if (at == std::string::npos) { return {}; }
    return std::strtod(text.c_str() + at, nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// What a rank brings to the agreement: the largest counts.
constexpr int time_is_over = 1, file_is_there = 2, signal_base = 3;

}  // namespace

bool Stop::run_again() const { return kind == Kind::time || (kind == Kind::signal && signal != SIGINT); }

void catch_early_signals() {
    handed_on = is_started_locally() ? 1 : 0;
    catch_signals(early_signals);
}

double seconds_of_process() {
    static auto const start = start_of_process();
    static auto const first_call = Clock::now();
    if (!start) { return seconds_since(first_call); }
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - *start;
}

StopRequests::StopRequests(Deck const& deck, Comm const* comm) : comm_(comm), file_(deck.output.folder + "/stop") {
    catch_signals(late_signals);
    if (deck.train.wall_time) { limit_ = static_cast<double>(*deck.train.wall_time); }
    if (auto const job = seconds_of_job(); job && (!limit_ || *job < *limit_)) {
        limit_ = job;
        limit_is_of_job_ = true;
    }
}

/// Once a second: a folder may be far away.
bool StopRequests::file_asks() {
    if (comm_ != nullptr && comm_->rank() != 0) { return false; }
    double const now = seconds_of_process();
    if (last_look_at_file_ >= 0 && now - last_look_at_file_ < 1) { return false; }
    last_look_at_file_ = now;
    return ::access(file_.c_str(), F_OK) == 0;
}

std::optional<Stop> StopRequests::look(double needed) {
    int mine = 0;
    if (limit_ && seconds_of_process() + needed > *limit_) { mine = time_is_over; }
    if (file_asks()) { mine = file_is_there; }
    if (first_signal != 0) { mine = signal_base + first_signal; }
    Activity const activity("agreeing whether to stop");
    int const all = comm_ == nullptr ? mine : static_cast<int>(comm_->max(mine));
    switch (all) {
        case 0: return {};
        case time_is_over:
            return Stop{Stop::Kind::time, 0, limit_is_of_job_ ? "the end of the batch job" : "train.wall_time"};
        case file_is_there:
            if (mine == file_is_there) { std::remove(file_.c_str()); }
            return Stop{Stop::Kind::file, 0, fmt::format("the file '{}'", file_)};
        default:
            return Stop{Stop::Kind::signal, all - signal_base, fmt::format("SIG{}", ::sigabbrev_np(all - signal_base))};
    }
}

}  // namespace aureole
