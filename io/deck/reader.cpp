#include "io/deck/reader.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "io/deck/scalar.hpp"
#include "io/file/file_list.hpp"

namespace aureole::deck {
namespace {

/// A sentence fragment such as "train.batch", or "the deck" at the root.
std::string subject(std::string const& path) { return path.empty() ? "the deck" : path; }

std::string key_below(std::string const& path, std::string const& key) { return path.empty() ? key : path + "." + key; }

/// Names of all keys of a section and of those within it.
std::vector<std::string> all_keys(Field const& section) {
    std::vector<std::string> names = section.keys();
    for (Field const& field : section.fields) {
        Field const& item = field.item();
        if (item.type != Type::section) { continue; }
        for (std::string& name : all_keys(item)) { names.push_back(std::move(name)); }
    }
    return names;
}

/// Paths of the keys that may be meant by one that a section does not have: those of this name further below; or one of
/// the section that is spelt alike, and those of this name elsewhere; or, if there are none, those elsewhere that are
/// spelt alike.
std::vector<std::string> keys_meant(Field const& section, std::string const& path, std::string const& key) {
    constexpr std::size_t few = 3;
    std::vector<std::string> found = paths_of_key(section, key);
    for (std::string& below : found) { below = key_below(path, below); }
    if (!found.empty() && found.size() <= few) { return found; }
    found.clear();
    std::vector<std::string> elsewhere = paths_of_key(deck_schema(), key);
    if (auto const near = nearest(key, section.keys())) { found.push_back(key_below(path, *near)); }
    if (found.empty() && elsewhere.empty()) {
        auto const near = nearest(key, all_keys(deck_schema()));
        if (near) { elsewhere = paths_of_key(deck_schema(), *near); }
    }
    if (found.size() + elsewhere.size() <= few) { found.insert(found.end(), elsewhere.begin(), elsewhere.end()); }
    return found;
}

/// Keys of the section at `path` by their names, all others by their paths.
std::vector<std::string> shown_below(std::string const& path, std::vector<std::string> paths) {
    for (std::string& shown : paths) {
        std::string const name = shown.substr(shown.rfind('.') + 1);
        if (shown == key_below(path, name)) { shown = name; }
    }
    return paths;
}

}  // namespace

void Reader::fail(Place const& place, std::string text) {
    unreadable_.insert(path_);
    problems_.push_back({place, std::move(text)});
}

void Reader::fail_type(Field const& field, Tree const& tree) {
    std::string const remedy = tree.kind == Tree::Kind::null ? "write a value, or leave the key out"
                               : tree.quoted                 ? "remove the quotes"
                                                             : "write one";
    fail(tree.place,
         fmt::format("{} is {} (it takes {}): {}", subject(path_), tree.describe(), describe_type(field), remedy));
}

bool Reader::check_range(Field const& field, Tree const& tree, double value) {
    if (field.range.contains(value)) { return true; }
    fail(tree.place,
         fmt::format("{} is {} (allowed: {}): choose a value in that range", path_, tree.text, field.range.text()));
    return false;
}

std::string const* Reader::scalar(Field const& field, Tree const& tree) {
    if (tree.kind == Tree::Kind::scalar) { return &tree.text; }
    fail_type(field, tree);
    return nullptr;
}

std::string Reader::expand_path(Field const& field, Tree const& tree, std::string const& path) {
    std::string out;
    std::size_t at = 0;
    if (path == "~" || path.starts_with("~/")) {
        char const* home = std::getenv("HOME");
        out = home != nullptr ? home : "~";
        at = 1;
    }
    while (at < path.size()) {
        std::size_t const end = path.compare(at, 2, "${") == 0 ? path.find('}', at) : std::string::npos;
        if (end == std::string::npos) {
            out += path[at++];
            continue;
        }
        std::string const name = path.substr(at + 2, end - at - 2);
        char const* value = std::getenv(name.c_str());
        if (value == nullptr) {
            fail(tree.place,
                 fmt::format("{} uses the environment variable '{}' (it is not set): set it, or write the path out",
                             path_, name));
            return path;
        }
        out += value;
        at = end + 1;
    }
    bool const is_relative = !out.empty() && out.front() != '/';
    if (field.type == Type::input_path && is_relative && !folder_.empty() && match_pattern(out).empty() &&
        !match_pattern(folder_ + "/" + out).empty()) {
        return folder_ + "/" + out;
    }
    return out;
}

void Reader::read_section(Field const& section, Tree const& tree, void* object) {
    for (auto const& field : section.fields) {
        if (field.preset) { field.preset(object); }
    }
    if (tree.kind == Tree::Kind::scalar && !section.shorthand.empty()) {
        Tree whole = Tree::mapping();
        whole.place = tree.place;
        whole.entries.push_back({section.shorthand, tree.place, tree});
        read_section(section, whole, object);
        return;
    }
    if (tree.kind == Tree::Kind::null) {
        Tree empty = Tree::mapping();
        empty.place = tree.place;
        read_section(section, empty, object);
        return;
    }
    if (tree.kind != Tree::Kind::mapping) {
        fail(tree.place,
             fmt::format("{} is {} (it takes a section with the keys {}): write 'key: value' lines below it",
                         subject(path_), tree.describe(), join(section.keys())));
        return;
    }
    check_keys(section, tree);
    for (auto const& field : section.fields) { read_entry(field, section, tree, object); }
}

void Reader::check_keys(Field const& section, Tree const& tree) {
    constexpr std::size_t enough = 100;
    for (auto const& entry : tree.entries) {
        if (section.find(entry.key) != nullptr || problems_.size() > enough) { continue; }
        std::string const where = path_.empty() ? "a deck" : path_;
        auto const meant = keys_meant(section, path_, entry.key);
        for (std::string const& path : meant) { unreadable_.insert(path); }
        unreadable_.insert(key_below(path_, entry.key));
        std::string const remedy = meant.empty()
                                       ? fmt::format("its keys are {}", join(section.keys()))
                                       : fmt::format("did you mean '{}'?", join(shown_below(path_, meant), "' or '"));
        problems_.push_back({entry.place, fmt::format("'{}' is not a key of {} (only documented keys are taken): {}",
                                                      shorten(entry.key), where, remedy)});
    }
}

void Reader::read_entry(Field const& field, Field const& section, Tree const& tree, void* object) {
    auto const found = std::find_if(tree.entries.begin(), tree.entries.end(),
                                    [&](Tree::Entry const& entry) { return entry.key == field.key; });
    std::optional<bool> const is_used = applies(field, section, tree);
    if (found == tree.entries.end()) {
        if (!field.required || !is_used.value_or(false)) { return; }
        std::string const path = key_below(path_, field.key);
        if (!unreadable_.insert(path).second) { return; }  // it was misspelt, which has been said
        auto const place = places_.find(path_);
        problems_.push_back(
            {place == places_.end() ? tree.place : place->second,
             fmt::format("{} is missing (it is required: {}): add '{}: ...'", path, field.help, field.key)});
        return;
    }
    bool const is_leaf = found->value.kind == Tree::Kind::scalar;
    descend(field.key, is_leaf ? found->value.place : found->place, [&] {
        if (is_used == false) {
            Field const& deciding = *section.find(field.when_key);
            Tree const* given = tree.find(field.when_key);
            fail(found->place,
                 fmt::format("{} does not go with {}: {} (it belongs to {}): remove it, or change {}", path_,
                             deciding.key, given != nullptr ? given->text : deciding.write_default(deciding).text,
                             join(field.when, " and "), deciding.key));
        } else {
            field.read(*this, field, found->value, object);
        }
    });
}

}  // namespace aureole::deck
