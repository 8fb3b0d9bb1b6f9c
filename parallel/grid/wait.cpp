#include "parallel/grid/wait.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "parallel/grid/watchdog.hpp"

namespace aureole {

namespace {

/// Tests between two looks at the clock.
constexpr int tests_per_look = 256;
/// Seconds between two looks at the messages of other ranks; a look that comes later was kept from coming: the process
/// was stopped.
constexpr double message_interval = 0.1, longest_interval = 2;
/// Ranks that collect who else waits; the others leave the word to them for some seconds.
constexpr int collecting_ranks = 2;
constexpr double patience = 5;

/// Messages without content, by their tags.
enum Tag : int { waits = 1, waits_no_more, works, has_failed };

struct State {
    double limit = 0;
    Comm const* comm = nullptr;
    std::set<int> waiting;  ///< other ranks that have said so
    bool other_works = false;
    std::optional<Clock::time_point> told_of_work;
};

State& state() {
    static State state;
    return state;
}

void tell(Tag tag, bool only_collecting) {
    Comm const* const comm = state().comm;
    if (comm == nullptr) { return; }
    int const last = only_collecting ? std::min(collecting_ranks, comm->size()) : comm->size();
    for (int rank = 0; rank < last; ++rank) {
        if (rank == comm->rank()) { continue; }
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Isend(nullptr, 0, MPI_BYTE, rank, tag, comm->get(), &request), "MPI_Isend");
        // without content, it needs no wait; NOLINTNEXTLINE(clang-analyzer-optin.mpi.MPI-Checker)
        check_mpi(MPI_Request_free(&request), "MPI_Request_free");
    }
}

/// Another rank has said why, and is about to end the job with its exit code: that comes first.
[[noreturn]] void end_with_the_job() {
    static_cast<void>(std::signal(SIGTERM, SIG_DFL));
    std::this_thread::sleep_for(std::chrono::seconds(3));
    ::_exit(static_cast<int>(ExitCode::internal));
}

void take(Tag tag, int from) {
    switch (tag) {
        case Tag::waits: state().waiting.insert(from); break;
        case Tag::waits_no_more: state().waiting.erase(from); break;
        case Tag::works: state().other_works = true; break;
        case Tag::has_failed: end_with_the_job();
    }
}

void take_messages() {
    Comm const* const comm = state().comm;
    if (comm == nullptr) { return; }
    while (true) {
        int found = 0;
        MPI_Status status;
        check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm->get(), &found, &status), "MPI_Iprobe");
        if (found == 0) { return; }
        check_mpi(MPI_Recv(nullptr, 0, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, comm->get(), MPI_STATUS_IGNORE),
                  "MPI_Recv");
        take(static_cast<Tag>(status.MPI_TAG), status.MPI_SOURCE);
    }
}

