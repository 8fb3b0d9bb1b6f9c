#include "io/deck/validate.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "io/deck/rules.hpp"

namespace aureole::deck {
namespace {

void check_run(Rules& rules) {
    Deck const& deck = rules.deck();
    if (rules.readable({"name"}) && (!is_plain_name(deck.name) || deck.name.front() == '.')) {
        rules.fail("name", "name is '{}' (it names a folder): use letters, digits, '_', '-' and '.'",
                   shorten(deck.name));
    }
    auto const& dump = deck.output.dump;
    bool const is_readable = rules.readable({"output.dump.step", "train.steps"});
    if (is_readable && dump.step && deck.train.steps && *dump.step > *deck.train.steps) {
        rules.fail("output.dump.step", "output.dump.step is {} (train.steps is {}): dump an earlier step", *dump.step,
                   *deck.train.steps);
    }
}

void check_ranks(Rules& rules) {
    ParallelSpec const& parallel = rules.deck().parallel;
    if (!rules.readable({"parallel"})) { return; }
    bool is_one = parallel.data == 1 && parallel.stages == 1 && parallel.spatial.stages == 1;
    for (Index const tiles : parallel.spatial.tiles) { is_one = is_one && tiles == 1; }
    if (!is_one) {
        rules.fail("parallel",
                   "parallel asks for {} replicas, {} stages and {} tiles (this version runs on one rank): set them "
                   "to 1, or leave the section out",
                   parallel.data, parallel.stages, fmt::join(parallel.spatial.tiles, " x "));
    }
}

}  // namespace

bool is_plain_name(std::string const& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

bool Rules::readable(std::initializer_list<std::string_view> paths) const {
    return std::all_of(paths.begin(), paths.end(), [&](std::string_view path) {
        for (std::string around(path); !around.empty();) {
            if (unreadable_.contains(around)) { return false; }
            auto const dot = around.rfind('.');
            around.resize(dot == std::string::npos ? 0 : dot);
        }
        std::string const below = std::string(path) + ".";
        auto const first = unreadable_.lower_bound(below);
        return !unreadable_.contains("") && (first == unreadable_.end() || !first->starts_with(below));
    });
}

std::vector<Problem> validate(Deck const& deck, std::set<std::string> const& unreadable) {
    Rules rules(deck, unreadable);
    check_run(rules);
    check_ranks(rules);
    check_model(rules);
    check_layers(rules);
    check_data(rules);
    check_train(rules);
    return rules.take();
}

}  // namespace aureole::deck
