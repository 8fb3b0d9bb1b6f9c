#include "io/deck/bind.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace aureole::deck {
namespace {

std::optional<Index> parse_whole(Field const& field, std::string const& text) {
    if (field.type == Type::bytes) { return parse_bytes(text); }
    if (field.type == Type::duration) { return parse_duration(text); }
    return parse_integer(text);
}

/// A number per axis, or a pair of numbers for every axis: the sides of a Padding.
std::optional<std::array<Index, 2>> read_side(Tree const& tree) {
    bool const is_pair = tree.kind == Tree::Kind::sequence && tree.items.size() == 2 &&
                         tree.items[0].kind == Tree::Kind::scalar && tree.items[1].kind == Tree::Kind::scalar;
    auto const before = parse_integer(is_pair ? tree.items[0].text : tree.text);
    auto const after = parse_integer(is_pair ? tree.items[1].text : tree.text);
    if (!is_pair && tree.kind != Tree::Kind::scalar) { return std::nullopt; }
    constexpr auto most = static_cast<Index>(most_counted);
    if (!before || !after || *before < 0 || *after < 0 || std::max(*before, *after) > most) { return std::nullopt; }
    return std::array<Index, 2>{*before, *after};
}

}  // namespace

void describe(Field& field, Of<bool> /*type*/) { field.type = Type::boolean; }
void describe(Field& field, Of<Index> /*type*/) {
    field.type = Type::integer;
    field.range.lo = -0x1p31;
    field.range.hi = most_counted;
}
void describe(Field& field, Of<std::int32_t> /*type*/) {
    field.type = Type::integer;
    field.range.lo = std::numeric_limits<std::int32_t>::min();
    field.range.hi = std::numeric_limits<std::int32_t>::max();
}
void describe(Field& field, Of<double> /*type*/) { field.type = Type::real; }
void describe(Field& field, Of<long double> /*type*/) { field.type = Type::real; }
void describe(Field& field, Of<std::string> /*type*/) { field.type = Type::text; }
void describe(Field& field, Of<Padding> /*type*/) { field.type = Type::padding; }

void read_as(Reader& reader, Field const& field, Tree const& tree, bool& value) {
    std::string const* text = reader.scalar(field, tree);
    if (text == nullptr) { return; }
    auto const parsed = parse_boolean(*text);
    if (!parsed || tree.quoted) { return reader.fail_type(field, tree); }
    value = *parsed;
}

void read_as(Reader& reader, Field const& field, Tree const& tree, Index& value) {
    std::string const* text = reader.scalar(field, tree);
    if (text == nullptr) { return; }
    auto const parsed = parse_whole(field, *text);
    bool const quotes_allowed = field.type == Type::bytes || field.type == Type::duration;
    if (!parsed || (tree.quoted && !quotes_allowed)) { return reader.fail_type(field, tree); }
    if (reader.check_range(field, tree, static_cast<double>(*parsed))) { value = *parsed; }
}

void read_as(Reader& reader, Field const& field, Tree const& tree, std::int32_t& value) {
    Index wide = value;
    read_as(reader, field, tree, wide);
    value = static_cast<std::int32_t>(wide);
}

void read_as(Reader& reader, Field const& field, Tree const& tree, double& value) {
    std::string const* text = reader.scalar(field, tree);
    if (text == nullptr) { return; }
    auto const parsed = parse_real(*text);
    if (!parsed || tree.quoted) { return reader.fail_type(field, tree); }
    if (reader.check_range(field, tree, *parsed)) { value = *parsed; }
}

/// Exact for integers of 64 bits, which f64 does not hold.
void read_as(Reader& reader, Field const& field, Tree const& tree, long double& value) {
    double rounded = 0;
    read_as(reader, field, tree, rounded);
    value = rounded;
    std::int64_t whole = 0;
    std::uint64_t large = 0;
    char const *const begin = tree.text.data(), *const end = begin + tree.text.size();
    if (std::from_chars(begin, end, whole).ptr == end) { value = whole; }
    if (std::from_chars(begin, end, large).ptr == end && large > 0) { value = large; }
}

void read_as(Reader& reader, Field const& field, Tree const& tree, std::string& value) {
    if (field.type == Type::enumeration) {
        if (auto const position = read_choice(reader, field, tree)) { value = field.choices[*position]; }
        return;
    }
    std::string const* text = reader.scalar(field, tree);
    if (text == nullptr) { return; }
    bool const is_path = field.type == Type::input_path || field.type == Type::output_path;
    value = is_path ? reader.expand_path(field, tree, *text) : *text;
}

void read_as(Reader& reader, Field const& field, Tree const& tree, Padding& value) {
    if (tree.kind == Tree::Kind::scalar && (tree.text == "same" || tree.text == "valid")) {
        value = {tree.text == "same" ? Padding::Mode::same : Padding::Mode::valid, {}};
        return;
    }
    Padding given{Padding::Mode::given, {}};
    std::vector<Tree> const alone{tree};
    auto const& items = tree.kind == Tree::Kind::sequence ? tree.items : alone;
    for (auto const& item : items) {
        auto const side = item.quoted ? std::nullopt : read_side(item);
        if (!side) { return reader.fail_type(field, item); }
        given.sides.push_back(*side);
    }
    constexpr std::size_t axes = 3;
    if (given.sides.empty() || given.sides.size() > axes) { return reader.fail_type(field, tree); }
    value = std::move(given);
}

