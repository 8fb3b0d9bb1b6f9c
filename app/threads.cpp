#include "app/threads.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>
#if defined(_OPENMP)
#include <omp.h>
#endif

#include "core/kernels/host_threads.hpp"

namespace aureole {

namespace {

cpu_set_t own_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof(set), &set) != 0) { CPU_SET(0, &set); }  // more cores than a mask has room for
    return set;
}

/// Cores' worth of time that the cgroup of this process, or one above it, may use; nothing without a limit.
double quota_of_cgroup() {
    std::ifstream file("/proc/self/cgroup");
    std::string line, path;
    while (std::getline(file, line)) {
        if (line.starts_with("0::")) { path = line.substr(3); }
    }
    double least = HUGE_VAL;
    for (std::string at = path;; at = at.substr(0, at.rfind('/'))) {
        std::ifstream limit("/sys/fs/cgroup" + (at == "/" ? "" : at) + "/cpu.max");
        std::string quota;
        double period = 0;
        if (limit >> quota >> period && quota != "max" && period > 0) {
            least = std::min(least, std::strtod(quota.c_str(), nullptr) / period);
        }
        if (at.empty() || at == "/") { return least; }
    }
}

bool is_set(char const* variable) {
    char const* const value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

void set_threads([[maybe_unused]] int threads) {
#if defined(_OPENMP)
    omp_set_num_threads(threads);
#endif
}

/// Seconds for which this thread was ready to run and had no core, since its start: see proc(5) and sched-stats.
double seconds_without_core() {
    std::ifstream file("/proc/thread-self/schedstat");
    double running = 0, waiting = 0;
    file >> running >> waiting;
    return 1e-9 * waiting;
}

}  // namespace

std::string ThreadChoice::text() const {
    std::string const count = fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
    std::string const of = fmt::format("{} core{}", cores, cores == 1 ? "" : "s");
    if (sharing > 1) { return fmt::format("{} (of {}, which {} ranks share)", count, of, sharing); }
    return fmt::format("{} (of {})", count, of);
}

ThreadChoice choose_threads(Comm const* comm) {
    cpu_set_t const mine = own_cores();
    ThreadChoice choice;
    choice.is_given = is_set("OMP_NUM_THREADS");
    std::vector<cpu_set_t> all{mine};
    std::vector<double> threads{0};
    std::optional<Comm> local;
    if (comm != nullptr) {
        local.emplace(comm->split_by_machine());
        all.resize(static_cast<std::size_t>(local->size()));
        local->all_gather(&mine, sizeof(mine), all.data());
    }
    choice.sharing = static_cast<int>(std::count_if(all.begin(), all.end(), [&](cpu_set_t const& other) {
        cpu_set_t both;
        CPU_AND(&both, &mine, &other);
        return CPU_COUNT(&both) > 0;
    }));
    double const quota = quota_of_cgroup();
    choice.cores = std::max(1, std::min(CPU_COUNT(&mine), static_cast<int>(std::min(std::ceil(quota), 1e6))));
    choice.threads = choice.is_given ? host_threads() : std::max(1, choice.cores / choice.sharing);
    set_threads(choice.threads);
    choice.oversubscribed = choice.threads * choice.sharing > choice.cores;
    return choice;
}

/// A team of threads beside that of the computation, which sleep. GCC's OpenMP, which counts the threads of all teams,
/// lets threads spin a thousandth of the time while there are more of them than cores.
class ThreadWaits::SleepingTeam {
  public:
    SleepingTeam() : thread_([this] { stay(); }) {}
    ~SleepingTeam() {
        {
            std::lock_guard const lock(mutex_);
            ends_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    SleepingTeam(SleepingTeam const&) = delete;
    SleepingTeam& operator=(SleepingTeam const&) = delete;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ends_ = false;
    std::thread thread_;

    void stay() {
#if defined(_OPENMP)
#pragma omp parallel num_threads(std::max(2, omp_get_num_procs() - omp_get_max_threads() + 2))
        {}
#endif
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ends_; });
    }
};

ThreadWaits::ThreadWaits(int threads)
    : can_change_(threads > 1 && !is_set("OMP_WAIT_POLICY") && !is_set("GOMP_SPINCOUNT")) {
#if !defined(__GNUC__) || defined(__clang__)
    can_change_ = false;
#endif
    begin_window();
}

ThreadWaits::~ThreadWaits() = default;

void ThreadWaits::begin_window() {
    window_ = {};
    window_.delay = seconds_without_core();
}

std::string ThreadWaits::step_done(double seconds) {
    constexpr double least_seconds = 2, most_pause = 600;
    constexpr int least_steps = 5;
    constexpr double gain = 0.9;  // less is noise
    constexpr double busy = 0.1;  // share of the time in which a thread had no core
    if (!can_change_) { return {}; }
    if (is_first_) {  // touches its memory
        is_first_ = false;
        begin_window();
        return {};
    }
    window_.seconds += seconds;
    ++window_.steps;
    double const passed = seconds_since(window_.begin);
    if (passed < least_seconds || window_.steps < least_steps) { return {}; }
    double const mean = window_.seconds / window_.steps;
    bool const is_busy = (seconds_without_core() - window_.delay) / passed > busy;
    std::string told;
    if (sleeping_team_ && is_trial_) {
        is_trial_ = false;
        held_since_ = Clock::now();
        hold_ = pause_;
        pause_ = std::min(2 * pause_, most_pause);
        if (mean > gain * long_waits_) {
            sleeping_team_.reset();
        } else {
            told = fmt::format(
                "other processes use the cores: threads that wait sleep at once ({:.3f} s/step instead of "
                "{:.3f})",
                mean, long_waits_);
        }
    } else if (seconds_since(held_since_) >= hold_) {
        if (sleeping_team_) {  // has the machine become quiet?
            sleeping_team_.reset();
        } else if (is_busy) {
            long_waits_ = mean;
            is_trial_ = true;
            sleeping_team_ = std::make_unique<SleepingTeam>();
        }
    }
    begin_window();
    return told;
}

}  // namespace aureole
