#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/deck/deck.hpp"

namespace aureole::deck {

/// A document: what YAML says, before it means anything. Also the form in which decks and schemas are written.
struct Tree {
    enum class Kind : std::uint8_t { null, scalar, sequence, mapping };
    struct Entry;

    Kind kind = Kind::null;
    std::string text;     ///< scalar
    bool quoted = false;  ///< scalar: certainly a text, not a number or a boolean
    Place place;
    std::vector<Tree> items;     ///< sequence
    std::vector<Entry> entries;  ///< mapping, in the order written

    [[nodiscard]] static Tree plain(std::string text);  ///< a number, boolean or word
    [[nodiscard]] static Tree quote(std::string text);  ///< a text of any characters
    [[nodiscard]] static Tree sequence();
    [[nodiscard]] static Tree sequence(std::vector<Tree> items);
    [[nodiscard]] static Tree mapping();
    /// Appends an entry to a mapping.
    void add(std::string key, Tree value);
    /// The value of a key of a mapping, or nullptr.
    [[nodiscard]] Tree const* find(std::string_view key) const;
    [[nodiscard]] Tree* find(std::string_view key);
    /// "the text 'x'", "a list" ...: what stands there, for messages.
    [[nodiscard]] std::string describe() const;
};

struct Tree::Entry {
    std::string key;
    Place place;
    Tree value;
};

/// One fault of a deck: "what is wrong (why): what to do", and where.
struct Problem {
    Place place;
    std::string text;
};

/// A text cut to a length fit for a message.
[[nodiscard]] std::string shorten(std::string const& text);

/// Block YAML; lists of scalars stand in one line.
[[nodiscard]] std::string to_yaml(Tree const& tree);
/// YAML in one line, for defaults and messages.
[[nodiscard]] std::string to_flow(Tree const& tree);
/// JSON, indented; quoted scalars become strings, plain ones stand as they are.
[[nodiscard]] std::string to_json(Tree const& tree);

}  // namespace aureole::deck
