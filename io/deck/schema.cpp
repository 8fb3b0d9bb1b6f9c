#include "io/deck/schema.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "io/deck/scalar.hpp"

namespace aureole::deck {

namespace {

/// "7", "-2^31", "2^31 - 1"
std::string limit_text(double limit) {
    constexpr double long_number = 1e6;
    int exponent = 0;
    double const magnitude = std::abs(limit);
    if (magnitude < long_number) { return fmt::format("{}", limit); }
    if (std::frexp(magnitude, &exponent) == 0.5) { return fmt::format("{}2^{}", limit < 0 ? "-" : "", exponent - 1); }
    if (std::frexp(limit + 1, &exponent) == 0.5) { return fmt::format("2^{} - 1", exponent - 1); }
    return fmt::format("{}", limit);
}

}  // namespace

bool Range::contains(double value) const {
    bool const above = !lo || value > *lo || (!open_lo && value == *lo);
    bool const below = !hi || value < *hi || (!open_hi && value == *hi);
    return above && below;
}

std::string Range::text() const {
    std::string const from = lo ? limit_text(*lo) : "", to = hi ? limit_text(*hi) : "";
    if (lo && hi && *lo == *hi) { return from; }
    if (lo && hi && open_lo) { return fmt::format("above {}, at most {}", from, to); }
    if (lo && hi && open_hi) { return fmt::format("{} up to, but not, {}", from, to); }
    if (lo && hi) { return fmt::format("{} to {}", from, to); }
    if (lo) { return open_lo ? fmt::format("above {}", from) : fmt::format("{} or more", from); }
    if (hi) { return open_hi ? fmt::format("below {}", to) : fmt::format("at most {}", to); }
    return {};
}

Field& Field::leaf() { return type == Type::list ? fields.front().leaf() : *this; }

Field const& Field::item() const { return type == Type::list ? fields.front().item() : *this; }

Field& Field::is_required() {
    required = true;
    return *this;
}
Field& Field::at_least(double lo) {
    leaf().range.lo = lo;
    return *this;
}
Field& Field::above(double lo) {
    leaf().range.lo = lo;
    leaf().range.open_lo = true;
    return *this;
}
Field& Field::between(double lo, double hi) {
    leaf().range.lo = lo;
    leaf().range.hi = hi;
    return *this;
}
Field& Field::from_up_to(double lo, double hi) {
    leaf().range.open_hi = true;
    return between(lo, hi);
}
Field& Field::up_to(double hi) {
    leaf().range.hi = hi;
    return *this;
}
Field& Field::in(std::string unit_name) {
    unit = unit_name;
    leaf().unit = std::move(unit_name);
    return *this;
}
Field& Field::as(Type leaf_type) {
    leaf().type = leaf_type;
    if (leaf_type == Type::bytes) { leaf().range.hi = 0x1p60; }
    return *this;
}
Field& Field::items(std::size_t least, std::size_t most) {
    min_items = least;
    max_items = most;
    return *this;
}
Field& Field::one_of(std::vector<std::string> words) {
    leaf().type = Type::enumeration;
    leaf().choices = std::move(words);
    return *this;
}
Field& Field::short_for(std::string of) {
    leaf().shorthand = std::move(of);
    return *this;
}
Field& Field::with(std::string of, std::vector<std::string> values) {
    when_key = std::move(of);
    when = std::move(values);
    return *this;
}
Field& Field::otherwise(std::string derived_default) {
    derived = std::move(derived_default);
    return *this;
}

Field const* Field::find(std::string_view wanted) const {
    auto const found = std::find_if(fields.begin(), fields.end(), [&](Field const& f) { return f.key == wanted; });
    return found == fields.end() ? nullptr : &*found;
}

std::vector<std::string> Field::keys() const {
    std::vector<std::string> names;
    for (auto const& field : fields) { names.push_back(field.key); }
    return names;
}

namespace {

bool is_number(std::string const& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// One key further; a list of one item may be written as the item.
Field const* step(Field const& field, std::string const& key) {
    if (field.type == Type::list) { return is_number(key) ? &field.fields[0] : step(field.fields[0], key); }
    return field.type == Type::mapping ? &field.fields[1] : field.find(key);
}

}  // namespace

Field const* find_field(Field const& root, std::vector<std::string> const& keys) {
    Field const* field = &root;
    for (std::string const& key : keys) {
        if (field != nullptr) { field = step(*field, key); }
    }
    return field;
}

std::vector<std::string> paths_of_key(Field const& section, std::string_view key) {
    std::vector<std::string> paths;
    for (Field const& field : section.fields) {
        if (field.key == key) { paths.push_back(field.key); }
        if (field.item().type != Type::section) { continue; }
        for (std::string const& below : paths_of_key(field.item(), key)) { paths.push_back(field.key + "." + below); }
    }
    return paths;
}

std::optional<bool> applies(Field const& field, Field const& section, Tree const& tree) {
    if (field.when.empty()) { return true; }
    Field const& deciding = *section.find(field.when_key);
    std::string value;
    if (Tree const* given = tree.find(field.when_key)) {
        value = given->text;
    } else if (deciding.required) {
        return std::nullopt;
    } else {
        value = deciding.write_default(deciding).text;
    }
    auto const& choices = deciding.choices;
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) { return std::nullopt; }
    return std::find(field.when.begin(), field.when.end(), value) != field.when.end();
}

std::string describe_type(Field const& field) {
    switch (field.type) {
        case Type::boolean: return "true or false";
        case Type::integer: return "an integer";
        case Type::real: return "a number";
        case Type::text: return "a text";
        case Type::enumeration: return "one of " + join(field.choices);
        case Type::bytes: return "a size in bytes such as 512 MiB";
        case Type::duration: return "a duration such as 90 s, 30 min or 2 h";
        case Type::input_path: return "a file name";
        case Type::output_path: return "a file or folder name";
        case Type::padding:
            return "same, valid, a number, a list with a number per axis, or a list with a pair [before, after] "
                   "per axis";
        case Type::list: return "a list of: " + describe_type(field.fields.front());
        case Type::mapping:
            return fmt::format("a mapping of {} to {}", describe_type(field.fields[0]), describe_type(field.fields[1]));
        case Type::section: return "a section";
        case Type::layer: return "a layer";
    }
    return {};
}

}  // namespace aureole::deck