void read_as(Reader& reader, Field const& field, Tree const& tree, LayerSpec& value) {
    value.place = tree.place;
    bool const is_word = tree.kind == Tree::Kind::scalar;
    if (!is_word && tree.kind != Tree::Kind::mapping) { return reader.fail_type(field, tree); }
    if (!is_word && tree.entries.size() != 1) {
        std::string kinds;
        for (auto const& entry : tree.entries) { kinds += (kinds.empty() ? "" : ", ") + shorten(entry.key); }
        reader.fail(tree.place,
                    fmt::format("{} has {} keys: {} (a layer is one key, its kind): indent the attributes below "
                                "the kind",
                                reader.path(), tree.entries.size(), kinds));
        return;
    }
    value.op = is_word ? tree.text : tree.entries.front().key;
    Field const* section = field.find(value.op);
    if (section == nullptr) {
        auto const near = nearest(value.op, field.keys());
        reader.fail(tree.place,
                    fmt::format("'{}' is not a kind of layer (kinds: {}): {}", shorten(value.op), join(field.keys()),
                                near ? fmt::format("did you mean '{}'?", *near) : "choose one of them"));
        return;
    }
    Tree const empty = Tree::mapping();
    Tree const& attributes = is_word ? empty : tree.entries.front().value;
    Place const& place = is_word ? tree.place : tree.entries.front().place;
    reader.descend(value.op, place, [&] { reader.read_section(*section, attributes, &value); });
}

Tree write_as(Field const& /*field*/, bool value) { return Tree::plain(value ? "true" : "false"); }
Tree write_as(Field const& field, Index value) {
    if (field.type == Type::bytes) { return Tree::plain(write_bytes(value)); }
    if (field.type == Type::duration) { return Tree::plain(write_duration(value)); }
    return Tree::plain(std::to_string(value));
}
Tree write_as(Field const& /*field*/, std::int32_t value) { return Tree::plain(std::to_string(value)); }
Tree write_as(Field const& /*field*/, double value) { return Tree::plain(write_real(value)); }
Tree write_as(Field const& field, long double value) {
    bool const is_integer = std::floor(value) == value && std::abs(value) < 0x1p64L;
    return is_integer ? Tree::plain(fmt::format("{:.0f}", value)) : write_as(field, static_cast<double>(value));
}
Tree write_as(Field const& /*field*/, std::string const& value) { return Tree::quote(value); }

Tree write_as(Field const& /*field*/, Padding const& value) {
    if (value.mode != Padding::Mode::given) {
        return Tree::quote(value.mode == Padding::Mode::same ? "same" : "valid");
    }
    Tree tree = Tree::sequence();
    for (auto const& side : value.sides) {
        tree.items.push_back(
            Tree::sequence({Tree::plain(std::to_string(side[0])), Tree::plain(std::to_string(side[1]))}));
    }
    return tree;
}

Tree write_as(Field const& field, LayerSpec const& value) {
    Field const* section = field.find(value.op);
    if (section == nullptr) { return Tree::quote(value.op); }
    Tree tree = Tree::mapping();
    tree.add(value.op, write_section(*section, &value));
    return tree;
}

Tree write_section(Field const& section, void const* object) {
    Tree all = Tree::mapping();
    for (auto const& field : section.fields) { all.add(field.key, field.write(field, object)); }
    Tree tree = Tree::mapping();
    for (auto& entry : all.entries) {
        if (applies(*section.find(entry.key), section, all).value_or(true)) { tree.entries.push_back(entry); }
    }
    return tree;
}

std::optional<std::size_t> read_choice(Reader& reader, Field const& field, Tree const& tree) {
    std::string const* text = reader.scalar(field, tree);
    if (text == nullptr) { return std::nullopt; }
    auto const found = std::find(field.choices.begin(), field.choices.end(), *text);
    if (found == field.choices.end()) {
        auto const near = nearest(*text, field.choices);
        reader.fail(tree.place,
                    fmt::format("{} is '{}' (it takes {}): {}", reader.path(), shorten(*text), describe_type(field),
                                near ? fmt::format("did you mean '{}'?", *near) : "choose one of them"));
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - field.choices.begin());
}

bool check_items(Reader& reader, Field const& field, Tree const& tree, std::size_t count) {
    if (count >= field.min_items && count <= field.max_items) { return true; }
    std::string const allowed = field.max_items == Field::unlimited ? fmt::format("{} or more", field.min_items)
                                : field.min_items == field.max_items
                                    ? fmt::format("{}", field.min_items)
                                    : fmt::format("{} to {}", field.min_items, field.max_items);
    reader.fail(tree.place, fmt::format("{} has {} item{} (it takes {}: {}): write that many", reader.path(), count,
                                        count == 1 ? "" : "s", allowed, field.help));
    return false;
}

}  // namespace aureole::deck
