#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include "io/deck/parse.hpp"
#include "io/deck/schema.hpp"
#include "io/deck/yaml_tree.hpp"
#include "unit_tests/io/deck/deck_support.hpp"

namespace aureole::test {
namespace {

using deck::Field;
using deck::Tree;

/// Accepts exactly the JSON of RFC 8259, without surrogate checks.
class JsonReader {
  public:
    explicit JsonReader(std::string_view text) : text_(text) {}
    [[nodiscard]] bool accepts() {
        bool const good = value();
        space();
        return good && at_ == text_.size();
    }

  private:
    void space() { at_ = std::min(text_.find_first_not_of(" \n\r\t", at_), text_.size()); }
    bool take(std::string_view word) {
        bool const is_there = text_.substr(at_, word.size()) == word;
        at_ += is_there ? word.size() : 0;
        return is_there;
    }
    bool text() {
        if (!take("\"")) { return false; }
        while (at_ < text_.size() && text_[at_] != '"') {
            auto const c = static_cast<unsigned char>(text_[at_]);
            if (c < 0x20) { return false; }
            if (c == '\\') {
                ++at_;
                if (text_.substr(at_, 1).find_first_of("\"\\/bfnrtu") == std::string_view::npos) { return false; }
            }
            ++at_;
        }
        return take("\"");
    }
    bool digits() {
        auto const first = at_;
        at_ = std::min(text_.find_first_not_of("0123456789", at_), text_.size());
        return at_ > first;
    }
    bool number() {
        take("-");
        if (!take("0") && !digits()) { return false; }
        if (take(".") && !digits()) { return false; }
        if (take("e") || take("E")) {
            if (!take("+")) { take("-"); }
            return digits();
        }
        return true;
    }
    bool members(std::string_view last, bool named) {
        space();
        if (take(last)) { return true; }
        do {
            space();
            if (named && !(text() && (space(), take(":")))) { return false; }
            if (!value()) { return false; }
            space();
        } while (take(","));
        return take(last);
    }
    bool value() {
        space();
        if (take("{")) { return members("}", true); }
        if (take("[")) { return members("]", false); }
        if (take("true") || take("false") || take("null")) { return true; }
        return text_.substr(at_, 1) == "\"" ? text() : number();
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// The schema of an object among the alternatives of a JSON Schema value.
Tree const* object_of(Tree const& schema) {
    if (schema.find("properties") != nullptr || schema.find("additionalProperties") != nullptr) { return &schema; }
    for (auto const* keyword : {"anyOf", "items"}) {
        Tree const* inner = schema.find(keyword);
        if (inner == nullptr) { continue; }
        if (inner->kind == Tree::Kind::mapping) { return object_of(*inner); }
        for (auto const& alternative : inner->items) {
            if (Tree const* found = object_of(alternative)) { return found; }
        }
    }
    return nullptr;
}

/// Every key below the section is in the JSON Schema, with a description.
void expect_described(Field const& section, Tree const& object, std::string const& path) {
    Tree const* properties = object.find("properties");
    ASSERT_NE(properties, nullptr) << path;
    EXPECT_EQ(properties->entries.size(), section.fields.size()) << path;
    EXPECT_EQ(object.find("additionalProperties")->text, "false") << path;
    for (auto const& field : section.fields) {
        Tree const* schema = properties->find(field.key);
        ASSERT_NE(schema, nullptr) << path << "." << field.key;
        ASSERT_NE(schema->find("description"), nullptr) << path << "." << field.key;
        Field const& item = field.type == deck::Type::list ? field.fields.front() : field;
        if (item.type == deck::Type::section) {
            Tree const* inner = object_of(*schema);
            ASSERT_NE(inner, nullptr) << path << "." << field.key;
            expect_described(item, *inner, path + "." + field.key);
        }
    }
}

TEST(Documents, reference_page_is_current) {
    char const* root = std::getenv("AUREOLE_SOURCE_DIR");
    ASSERT_NE(root, nullptr) << "run by ctest, which sets AUREOLE_SOURCE_DIR";
    std::ifstream stream(std::string(root) + "/docs/deck_reference.md");
    std::stringstream text;
    text << stream.rdbuf();
    EXPECT_TRUE(text.str() == deck_reference())
        << "docs/deck_reference.md differs from the schema; write it anew: aureole info --deck-reference > "
           "docs/deck_reference.md";
}

TEST(Documents, reference_page_has_every_key) {
    std::string const page = deck_reference();
    for (auto const* key :
         {"`train.optimizer`", "`milestones`", "`model`", "`conv`", "`count_include_pad`", "`wall_time`"}) {
        EXPECT_NE(page.find(key), std::string::npos) << key;
    }
}

TEST(Documents, json_schema_is_json_and_describes_every_key) {
    std::string const json = deck_json_schema();
    ASSERT_TRUE(JsonReader(json).accepts());
    EXPECT_FALSE(JsonReader(json + "x").accepts());
    std::vector<deck::Problem> problems;
    Tree const tree = deck::parse_yaml(json, "schema.json", problems);
    ASSERT_TRUE(problems.empty()) << problems.front().text;
    expect_described(deck::deck_schema(), tree, "deck");
    EXPECT_NE(json.find("\"transposed_conv\""), std::string::npos);
}

TEST(Documents, every_field_has_help) {
    auto const check = [](auto const& self, Field const& field, std::string const& path) -> void {
        for (auto const& inner : field.fields) {
            bool const is_key = field.type == deck::Type::section || field.type == deck::Type::layer;
            if (is_key) { EXPECT_FALSE(inner.help.empty()) << path << "." << inner.key; }
            self(self, inner, path + "." + inner.key);
        }
    };
    check(check, deck::deck_schema(), "deck");
}

void expect_round_trip(std::string const& text) {
    std::string const once = dump_deck(parse(text));
    EXPECT_EQ(fault(once), "") << once;
    EXPECT_EQ(dump_deck(parse(once)), once);
}

TEST(Documents, dump_reads_back) {
    expect_round_trip(good_deck());
    for (auto const* norm : {"batch", "group"}) {
        expect_round_trip(with("{name: resnet_cifar, depth: 20, classes: 10}",
                               fmt::format("{{name: unet, classes: 2, norm: {}}}", norm)));
    }
    expect_round_trip(
        with("{name: resnet_cifar, depth: 20, classes: 10}", "{name: amoebanet, cells: 6, filters: 64, classes: 2}"));
    expect_round_trip(with("optimizer: {name: sgd, lr: 0.1, momentum: 0.9}", R"(optimizer: {name: adamw, lr: 1e-3}
  schedule: {name: step, milestones: [0.5, 0.75], warmup_steps: 5}
  loss: [{name: dice, smooth: 0.5}, bce_with_logits]
  metrics: [iou, auroc]
  clip_norm: 1/3
  wall_time: 100 s
  init: {file: a.h5, map: {"layer: 1": 'x "y"'}}
memory: {recompute: cheap, limit: 1.5 GiB}
output: {folder: "odd # folder", dump: {file: d.h5, activations: ['*', "tab\there"], step: 3}})"));
    expect_round_trip(R"(
image: {size: [4, 8, 8], channels: 1}
data:
  train: {file: '*.h5', label_map: {0.5: 1, -1: 0}, y_axes: ndhw}
  normalize: {kind: given, mean: 0.1, deviation: 1/3, clip_lo: -1e-30}
train: {batch: 2, epochs: 0.3, optimizer: {lr: 0.1}}
model:
  layers:
    - conv: {filters: 4, kernel: 3, padding: [[0, 1], 2, 3], name: odd.name-1}
    - relu
    - concat: {from: [odd.name-1, input]}
    - slice: {axis: d, begin: 1, end: 3}
    - avg_pool: {kernel: [1, 2, 2], stride: 2}
    - linear: {features: 2}
)");
}

TEST(Documents, dump_names_every_value) {
    std::string const text = dump_deck(parse(good_deck()));
    for (auto const* line : {"  depth: 20\n", "  norm_batch: null\n", "    momentum: 0.9\n", "  recompute: none\n",
                             "kernels: automatic\n", "  folder: runs/small\n", "  classes: 10\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    }
    EXPECT_EQ(text.find("beta1"), std::string::npos);  // belongs to adamw
}

}  // namespace
}  // namespace aureole::test
