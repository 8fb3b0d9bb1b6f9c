#include "app/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "app/checkpoints.hpp"
#include "app/ranks.hpp"
#include "app/summary.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"
#include "io/checkpoint/checkpoint_folder.hpp"
#include "io/checkpoint/checkpoint_reader.hpp"
#include "io/deck/changes.hpp"
#include "io/deck/parse.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "io/split.hpp"

namespace aureole {

namespace fs = std::filesystem;

namespace {

/// Locks a file for this process. Ranks of a run that was killed may live on for a moment: it is waited for their end.
/// False, with errno, if there is no lock to be had.
bool acquire(Descriptor const& file) {
    constexpr std::chrono::milliseconds patience(10000), pause(100);
    auto const begin = Clock::now();
    while (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
        bool const waits = errno == EINTR || (errno == EWOULDBLOCK && Clock::now() - begin < patience);
        if (!waits) { return false; }
        std::this_thread::sleep_for(pause);
    }
    return true;
}

/// The lock on a folder; not open on a file system that has none.
Descriptor lock(std::string const& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    require(!error, ExitCode::data_error,
            "cannot create the folder '{}' ({}): set output.folder to one you can write to", folder, error.message());
    std::string const path = folder + "/.lock";
    Descriptor file(path, O_RDWR | O_CREAT);
    bool const acquired = acquire(file);
    if (!acquired && errno != EWOULDBLOCK) {
        warn("'{}' cannot be locked ({}): make sure that no other run writes into this folder", path,
             std::strerror(errno));
        return {};
    }
    require(acquired, ExitCode::data_error,
            "another run is writing into '{}' ({}): wait for its end, or set another output.folder", folder,
            read_file(path));
    std::string const owner = fmt::format("process {} on {}", ::getpid(), name_of_host());
    if (::ftruncate(file.number(), 0) == 0) { write_at(file, std::as_bytes(std::span(owner)), 0, path); }
    return file;
}

bool holds_results(std::string const& folder) {
    constexpr std::array names{"metrics.csv", "deck.yaml", "summary.json", "final.h5", "best.h5"};
    return std::any_of(names.begin(), names.end(), [&](char const* name) { return fs::exists(folder + "/" + name); });
}

/// Renames a folder to a name that is free: "<folder>.1", "<folder>.2" and so on.
void move_aside(std::string const& folder) {
    int number = 1;
    while (fs::exists(fmt::format("{}.{}", folder, number))) { ++number; }
    std::string const to = fmt::format("{}.{}", folder, number);
    std::error_code error;
    fs::rename(folder, to, error);
    require(!error, ExitCode::data_error,
            "cannot move the results of an earlier run from '{}' to '{}' ({}): set another output.folder", folder, to,
            error.message());
    say("train.resume: never: what an earlier run has left in '{}' is now in '{}'\n", folder, to);
}

std::vector<std::string> checkpoints_of(Deck const& deck) {
    TrainSpec const& train = deck.train;
    if (train.resume == "never") { return {}; }
    if (train.resume != "auto") { return {train.resume}; }
    return CheckpointFolder(train.checkpoint.folder, train.checkpoint.keep).newest_first();
}

/// The texts of rank 0, which have no line ends.
std::vector<std::string> broadcast_list(Comm const* comm, std::vector<std::string> const& texts) {
    std::vector<std::string> list = split(broadcast_text(comm, fmt::format("{}\n", fmt::join(texts, "\n"))), '\n');
    std::erase(list, "");
    return list;
}

std::string deck_of(CheckpointReader const& reader) {
    return reader.format() == 1 ? reader.text_attribute("deck") : reader.text(run_deck_path);
}

/// A deck with the values that this version has by default where an older one had no such key.
std::string renewed(std::string const& text, std::string const& path) {
    try {
        return dump_deck(parse_deck(text, path));
    } catch (Error const&) { return text; }  // what no longer reads shows itself as a change
}

void require_same_run(Deck const& deck, std::string const& before, std::string const& path) {
    std::vector<DeckChange> const changes = changes_of_run(renewed(before, path), dump_deck(deck));
    if (changes.empty()) { return; }
    std::string list;
    for (DeckChange const& change : changes) {
        list += fmt::format("\n  {}: {} -> {}", change.key, change.before, change.now);
    }
    if (deck.train.resume_changes == TrainSpec::ResumeChanges::accept) {
        say("accepted by train.resume_changes, beside what '{}' was trained with:{}\n", path, list);
        return;
    }
    fail(ExitCode::bad_deck,
         "{}: the run would go on from '{}' with other values than it was trained with:{}\nset them back; or set "
         "train.resume_changes: accept to go on with the new ones; or train.resume: never to begin anew",
         deck.where("train.resume"), path, list);
}

void take_statistics(Deck const& deck, CheckpointReader const& reader) {
    if (reader.format() == 1 || !reader.contains(run_statistics_path)) { return; }
    std::string const text = reader.text(run_statistics_path), path = statistics_file(deck);
    if (read_file(path) == text) { return; }
    if (fs::exists(path)) {
        warn("'{}' is not what the run was trained with: it is replaced from '{}'", path, reader.path());
    }
    write_file(path, text);
}

}  // namespace

RunFolder::RunFolder(Deck const& deck, Comm const* comm) {
    bool const is_root = comm == nullptr || comm->rank() == 0;
    if (is_root) {
        lock_ = lock(deck.output.folder);
        std::string const& checkpoints = deck.train.checkpoint.folder;
        bool const has_checkpoints = !CheckpointFolder(checkpoints, 1).newest_first().empty();
        if (deck.train.resume == "never" && (holds_results(deck.output.folder) || has_checkpoints)) {
            move_aside(deck.output.folder);
            if (!CheckpointFolder(checkpoints, 1).newest_first().empty()) { move_aside(checkpoints); }
            lock_ = lock(deck.output.folder);
        }
    }
    checkpoints_ = broadcast_list(comm, is_root ? checkpoints_of(deck) : std::vector<std::string>{});
}

void take_over_checkpoint(Deck const& deck, std::vector<std::string> const& checkpoints, Comm const* comm) {
    bool const is_root = comm == nullptr || comm->rank() == 0;
    for (std::size_t i = 0; is_root && i < checkpoints.size(); ++i) {
        try {
            CheckpointReader const reader(checkpoints[i]);
            require_same_run(deck, deck_of(reader), checkpoints[i]);
            take_statistics(deck, reader);
            break;
        } catch (Error const& error) {  // a damaged one is told of when its tensors are read
            if (error.code() != ExitCode::data_error || deck.train.resume != "auto") { throw; }
        }
    }
    if (comm != nullptr) { comm->barrier(); }
}

void require_same_deck(Deck const& deck, Comm const* comm) {
    if (comm == nullptr) { return; }
    std::string const mine = dump_deck(deck);
    bool const same = broadcast_text(comm, mine) == mine;
    require(same, ExitCode::bad_deck,
            "'{}' is another deck on rank {} ({}) than on rank 0: start all ranks with the same file and the same "
            "overrides",
            deck.file, comm->rank(), name_of_host());
    comm->barrier();
}

}  // namespace aureole
