#include "io/deck/tree.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace aureole::deck {
namespace {

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
           c == '.' || c == '-' || c == '+';
}

/// Words that YAML readers take for something else than a text.
bool is_reserved(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    for (auto const* word : {"null", "true", "false", "yes", "no", "on", "off"}) {
        if (lower == word) { return true; }
    }
    return false;
}

bool is_safe_plain(std::string_view text) {
    if (text.empty() || is_reserved(text)) { return false; }
    bool const starts_well = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '/';
    return starts_well && std::all_of(text.begin(), text.end(), is_word_character);
}

/// Double quotes with escapes that YAML and JSON share.
std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string yaml_scalar(Tree const& tree) {
    if (tree.kind == Tree::Kind::null) { return "null"; }
    return tree.quoted && !is_safe_plain(tree.text) ? in_quotes(tree.text) : tree.text;
}

std::string yaml_key(std::string const& key) { return is_safe_plain(key) ? key : in_quotes(key); }

bool is_inline(Tree const& tree) {
    switch (tree.kind) {
        case Tree::Kind::mapping: return tree.entries.empty();
        case Tree::Kind::sequence:
            return std::all_of(tree.items.begin(), tree.items.end(),
                               [](Tree const& item) { return item.kind != Tree::Kind::mapping && is_inline(item); });
        default: return true;
    }
}

void write_yaml(Tree const& tree, std::size_t indent, std::string& out);

/// The value after "key:" or "-".
void write_value(Tree const& tree, std::size_t indent, bool item, std::string& out) {
    if (is_inline(tree)) {
        out += fmt::format(" {}\n", to_flow(tree));
    } else if (item) {
        std::string nested;
        write_yaml(tree, indent + 2, nested);
        out += fmt::format(" {}",
                           std::string_view(nested).substr(indent + 2));  // the first line continues that of the dash
    } else {
        out += "\n";
        write_yaml(tree, indent + 2, out);
    }
}

void write_yaml(Tree const& tree, std::size_t indent, std::string& out) {
    std::string const margin(indent, ' ');
    if (is_inline(tree)) {
        out += margin + to_flow(tree) + "\n";
    } else if (tree.kind == Tree::Kind::sequence) {
        for (auto const& item : tree.items) {
            out += margin + "-";
            write_value(item, indent, true, out);
        }
    } else {
        for (auto const& entry : tree.entries) {
            out += margin + yaml_key(entry.key) + ":";
            write_value(entry.value, indent, false, out);
        }
    }
}

/// "40 GiB" is a plain scalar in YAML, but a string in JSON.
bool is_json_literal(Tree const& tree) {
    bool const is_word = tree.text == "true" || tree.text == "false";
    return !tree.quoted && (is_word || tree.text.find_first_not_of("0123456789+-.eE") == std::string::npos);
}

void write_json(Tree const& tree, std::size_t indent, std::string& out) {
    std::string const margin(indent + 2, ' ');
    bool const is_list = tree.kind == Tree::Kind::sequence;
    if (tree.kind == Tree::Kind::null) {
        out += "null";
    } else if (tree.kind == Tree::Kind::scalar) {
        out += is_json_literal(tree) ? tree.text : in_quotes(tree.text);
    } else if (is_list ? tree.items.empty() : tree.entries.empty()) {
        out += is_list ? "[]" : "{}";
    } else {
        std::string separator = is_list ? "[\n" : "{\n";
        for (auto const& item : tree.items) {
            out += separator + margin;
            write_json(item, indent + 2, out);
            separator = ",\n";
        }
        for (auto const& entry : tree.entries) {
            out += separator + margin + in_quotes(entry.key) + ": ";
            write_json(entry.value, indent + 2, out);
            separator = ",\n";
        }
        out += "\n" + std::string(indent, ' ') + (is_list ? "]" : "}");
    }
}

template <class T>
auto* find_entry(T& tree, std::string_view key) {
    auto const found =
        std::find_if(tree.entries.begin(), tree.entries.end(), [&](auto const& entry) { return entry.key == key; });
    return found == tree.entries.end() ? nullptr : &found->value;
}

}  // namespace

Tree Tree::plain(std::string text) {
    Tree tree;
    tree.kind = Kind::scalar;
    tree.text = std::move(text);
    return tree;
}

Tree Tree::quote(std::string text) {
    Tree tree = plain(std::move(text));
    tree.quoted = true;
    return tree;
}

Tree Tree::sequence() { return sequence(std::vector<Tree>()); }

Tree Tree::sequence(std::vector<Tree> items) {
    Tree tree;
    tree.kind = Kind::sequence;
    tree.items = std::move(items);
    return tree;
}

Tree Tree::mapping() {
    Tree tree;
    tree.kind = Kind::mapping;
    return tree;
}

void Tree::add(std::string key, Tree value) { entries.push_back({std::move(key), Place{}, std::move(value)}); }

Tree const* Tree::find(std::string_view key) const { return find_entry(*this, key); }
Tree* Tree::find(std::string_view key) { return find_entry(*this, key); }

std::string Tree::describe() const {
    switch (kind) {
        case Kind::null: return "nothing";
        case Kind::sequence: return "a list";
        case Kind::mapping: return "a section";
        case Kind::scalar: break;
    }
    return quoted ? fmt::format("the text {} in quotes", in_quotes(shorten(text))) : fmt::format("'{}'", shorten(text));
}

std::string shorten(std::string const& text) {
    constexpr std::size_t longest = 60;
    return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

std::string to_flow(Tree const& tree) {
    std::string out;
    if (tree.kind == Tree::Kind::sequence) {
        for (auto const& item : tree.items) { out += (out.empty() ? "" : ", ") + to_flow(item); }
        return "[" + out + "]";
    }
    if (tree.kind == Tree::Kind::mapping) {
        for (auto const& entry : tree.entries) {
            out += (out.empty() ? "" : ", ") + yaml_key(entry.key) + ": " + to_flow(entry.value);
        }
        return "{" + out + "}";
    }
    return yaml_scalar(tree);
}

std::string to_yaml(Tree const& tree) {
    std::string out;
    write_yaml(tree, 0, out);
    return out;
}

std::string to_json(Tree const& tree) {
    std::string out;
    write_json(tree, 0, out);
    return out + "\n";
}

}  // namespace aureole::deck
