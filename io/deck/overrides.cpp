#include "io/deck/overrides.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "io/deck/schema.hpp"
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

/// True if a text, or a list of texts, is the value of the key.
bool takes_text(Field const* field) {
    if (field == nullptr) { return false; }
    Type const type = field->item().type;
    return type == Type::text || type == Type::input_path || type == Type::output_path;
}

std::string trim(std::string const& text) {
    constexpr auto blanks = " \t\r\n";
    std::size_t const first = text.find_first_not_of(blanks);
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

/// Whether YAML says of a text what is meant: quotes around all of it, a list, nothing. In what else there is, YAML
/// sees more than was written: a comment in "exp #2", an alias in "*.h5", a section in "a: b".
bool is_meant(Tree const& value, std::string const& text, Field const& field) {
    if (value.kind == Tree::Kind::sequence) { return field.type == Type::list; }
    bool const can_be_nothing = field.nullable || field.type == Type::list;
    if (value.kind == Tree::Kind::null) { return text == "null" || (can_be_nothing && (text.empty() || text == "~")); }
    return value.kind == Tree::Kind::scalar && value.quoted && text.front() == text.back();
}

/// The shell has taken the quotes that would have kept a text from YAML: it is taken whole where the key takes a text,
/// and where there is no such key, so that this is what is told.
Tree read_value(std::string const& written, Field const* field, Place const& place, std::vector<Problem>& problems) {
    std::vector<Problem> faults;
    Tree value = parse_yaml(written, place.file, faults, false);
    std::string const text = trim(written);
    bool const is_printable =
        std::none_of(text.begin(), text.end(), [](unsigned char letter) { return letter < 0x20 || letter == 0x7F; });
    bool const is_whole =
        takes_text(field) ? !faults.empty() || !is_meant(value, text, *field) : field == nullptr && !faults.empty();
    if (is_whole && is_printable) { return Tree::plain(text); }
    problems.insert(problems.end(), faults.begin(), faults.end());
    return value;
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
    auto const keys = split(text.substr(0, sign), '.');
    std::size_t const before = problems.size();
    Tree value = read_value(text.substr(sign + 1), find_field(deck_schema(), keys), place, problems);
    if (problems.size() > before) { return; }
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
