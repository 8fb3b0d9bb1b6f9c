#pragma once
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/deck/reader.hpp"
#include "io/deck/scalar.hpp"
#include "io/deck/schema.hpp"

/// Ties C++ types to the schema: for every type T that a deck can hold there is `describe` (which type of the schema it
/// is), `read_as` (Tree -> T, faults noted) and `write_as` (T -> Tree). An enumeration is tied by an overload
/// `choices_of(Of<E>)`, a struct by an overload `fields_of(Of<S>)`.
namespace aureole::deck {

/// Carries a type to an overload.
template <class T>
struct Of {};

template <class E>
using Choices = std::vector<std::pair<std::string, E>>;

void describe(Field& field, Of<bool>);
void describe(Field& field, Of<Index>);
void describe(Field& field, Of<std::int32_t>);
void describe(Field& field, Of<double>);
void describe(Field& field, Of<long double> type);
void describe(Field& field, Of<std::string>);
void describe(Field& field, Of<Padding>);
void describe(Field& field, Of<LayerSpec>);

void read_as(Reader& reader, Field const& field, Tree const& tree, bool& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, Index& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, std::int32_t& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, double& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, long double& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, std::string& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, Padding& value);
void read_as(Reader& reader, Field const& field, Tree const& tree, LayerSpec& value);

[[nodiscard]] Tree write_as(Field const& field, bool value);
[[nodiscard]] Tree write_as(Field const& field, Index value);
[[nodiscard]] Tree write_as(Field const& field, std::int32_t value);
[[nodiscard]] Tree write_as(Field const& field, double value);
[[nodiscard]] Tree write_as(Field const& field, long double value);
[[nodiscard]] Tree write_as(Field const& field, std::string const& value);
[[nodiscard]] Tree write_as(Field const& field, Padding const& value);
[[nodiscard]] Tree write_as(Field const& field, LayerSpec const& value);

/// The keys of a section that apply, with their values in `object`.
[[nodiscard]] Tree write_section(Field const& section, void const* object);
/// Reads a scalar that must be one of the field's choices; its position among them, or nothing and a fault.
[[nodiscard]] std::optional<std::size_t> read_choice(Reader& reader, Field const& field, Tree const& tree);
/// Notes a fault unless a list has as many items as the field allows.
bool check_items(Reader& reader, Field const& field, Tree const& tree, std::size_t count);

// --- enumerations
template <class E>
requires std::is_enum_v<E>
void describe(Field& field, Of<E>) {
    field.type = Type::enumeration;
    for (auto const& choice : choices_of(Of<E>{})) { field.choices.push_back(choice.first); }
}
template <class E>
requires std::is_enum_v<E>
void read_as(Reader& reader, Field const& field, Tree const& tree, E& value) {
    if (auto const position = read_choice(reader, field, tree)) { value = choices_of(Of<E>{})[*position].second; }
}
template <class E>
requires std::is_enum_v<E>
[[nodiscard]] Tree write_as(Field const& /*field*/, E const& value) {
    for (auto const& [name, choice] : choices_of(Of<E>{})) {
        if (choice == value) { return Tree::quote(name); }
    }
    return {};
}

// --- structs
template <class S>
concept Section = requires {
    fields_of(Of<S>{});
};

template <Section S>
void describe(Field& field, Of<S>) {
    field.type = Type::section;
    field.fields = fields_of(Of<S>{});
}
template <Section S>
void read_as(Reader& reader, Field const& field, Tree const& tree, S& value) {
    reader.read_section(field, tree, &value);
}
template <Section S>
[[nodiscard]] Tree write_as(Field const& field, S const& value) {
    return write_section(field, &value);
}

// --- containers
template <class T>
void describe(Field& field, Of<std::optional<T>>) {
    describe(field, Of<T>{});
    field.nullable = true;
}
template <class T>
void describe(Field& field, Of<std::vector<T>>) {
    field.type = Type::list;
    describe(field.fields.emplace_back(), Of<T>{});
}
template <class K, class V>
void describe(Field& field, Of<std::map<K, V>>) {
    field.type = Type::mapping;
    field.fields.resize(2);
    describe(field.fields[0], Of<K>{});
    describe(field.fields[1], Of<V>{});
}

template <class T>
void read_as(Reader& reader, Field const& field, Tree const& tree, std::optional<T>& value) {
    value.reset();
    if (tree.kind != Tree::Kind::null) { read_as(reader, field, tree, value.emplace()); }
}

template <class T>
void read_as(Reader& reader, Field const& field, Tree const& tree, std::vector<T>& value) {
    Field const& item = field.fields.front();
    bool const holds_sections = item.type == Type::section || item.type == Type::layer;
    bool const is_item = tree.kind == Tree::Kind::scalar || (tree.kind == Tree::Kind::mapping && holds_sections);
    if (!is_item && tree.kind != Tree::Kind::sequence) { return reader.fail_type(field, tree); }
    value.clear();
    if (is_item) {
        if (check_items(reader, field, tree, 1)) { read_as(reader, item, tree, value.emplace_back()); }
        return;
    }
    if (!check_items(reader, field, tree, tree.items.size())) { return; }
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
        T element{};
        reader.descend(std::to_string(i), tree.items[i].place, [&] { read_as(reader, item, tree.items[i], element); });
        value.push_back(std::move(element));
    }
}

