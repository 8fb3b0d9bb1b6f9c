#include "io/deck/tree.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "io/deck/yaml_tree.hpp"

namespace aureole::deck {
namespace {

struct Parsed {
    Tree tree;
    std::vector<Problem> problems;
};

Parsed parse(std::string const& text) {
    Parsed result;
    result.tree = parse_yaml(text, "t.yaml", result.problems);
    return result;
}

/// The only fault with its place.
std::string fault(std::string const& text) {
    auto const result = parse(text);
    std::string all;
    for (auto const& problem : result.problems) { all += to_string(problem.place) + ": " + problem.text + "\n"; }
    return all;
}

TEST(YamlTree, keeps_places_and_quotes) {
    auto const [tree, problems] = parse("a: 1\nb:\n  - 'x'\n  - {c: y}\n");
    ASSERT_TRUE(problems.empty());
    ASSERT_EQ(tree.entries.size(), 2U);
    EXPECT_EQ(to_string(tree.entries[1].place), "t.yaml:2:1");
    Tree const& list = *tree.find("b");
    EXPECT_TRUE(list.items[0].quoted);
    EXPECT_EQ(to_string(list.items[0].place), "t.yaml:3:5");
    EXPECT_FALSE(list.items[1].find("c")->quoted);
    EXPECT_EQ(to_string(list.items[1].find("c")->place), "t.yaml:4:9");
}

TEST(YamlTree, expands_aliases_and_merge_keys) {
    auto const [tree, problems] = parse("a: &s {p: 1, q: 2}\nb: *s\nc: {<<: *s, q: 3}\nd: {<<: [{p: 4}, *s]}\n");
    ASSERT_TRUE(problems.empty());
    EXPECT_EQ(to_flow(*tree.find("b")), "{p: 1, q: 2}");
    EXPECT_EQ(to_flow(*tree.find("c")), "{q: 3, p: 1}");
    EXPECT_EQ(to_flow(*tree.find("d")), "{p: 4, q: 2}");
    EXPECT_NE(fault("a: {<<: 3}").find("merges sections only"), std::string::npos);
}

TEST(YamlTree, finds_duplicate_keys) {
    EXPECT_EQ(fault("a: 1\nb: 2\na: 3\n"),
              "t.yaml:3:1: the key 'a' is given twice (first at t.yaml:1:1): keep one of them\n");
}

TEST(YamlTree, refuses_what_is_no_deck) {
    EXPECT_NE(fault("a: [1, 2\n").find("this is not YAML"), std::string::npos);
    EXPECT_NE(fault("a: *nothing\n").find("this is not YAML"), std::string::npos);
    EXPECT_NE(fault("a: &x [*x]\n").find("inside its own anchor"), std::string::npos);
    EXPECT_NE(fault("? [1, 2]\n: 3\n").find("keys are words"), std::string::npos);
    EXPECT_NE(fault("a: !!int 3\n").find("t.yaml:1:4: the tag"), std::string::npos);
    EXPECT_NE(fault("a: 1\n---\nb: 2\n").find("a second document"), std::string::npos);
    EXPECT_NE(fault(std::string("ab\ncd\x01", 6)).find("t.yaml:2:3: the deck holds the byte 0x01"), std::string::npos);
    EXPECT_NE(fault(std::string("\x89HDF\r\n\x1a\n", 8)).find("the byte 0x1a"), std::string::npos);
}

TEST(YamlTree, limits_size_depth_and_expansion) {
    EXPECT_NE(fault(std::string(2 << 20, 'a')).find("the limit is 1048576"), std::string::npos);
    EXPECT_NE(fault(std::string(50, '[') + std::string(50, ']')).find("nested more than 40 levels"), std::string::npos);
    EXPECT_NE(fault(std::string(100'000, '[')).find("nested more than 40 levels"), std::string::npos);
    std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    std::string deep = "d0: &d0 [x]\n";
    for (int i = 1; i < 60; ++i) {
        laughs += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}]\n", i, i - 1);
        deep += fmt::format("d{0}: &d{0} [*d{1}]\n", i, i - 1);
    }
    EXPECT_NE(fault(laughs).find("more than 200000 values"), std::string::npos);
    EXPECT_NE(fault(deep).find("nested more than 40 levels"), std::string::npos);
}

TEST(YamlTree, writes_what_it_reads) {
    Tree tree = Tree::mapping();
    tree.add("plain", Tree::plain("0.5"));
    tree.add("odd key: #", Tree::quote("line\nbreak \"quoted\" \\ tab\t # \x01 ü"));
    tree.add("words",
             Tree::sequence({Tree::quote("true"), Tree::quote("12"), Tree::quote(""), Tree::quote("null"), Tree{}}));
    Tree item = Tree::mapping();
    item.add("k", Tree::sequence({Tree::sequence({Tree::plain("1"), Tree::plain("2")}), Tree::mapping()}));
    item.add("l", Tree::quote("- x"));
    tree.add("items", Tree::sequence({item, Tree::quote("word"), item}));
    auto const [again, problems] = parse(to_yaml(tree));
    ASSERT_TRUE(problems.empty()) << problems.front().text << "\n" << to_yaml(tree);
    EXPECT_EQ(to_yaml(again), to_yaml(tree));
    EXPECT_EQ(again.find("odd key: #")->text, tree.find("odd key: #")->text);
    EXPECT_TRUE(again.find("words")->items[0].quoted);
    EXPECT_FALSE(again.find("plain")->quoted);
}

}  // namespace
}  // namespace aureole::deck
