#include <fmt/core.h>

#include <algorithm>

#include "io/deck/parse.hpp"
#include "io/deck/scalar.hpp"
#include "io/deck/schema.hpp"

namespace aureole {
namespace {

using deck::Field;
using deck::most_counted;
using deck::Tree;
using deck::Type;

Tree texts(std::vector<std::string> const& words) {
    Tree list = Tree::sequence();
    for (auto const& word : words) { list.items.push_back(Tree::quote(word)); }
    return list;
}

Tree of_type(std::string type) {
    Tree tree = Tree::mapping();
    tree.add("type", Tree::quote(std::move(type)));
    return tree;
}

Tree any_of(std::vector<Tree> alternatives) {
    Tree tree = Tree::mapping();
    tree.add("anyOf", Tree::sequence(std::move(alternatives)));
    return tree;
}

Tree count(std::size_t value) { return Tree::plain(std::to_string(value)); }

Tree number(Field const& field, std::string type) {
    Tree tree = of_type(std::move(type));
    auto const& range = field.range;
    if (range.lo) {
        tree.add(range.open_lo ? "exclusiveMinimum" : "minimum", Tree::plain(fmt::format("{}", *range.lo)));
    }
    if (range.hi) {
        tree.add(range.open_hi ? "exclusiveMaximum" : "maximum", Tree::plain(fmt::format("{}", *range.hi)));
    }
    return tree;
}

Tree pattern(std::string expression) {
    Tree tree = of_type("string");
    tree.add("pattern", Tree::quote(std::move(expression)));
    return tree;
}

Tree value_schema(Field const& field);

Tree list_schema(Field const& field) {
    Tree list = of_type("array");
    list.add("items", value_schema(field.fields.front()));
    if (field.min_items > 0) { list.add("minItems", count(field.min_items)); }
    if (field.max_items != Field::unlimited) { list.add("maxItems", count(field.max_items)); }
    bool const is_layers = field.fields.front().type == Type::layer;  // their schema is long: once is enough
    return field.min_items <= 1 && !is_layers ? any_of({value_schema(field.fields.front()), std::move(list)}) : list;
}

Tree padding_schema() {
    Field whole;
    whole.between(0, most_counted);
    Tree word = Tree::mapping();
    word.add("enum", texts({"same", "valid"}));
    Tree pair = of_type("array");
    pair.add("items", number(whole, "integer"));
    Tree sides = of_type("array");
    sides.add("items", any_of({number(whole, "integer"), std::move(pair)}));
    return any_of({std::move(word), number(whole, "integer"), std::move(sides)});
}

/// {"if": the deciding key has another value, "then": the field must be absent}; for a required field also the reverse.
void add_condition(Field const& field, Field const& section, Tree& conditions) {
    Field const& deciding = *section.find(field.when_key);
    std::vector<std::string> others;
    for (auto const& choice : deciding.choices) {
        if (std::find(field.when.begin(), field.when.end(), choice) == field.when.end()) { others.push_back(choice); }
    }
    std::string const initial = deciding.required ? "" : deciding.write_default(deciding).text;
    auto const when = [&](std::vector<std::string> const& values, Tree then) {
        Tree is_one = Tree::mapping();
        is_one.add("enum", texts(values));
        Tree properties = Tree::mapping();
        properties.add(deciding.key, std::move(is_one));
        Tree test = Tree::mapping();
        test.add("properties", std::move(properties));
        bool const holds_by_default = std::find(values.begin(), values.end(), initial) != values.end();
        if (!holds_by_default) { test.add("required", texts({deciding.key})); }
        Tree condition = Tree::mapping();
        condition.add("if", std::move(test));
        condition.add("then", std::move(then));
        conditions.items.push_back(std::move(condition));
    };
    Tree forbidden = Tree::mapping();
    forbidden.add(field.key, Tree::plain("false"));
    Tree absent = Tree::mapping();
    absent.add("properties", std::move(forbidden));
    when(others, std::move(absent));
    if (field.required) {
        Tree present = Tree::mapping();
        present.add("required", texts({field.key}));
        when(field.when, std::move(present));
    }
}

Tree section_schema(Field const& section) {
    Tree properties = Tree::mapping();
    Tree conditions = Tree::sequence();
    std::vector<std::string> required;
    for (auto const& field : section.fields) {
        Tree value = value_schema(field);
        std::string help = field.help;
        if (!field.unit.empty()) { help += " [" + field.unit + "]"; }
        if (!field.derived.empty()) { help += " (default: " + field.derived + ")"; }
        value.add("description", Tree::quote(std::move(help)));
        bool const has_default = !field.required && field.derived.empty() && field.type != Type::section;
        if (has_default) { value.add("default", field.write_default(field)); }
        properties.add(field.key, std::move(value));
        if (!field.when.empty()) {
            add_condition(field, section, conditions);
        } else if (field.required) {
            required.push_back(field.key);
        }
    }
    Tree tree = of_type("object");
    tree.add("additionalProperties", Tree::plain("false"));
    tree.add("properties", std::move(properties));
    if (!required.empty()) { tree.add("required", texts(required)); }
    if (!conditions.items.empty()) { tree.add("allOf", std::move(conditions)); }
    Field const* shorthand = section.find(section.shorthand);
    return shorthand == nullptr ? tree : any_of({value_schema(*shorthand), std::move(tree)});
}

Tree layer_schema(Field const& layers) {
    std::vector<Tree> kinds;
    std::vector<std::string> bare;
    for (auto const& layer : layers.fields) {
        bool const needs_attributes =
            std::any_of(layer.fields.begin(), layer.fields.end(), [](Field const& field) { return field.required; });
        Tree attributes = section_schema(layer);
        if (!needs_attributes) {
            bare.push_back(layer.key);
            attributes = any_of({std::move(attributes), of_type("null")});
        }
        attributes.add("description", Tree::quote(layer.help));
        Tree properties = Tree::mapping();
        properties.add(layer.key, std::move(attributes));
        Tree kind = of_type("object");
        kind.add("additionalProperties", Tree::plain("false"));
        kind.add("required", texts({layer.key}));
        kind.add("properties", std::move(properties));
        kinds.push_back(std::move(kind));
    }
    Tree words = Tree::mapping();
    words.add("enum", texts(bare));
    kinds.insert(kinds.begin(), std::move(words));
    return any_of(std::move(kinds));
}

Tree type_schema(Field const& field) {
    switch (field.type) {
        case Type::boolean: return of_type("boolean");
        case Type::integer: return number(field, "integer");
        case Type::real: return any_of({number(field, "number"), pattern("^[-+0-9.eE]+/[-+0-9.eE]+$")});
        case Type::bytes: return any_of({number(field, "integer"), pattern("^[0-9.]+ *([KMGTP]iB|[kKMGTP]?B)?$")});
        case Type::duration: return any_of({number(field, "integer"), pattern("^([0-9.]+ *[a-z]* *)+$")});
        case Type::padding: return padding_schema();
        case Type::list: return list_schema(field);
        case Type::section: return section_schema(field);
        case Type::layer: return layer_schema(field);
        case Type::mapping: {
            Tree tree = of_type("object");
            tree.add("additionalProperties", value_schema(field.fields[1]));
            return tree;
        }
        case Type::enumeration: {
            Tree tree = Tree::mapping();
            tree.add("enum", texts(field.choices));
            return tree;
        }
        case Type::text:
        case Type::input_path:
        case Type::output_path: break;
    }
    Tree any_scalar = Tree::mapping();
    any_scalar.add("type", texts({"string", "number", "boolean"}));  // a name may look like a number
    return any_scalar;
}

Tree value_schema(Field const& field) {
    Tree value = type_schema(field);
    return field.nullable ? any_of({std::move(value), of_type("null")}) : value;
}

}  // namespace

std::string deck_json_schema() {
    Tree tree = Tree::mapping();
    tree.add("$schema", Tree::quote("http://json-schema.org/draft-07/schema#"));
    tree.add("title", Tree::quote("Aureole deck"));
    Tree const body = section_schema(deck::deck_schema());
    tree.entries.insert(tree.entries.end(), body.entries.begin(), body.entries.end());
    return to_json(tree);
}

}  // namespace aureole
