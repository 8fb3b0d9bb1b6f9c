#include "io/deck/overrides.hpp"

#include <fmt/core.h>

#include <charconv>

#include "io/deck/yaml_tree.hpp"
#include "io/split.hpp"

namespace aureole::deck {
namespace {

/// The item of that number, or nullptr.
Tree* find_item(Tree& list, std::string const& key) {
    std::size_t position = 0;
    auto const [end, error] = std::from_chars(key.data(), key.data() + key.size(), position);
    bool const is_number = error == std::errc{} && end == key.data() + key.size();
    return is_number && position < list.items.size() ? &list.items[position] : nullptr;
}

/// A layer may be written as its bare kind ("- relu"): addressed from outside it is a section without attributes.
void open_layer(Tree& tree, std::string const& key) {
    if (tree.kind != Tree::Kind::scalar || tree.text != key) { return; }
    Tree section = Tree::mapping();
    section.place = tree.place;
    section.entries.push_back({key, tree.place, Tree{}});
    tree = std::move(section);
}

/// The value at `key` of `tree`, made if it is missing; nullptr if the tree cannot have such a key.
Tree* step_into(Tree& tree, std::string const& key, Place const& place) {
    open_layer(tree, key);
    if (tree.kind == Tree::Kind::sequence) { return find_item(tree, key); }
    if (tree.kind == Tree::Kind::null) {
        tree.kind = Tree::Kind::mapping;
        if (tree.place.file.empty()) { tree.place = place; }
    }
    if (tree.kind != Tree::Kind::mapping) { return nullptr; }
    if (Tree* found = tree.find(key)) { return found; }
    tree.entries.push_back({key, place, Tree{}});
    return &tree.entries.back().value;
}

}  // namespace

void apply_override(std::string const& text, Tree& root, std::vector<Problem>& problems) {
    Place const place{"command line: " + shorten(text), 0, 0};
    auto const sign = text.find('=');
    if (sign == std::string::npos || sign == 0) {
        problems.push_back(
            {place, "this is not an override (it has no 'key='): write key.sub=value, such as train.batch=8"});
        return;
    }
    std::size_t const before = problems.size();
    Tree value = parse_yaml(text.substr(sign + 1), place.file, problems, false);
    if (problems.size() > before) { return; }
    auto const keys = split(text.substr(0, sign), '.');
    constexpr std::size_t deepest = 32;
    if (keys.size() > deepest) {
        problems.push_back(
            {place, fmt::format("the key has more than {} parts (no key of a deck has): check it", deepest)});
        return;
    }
    Tree* target = &root;
    std::string done;
    for (auto const& key : keys) {
        Tree* next = key.empty() ? nullptr : step_into(*target, key, place);
        if (next == nullptr) {
            std::string const what =
                target->kind == Tree::Kind::sequence
                    ? fmt::format("{} is a list of {} items", done, target->items.size())
                    : fmt::format("{} is {}", done.empty() ? "the deck" : done, target->describe());
            problems.push_back(
                {place, fmt::format("there is no '{}' to override ({}): check the key", shorten(key), what)});
            return;
        }
        target = next;
        done += (done.empty() ? "" : ".") + key;
    }
    value.place = place;
    *target = std::move(value);
}

}  // namespace aureole::deck
