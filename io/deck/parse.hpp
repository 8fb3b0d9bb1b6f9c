#pragma once
#include <string>
#include <vector>

#include "io/deck/deck.hpp"

namespace aureole {

/// Reads, checks and resolves a deck. Throws Error(bad_deck) whose message holds every fault found, one line each:
/// "file:line:column: what is wrong (why): what to do". `overrides` are "key.sub=value", applied in order before
/// checking.
///
/// Input paths: "~" and "${NAME}" are expanded; a relative path that does not exist in the current directory but does
/// in the deck's folder is taken from there.
[[nodiscard]] Deck read_deck(std::string const& path, std::vector<std::string> const& overrides = {});

/// Likewise from a text; `file_name` is used for messages and for the deck's folder.
[[nodiscard]] Deck parse_deck(std::string const& text, std::string const& file_name,
                              std::vector<std::string> const& overrides = {});

/// The deck as YAML with every value that applies; it reads back to the same values.
[[nodiscard]] std::string dump_deck(Deck const& deck);

/// The reference page (Markdown) and the JSON Schema of decks, both generated from the schema.
[[nodiscard]] std::string deck_reference();
[[nodiscard]] std::string deck_json_schema();

}  // namespace aureole