std::string ranks_text(std::vector<int> const& ranks) {
    return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

/// Their numbers among all ranks.
std::vector<int> among_all(std::vector<int> const& ranks, MPI_Comm comm) {
    MPI_Group some = MPI_GROUP_NULL, all = MPI_GROUP_NULL;
    MPI_Comm_group(comm, &some);
    MPI_Comm_group(MPI_COMM_WORLD, &all);
    std::vector<int> translated(ranks.size());
    MPI_Group_translate_ranks(some, static_cast<int>(ranks.size()), ranks.data(), all, translated.data());
    MPI_Group_free(&some);
    MPI_Group_free(&all);
    return translated;
}

/// One wait, from its first vain look at the clock on.
class Wait {
  public:
    Wait(std::span<MPI_Request> requests, MPI_Comm comm, std::span<int const> peers)
        : requests_(requests), comm_(comm), peers_(peers) {}
    ~Wait() {
        if (told_) { tell(Tag::waits_no_more, true); }
    }
    Wait(Wait const&) = delete;
    Wait& operator=(Wait const&) = delete;

    void look() {
        double const now = seconds_since(begin_);
        double const interval = now - last_look_;
        if (interval < message_interval) { return; }
        last_look_ = now;
        waited_ += std::min(interval, longest_interval);
        bool const is_first = !has_looked_;
        has_looked_ = true;
        state().other_works = false;
        take_messages();
        if (state().other_works && !is_first) { waited_ = 0; }  // what came before the wait says nothing of it
        if (state().limit <= 0) { return; }
        if (!told_ && waited_ > state().limit / 2) {
            told_ = true;
            tell(Tag::waits, true);
        }
        if (waited_ > state().limit && (speaks() || waited_ > state().limit + patience)) { give_up(); }
    }

  private:
    std::span<MPI_Request> requests_;
    MPI_Comm comm_;
    std::span<int const> peers_;
    Clock::time_point begin_ = Clock::now();
    double last_look_ = 0, waited_ = 0;
    bool told_ = false, has_looked_ = false;

    /// Whether this rank knows who is to blame.
    [[nodiscard]] bool speaks() const {
        Comm const* const all = state().comm;
        return !peers_.empty() || all == nullptr || all->rank() < collecting_ranks;
    }

    /// Persistent requests that are done, and are not asked for any more, count as done.
    [[nodiscard]] std::vector<int> open_peers() const {
        std::set<int> open;
        for (std::size_t i = 0; i < peers_.size(); ++i) {
            int done = 0;
            MPI_Request_get_status(requests_[i], &done, MPI_STATUS_IGNORE);
            if (done == 0) { open.insert(peers_[i]); }
        }
        return among_all({open.begin(), open.end()}, comm_);
    }

    /// Ranks that have not said that they wait themselves.
    [[nodiscard]] std::vector<int> silent_ranks() const {
        Comm const* const all = state().comm;
        std::vector<int> ranks;
        for (int rank = 0; all != nullptr && rank < all->size(); ++rank) {
            if (rank != all->rank() && state().waiting.count(rank) == 0) { ranks.push_back(rank); }
        }
        return ranks;
    }

    [[noreturn]] void give_up() {
        told_ = false;  // it still waits, as far as the others are concerned
        std::vector<int> const open = open_peers();
        bool const knows = state().comm != nullptr && state().comm->rank() < collecting_ranks;
        std::vector<int> const silent = knows ? silent_ranks() : std::vector<int>{};
        std::string whom = open.empty() ? "the other ranks" : ranks_text(open);
        if (open.empty() && !silent.empty()) { whom = ranks_text(silent); }
        std::string also;
        if (!open.empty() && !silent.empty() && silent != open) {
            also = fmt::format("; {} {} for nobody", ranks_text(silent), silent.size() == 1 ? "waits" : "wait");
        }
        fail(ExitCode::internal,
             "waited {:.0f} s for {} (dead, hung, or much slower{}) in {}: see what these ranks do, or raise "
             "parallel.timeout",
             waited_, whom, also, Activity::current());
    }
};

std::string_view& activity() {
    static std::string_view text = "a message";
    return text;
}

}  // namespace

void set_wait_limit(double seconds) {
    state().limit = seconds;
    Watchdog::set_limit(seconds);
}

Activity::Activity(std::string_view text) : before_(activity()) { activity() = text; }

Activity::~Activity() { activity() = before_; }

std::string_view Activity::current() { return activity(); }

void wait_all(std::span<MPI_Request> requests, MPI_Comm comm, std::span<int const> peers) {
    auto const count = static_cast<int>(requests.size());
    std::optional<Wait> wait;
    for (int done = 0, tests = 1; done == 0; ++tests) {
        check_mpi(MPI_Testall(count, requests.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
        if (done != 0 || tests % tests_per_look != 0) { continue; }
        wait ? wait->look() : static_cast<void>(wait.emplace(requests, comm, peers));
    }
}

WaitMessages::WaitMessages(Comm const& all) : comm_(all.duplicate()) {
    require(state().comm == nullptr, "ranks tell each other twice that they wait");
    state().comm = &*comm_;
    state().waiting.clear();
}

WaitMessages::~WaitMessages() {
    try {
        comm_->barrier();  // all is sent
        take_messages();
    } catch (std::exception const&) {  // the program ends for another reason
    }
    state().comm = nullptr;
}

void WaitMessages::tell_of_work() {
    if (state().comm == nullptr || state().limit <= 0) { return; }
    constexpr double parts_of_limit = 8;
    std::optional<Clock::time_point> const last = state().told_of_work;
    if (last && seconds_since(*last) < state().limit / parts_of_limit) { return; }
    state().told_of_work = Clock::now();
    tell(Tag::works, false);
}

void WaitMessages::tell_of_failure() {
    try {
        tell(Tag::has_failed, false);
    } catch (std::exception const&) {  // they end without it
    }
}

}  // namespace aureole
