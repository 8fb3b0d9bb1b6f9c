#include "app/summary.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iterator>

#include "core/version.hpp"
#include "io/deck/tree.hpp"
#include "io/log/process_memory.hpp"

namespace aureole {

namespace {

using deck::Tree;

Tree number(double value) { return std::isfinite(value) ? Tree::plain(fmt::format("{:.9g}", value)) : Tree{}; }
Tree count(std::size_t value) { return Tree::plain(fmt::format("{}", value)); }
Tree count(Index value) { return Tree::plain(fmt::format("{}", value)); }

Tree tree_of(LogRecord const& record) {
    Tree tree = Tree::mapping();
    tree.add("step", count(record.step));
    tree.add("loss", number(record.loss));
    for (auto const& [name, value] : record.metrics) { tree.add(name, number(value)); }
    return tree;
}

Tree tree_of(PhaseTime const& phase) {
    Tree tree = Tree::mapping();
    tree.add("seconds", number(phase.seconds));
    tree.add("count", count(phase.count));
    tree.add("fastest", number(phase.fastest));
    tree.add("slowest", number(phase.slowest));
    return tree;
}

/// How this process was started, as the system keeps it.
Tree command_line() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::string const all{std::istreambuf_iterator<char>(file), {}};
    Tree words = Tree::sequence();
    for (std::size_t at = 0; at < all.size();) {
        std::size_t const end = std::min(all.find('\0', at), all.size());
        words.items.push_back(Tree::quote(all.substr(at, end - at)));
        at = end + 1;
    }
    return words;
}

Tree list_of(std::vector<std::string> const& texts) {
    Tree list = Tree::sequence();
    for (std::string const& text : texts) { list.items.push_back(Tree::quote(text)); }
    return list;
}

}  // namespace

void PhaseTime::add(double value) {
    fastest = count == 0 ? value : std::min(fastest, value);
    slowest = std::max(slowest, value);
    seconds += value;
    ++count;
}

std::string to_json(RunPlan const& plan, RunSummary const& summary) {
    RunMemory const memory = plan.memory();
    Tree tree = Tree::mapping();
    tree.add("name", Tree::quote(plan.deck.name));
    tree.add("steps", count(summary.step));
    tree.add("epoch", number(summary.epoch));
    if (summary.train) { tree.add("training", tree_of(*summary.train)); }
    if (summary.evaluation) { tree.add("evaluation", tree_of(*summary.evaluation)); }
    if (summary.best) {
        Tree best = Tree::mapping();
        best.add(plan.deck.train.best, number(*summary.best));
        tree.add("best", std::move(best));
    }
    tree.add("ranks", count(static_cast<Index>(plan.pipeline.grid.ranks())));
    tree.add("grid", Tree::quote(to_string(plan.pipeline.grid)));
    tree.add("version", Tree::quote(std::string(version())));
    tree.add("git_hash", Tree::quote(std::string(git_hash())));
    tree.add("hosts", list_of(summary.hosts));
    tree.add("command_line", command_line());
    tree.add("started", Tree::quote(summary.started));
    tree.add("ended", Tree::quote(summary.ended));
    tree.add("arena_predicted", count(memory.arena.total()));
    tree.add("arena_allocated", count(plan.engine->arena_bytes()));
    tree.add("process_predicted", count(memory.total()));
    tree.add("process_peak", count(static_cast<std::size_t>(process_memory().peak)));
    Tree phases = Tree::mapping();
    for (auto const& [name, phase] : summary.phases) { phases.add(name, tree_of(phase)); }
    tree.add("phases", std::move(phases));
    return deck::to_json(tree);
}

std::string time_of_day() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

std::string name_of_host() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace aureole
