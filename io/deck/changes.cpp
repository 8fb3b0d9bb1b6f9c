#include "io/deck/changes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.hpp"
#include "io/deck/yaml_tree.hpp"

namespace aureole {

namespace {

using deck::Tree;

constexpr std::array sections{"model", "image", "data", "train"};
constexpr std::array free_keys{"data.eval",          "data.prefetch",       "data.cache_limit", "train.steps",
                               "train.epochs",       "train.metrics",       "train.log_every",  "train.eval_every",
                               "train.eval_batches", "train.checkpoint",    "train.best",       "train.wall_time",
                               "train.resume",       "train.resume_changes"};

bool is_free(std::string const& key) { return std::find(free_keys.begin(), free_keys.end(), key) != free_keys.end(); }

std::string text_of(Tree const* tree) { return tree == nullptr ? "(none)" : deck::to_flow(*tree); }

void compare(std::string const& key, Tree const* before, Tree const* now, std::vector<DeckChange>& changes) {
    if (is_free(key) || text_of(before) == text_of(now)) { return; }
    bool const inner =
        before != nullptr && now != nullptr && before->kind == Tree::Kind::mapping && now->kind == Tree::Kind::mapping;
    if (!inner) {
        changes.push_back({key, text_of(before), text_of(now)});
        return;
    }
    for (auto const& entry : now->entries) {
        compare(key + "." + entry.key, before->find(entry.key), &entry.value, changes);
    }
    for (auto const& entry : before->entries) {
        if (now->find(entry.key) == nullptr) { compare(key + "." + entry.key, &entry.value, nullptr, changes); }
    }
}

Tree parse(std::string const& text) {
    std::vector<deck::Problem> problems;
    Tree tree = deck::parse_yaml(text, "deck of the checkpoint", problems);
    require(problems.empty(), ExitCode::data_error,
            "the deck in the checkpoint cannot be read: use another checkpoint");
    return tree;
}

}  // namespace

std::vector<DeckChange> changes_of_run(std::string const& before, std::string const& now) {
    std::vector<DeckChange> changes;
    Tree const old_deck = parse(before), new_deck = parse(now);
    for (char const* const section : sections) {
        compare(section, old_deck.find(section), new_deck.find(section), changes);
    }
    return changes;
}

}  // namespace aureole