template <class K, class V>
void read_as(Reader& reader, Field const& field, Tree const& tree, std::map<K, V>& value) {
    if (tree.kind != Tree::Kind::mapping) { return reader.fail_type(field, tree); }
    std::map<K, std::string> seen;  // 1 and 1.0 are one number
    for (auto const& entry : tree.entries) {
        reader.descend(entry.key, entry.place, [&] {
            Tree key = Tree::plain(entry.key);
            key.place = entry.place;
            K k{};
            V v{};
            read_as(reader, field.fields[0], key, k);
            read_as(reader, field.fields[1], entry.value, v);
            if (auto const [twin, is_new] = seen.try_emplace(k, entry.key); !is_new) {
                reader.fail(entry.place, fmt::format("{} has the keys {} and {} (they are equal): keep one of them",
                                                     field.key, twin->second, entry.key));
            }
            value.insert_or_assign(std::move(k), std::move(v));
        });
    }
}

template <class T>
[[nodiscard]] Tree write_as(Field const& field, std::optional<T> const& value) {
    return value ? write_as(field, *value) : Tree{};
}
template <class T>
[[nodiscard]] Tree write_as(Field const& field, std::vector<T> const& value) {
    Tree tree = Tree::sequence();
    for (auto const& element : value) { tree.items.push_back(write_as(field.fields.front(), element)); }
    return tree;
}
template <class K, class V>
[[nodiscard]] Tree write_as(Field const& field, std::map<K, V> const& value) {
    Tree tree = Tree::mapping();
    for (auto const& [k, v] : value) { tree.add(write_as(field.fields[0], k).text, write_as(field.fields[1], v)); }
    return tree;
}

/// The schema of a part of struct S that `part(object)` returns by reference; the default is that of a fresh S.
template <class S, class Part>
[[nodiscard]] Field field_at(std::string key, Part part, std::string help) {
    using T = std::remove_cvref_t<std::invoke_result_t<Part, S&>>;
    Field result;
    result.key = std::move(key);
    result.help = std::move(help);
    describe(result, Of<T>{});
    result.read = [part](Reader& reader, Field const& f, Tree const& tree, void* object) {
        read_as(reader, f, tree, part(*static_cast<S*>(object)));
    };
    result.write = [part](Field const& f, void const* object) {
        T const& value = part(*static_cast<S const*>(object));
        return write_as(f, value);
    };
    result.write_default = [part](Field const& f) {
        S const fresh{};
        T const& value = part(fresh);
        return write_as(f, value);
    };
    return result;
}

/// The schema of a member of struct S.
template <class S, class T>
[[nodiscard]] Field field(std::string key, T S::*member, std::string help) {
    return field_at<S>(
        std::move(key), [member](auto& object) -> auto& { return object.*member; }, std::move(help));
}

/// The schema of an attribute of a layer, with its default.
template <class T>
[[nodiscard]] Field attribute(std::string const& key, T initial, std::string help) {
    Field result;
    result.key = key;
    result.help = std::move(help);
    describe(result, Of<T>{});
    result.preset = [key, initial](void* object) { static_cast<LayerSpec*>(object)->attributes[key] = initial; };
    result.read = [key](Reader& reader, Field const& f, Tree const& tree, void* object) {
        read_as(reader, f, tree, std::get<T>(static_cast<LayerSpec*>(object)->attributes[key]));
    };
    result.write = [key](Field const& f, void const* object) {
        return write_as(f, std::get<T>(static_cast<LayerSpec const*>(object)->attributes.at(key)));
    };
    result.write_default = [initial](Field const& f) { return write_as(f, initial); };
    return result;
}

}  // namespace aureole::deck
