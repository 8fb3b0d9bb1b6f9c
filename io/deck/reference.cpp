#include <fmt/core.h>

#include "io/deck/parse.hpp"
#include "io/deck/scalar.hpp"
#include "io/deck/schema.hpp"

namespace aureole {
namespace {

using deck::Field;
using deck::Tree;
using deck::Type;

/// Text of a table cell: pipes would end it, angle brackets vanish as HTML.
std::string cell(std::string const& text) {
    std::string out;
    for (char const c : text) {
        if (c == '|') {
            out += "\\|";
        } else if (c == '<') {
            out += "&lt;";
        } else if (c == '>') {
            out += "&gt;";
        } else {
            out += c;
        }
    }
    return out;
}

std::string type_cell(Field const& field) {
    std::string out;
    switch (field.type) {
        case Type::boolean: out = "boolean"; break;
        case Type::integer: out = "integer"; break;
        case Type::real: out = "number"; break;
        case Type::text: out = "text"; break;
        case Type::enumeration: out = "`" + deck::join(field.choices, "` `") + "`"; break;
        case Type::bytes: out = "size (`40 GiB`)"; break;
        case Type::duration: out = "duration (`2 h`)"; break;
        case Type::input_path: out = "path to read"; break;
        case Type::output_path: out = "path to write"; break;
        case Type::padding: out = "padding"; break;
        case Type::list: return "list of " + type_cell(field.fields.front());
        case Type::mapping:
            return fmt::format("mapping: {} to {}", type_cell(field.fields[0]), type_cell(field.fields[1]));
        case Type::section: return "section";
        case Type::layer: return "layers";
    }
    std::string const range = field.range.text();
    if (!field.unit.empty() && field.type != Type::bytes) { out += ", " + field.unit; }
    return range.empty() ? out : out + ", " + range;
}

std::string default_cell(Field const& field) {
    if (field.required) { return "required"; }
    if (!field.derived.empty()) { return field.derived; }
    if (field.type == Type::section) { return ""; }
    Tree const value = field.write_default(field);
    bool const is_item = value.kind == Tree::Kind::sequence && value.items.size() == 1 &&
                         value.items.front().kind == Tree::Kind::mapping;
    if (is_item) { return ""; }
    return fmt::format("`{}`", to_flow(value));
}

std::string meaning_cell(Field const& field) {
    std::string out = field.help;
    bool const is_limited = field.type == Type::list && field.max_items != Field::unlimited;
    if (is_limited && field.min_items == field.max_items) { out += fmt::format(" ({} items)", field.max_items); }
    if (!field.when.empty()) {
        out += fmt::format(" *(only with {}: {})*", field.when_key, deck::join(field.when, " or "));
    }
    return out;
}

void write_table(std::vector<Field> const& fields, std::string& out) {
    out += "| key | type | default | meaning |\n|---|---|---|---|\n";
    for (auto const& field : fields) {
        out += fmt::format("| `{}` | {} | {} | {} |\n", field.key, cell(type_cell(field)), cell(default_cell(field)),
                           cell(meaning_cell(field)));
    }
}

void write_layers(Field const& layers, std::string& out) {
    out +=
        "\n### Layers\n\nEvery item of `model.layers` is one of these kinds: a bare word (`- relu`), or a key with "
        "attributes "
        "(`- conv: {filters: 16, kernel: 3}`).\n";
    for (auto const& layer : layers.fields) {
        out += fmt::format("\n#### `{}`\n\n{}\n\n", layer.key, layer.help);
        write_table(layer.fields, out);
    }
}

void write_section(std::string const& path, Field const& section, std::string& out) {
    std::string help = section.help;
    if (!help.empty() && help[0] >= 'a' && help[0] <= 'z') { help[0] = static_cast<char>(help[0] - 'a' + 'A'); }
    out += fmt::format("\n## `{}`\n\n{}.", path, help);
    if (!section.shorthand.empty()) {
        out += fmt::format(" A bare value is short for its key `{}`.", section.shorthand);
    }
    out += "\n\n";
    write_table(section.fields, out);
    for (auto const& field : section.fields) {
        Field const& item = field.type == Type::list ? field.fields.front() : field;
        if (item.type == Type::layer) { write_layers(item, out); }
        if (item.type != Type::section) { continue; }
        Field shown = item;
        shown.help = field.help;
        write_section(path + "." + field.key, shown, out);
    }
}

constexpr auto introduction = R"(# Deck reference

This page is generated from the schema: `aureole info --deck-reference > docs/deck_reference.md`.

A deck is one YAML document that describes a run. Keys that are not on this page, values of a wrong type or out of range, and
combinations that cannot run are errors; all of them are shown at once, each with file, line and column.

- `key.sub=value` on the command line replaces a value: `train.batch=8`, `image.size=[64,64]`, `model.layers.3.conv.filters=8`
  (list items count from 0). A key that takes a text takes all that follows the sign: `data.train.file=*.h5`, `output.folder=exp #2`.
- A list of one item may be written as the item. A number may be written as a fraction (`1/255`); an integer as `1e6`.
- Sizes take B, kB, MB, GB, TB, KiB, MiB, GiB, TiB; durations take s, min, h, d and sums of them (`1 h 30 min`).
- `null` stands for "not set" where the default column has no value.
- YAML anchors, aliases and merge keys (`<<`) work.
- Paths: `~` and `${NAME}` (environment variables) are expanded. A relative path to read that does not exist in the current
  folder is looked for in the deck's folder. Paths to write are relative to the current folder.

)";

}  // namespace

std::string deck_reference() {
    std::string out = introduction;
    Field const& root = deck::deck_schema();
    write_table(root.fields, out);
    for (auto const& field : root.fields) {
        if (field.type == Type::section) { write_section(field.key, field, out); }
    }
    return out;
}

}  // namespace aureole
