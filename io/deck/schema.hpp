#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "io/deck/tree.hpp"

namespace aureole::deck {

/// What may stand after a key.
enum class Type : std::uint8_t {
    boolean,
    integer,
    real,
    text,
    enumeration,  ///< one of Field::choices
    bytes,        ///< integer, or text with a unit: "40 GiB"
    duration,     ///< seconds, or text with units: "1 h 30 min"
    input_path,   ///< file or glob to read; expanded, looked for beside the deck too
    output_path,  ///< file or folder to write; expanded
    padding,      ///< same, valid, a number, one number per axis, or a pair of numbers per axis
    list,         ///< of Field::fields[0]; a list of one item may be written as the item
    mapping,      ///< free keys (Field::fields[0]) to values (Field::fields[1])
    section,      ///< of Field::fields
    layer,        ///< exactly one of the sections Field::fields, or its bare key
};

/// Largest integer of keys that state no other: what any library counts in.
inline constexpr double most_counted = 0x1p31 - 1;
/// Largest of those that count samples of a set.
inline constexpr double most_samples = 0x1p53;
/// Largest number of ranks, and of what takes ranks of its own.
inline constexpr double most_ranks = 0x1p14;

/// Numbers allowed; open ends exclude the limit itself.
struct Range {
    std::optional<double> lo, hi;
    bool open_lo = false, open_hi = false;

    [[nodiscard]] bool contains(double value) const;
    /// "1 or more", "above 0", "0 to 1"; empty without limits.
    [[nodiscard]] std::string text() const;
};

class Reader;

/// One key of the schema: parsing, checks, the reference page, the JSON Schema and the dump all come from it.
struct Field {
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    std::string key;
    std::string help;
    std::string unit;
    Type type = Type::text;
    bool required = false;
    bool nullable = false;  ///< may be null: not set
    Range range;
    std::size_t min_items = 0, max_items = unlimited;
    std::vector<std::string> choices;
    std::vector<Field> fields;
    std::string shorthand;          ///< section: a scalar in its place is the value of this key
    std::string when_key;           ///< the field applies only if this key of the same section ...
    std::vector<std::string> when;  ///< ... has one of these values
    std::string derived;            ///< where the default comes from if it is not a constant

    /// Binding to the structs of deck.hpp; `object` is the struct that has the field.
    std::function<void(void* object)> preset;
    std::function<void(Reader& reader, Field const& field, Tree const& tree, void* object)> read;
    std::function<Tree(Field const& field, void const* object)> write;
    std::function<Tree(Field const& field)> write_default;

    // Refinements, in the order of a sentence: integer("batch", ...).is_required().at_least(1).in("samples")
    // Those about values apply to the items of a list.
    Field& is_required();
    Field& at_least(double lo);
    Field& above(double lo);
    Field& between(double lo, double hi);
    Field& from_up_to(double lo, double hi);  ///< hi excluded
    Field& up_to(double hi);
    Field& in(std::string unit);
    Field& as(Type leaf_type);
    Field& items(std::size_t least, std::size_t most);
    Field& one_of(std::vector<std::string> words);
    Field& short_for(std::string key);
    Field& with(std::string key, std::vector<std::string> values);
    Field& otherwise(std::string derived_default);

    /// The field itself, or the item of a list.
    [[nodiscard]] Field& leaf();
    [[nodiscard]] Field const& item() const;
    [[nodiscard]] Field const* find(std::string_view key) const;
    [[nodiscard]] std::vector<std::string> keys() const;
};

/// Whether a field applies beside the other values of its section; nothing if the deciding key is missing or faulty.
[[nodiscard]] std::optional<bool> applies(Field const& field, Field const& section, Tree const& tree);

/// "an integer", "one of a, b": what a field takes, for messages and the reference.
[[nodiscard]] std::string describe_type(Field const& field);

/// What the schema says of the value at a key ("train", "batch"), whose numbers count items of lists; nullptr if a deck
/// has no such key.
[[nodiscard]] Field const* find_field(Field const& root, std::vector<std::string> const& keys);

/// Paths of all values and sections of that key within a section ("optimizer.lr" for "lr" in train), in the schema's
/// order. A list of sections counts as its only item; layers are left out.
[[nodiscard]] std::vector<std::string> paths_of_key(Field const& section, std::string_view key);

/// The whole schema: a section whose fields bind to a Deck.
[[nodiscard]] Field const& deck_schema();

}  // namespace aureole::deck
