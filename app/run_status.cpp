#include "app/run_status.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "app/summary.hpp"
#include "io/deck/tree.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"

namespace aureole {

namespace {

char const* name_of(RunStatus::State state) {
    switch (state) {
        case RunStatus::State::running: return "running";
        case RunStatus::State::finished: return "finished";
        case RunStatus::State::stopped: return "stopped";
        case RunStatus::State::failed: return "failed";
    }
    return "";
}

}  // namespace

void write_status(std::string const& folder, RunStatus const& status) {
    using deck::Tree;
    Tree tree = Tree::mapping();
    auto const add = [&](char const* key, auto const& value) { tree.add(key, Tree::plain(fmt::format("{}", value))); };
    add("state", name_of(status.state));
    add("run_again", status.run_again);
    add("step", status.step);
    add("steps", status.steps);
    if (status.state != RunStatus::State::running) { add("exit_code", static_cast<int>(status.exit_code)); }
    if (!status.reason.empty()) {
        std::string reason = status.reason;
        std::replace(reason.begin(), reason.end(), '\n', ' ');
        tree.add("reason", Tree::quote(reason));
    }
    tree.add("time", Tree::quote(time_of_day()));
    tree.add("host", Tree::quote(name_of_host()));
    add("process", ::getpid());
    try {
        write_file(folder + "/status", deck::to_yaml(tree));
    } catch (Error const& error) { warn("{}", error.what()); }
}

}  // namespace aureole
