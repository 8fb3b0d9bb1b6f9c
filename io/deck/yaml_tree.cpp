#include "io/deck/yaml_tree.hpp"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "core/error.hpp"

namespace aureole::deck {
namespace {

constexpr YamlLimits limits;

std::size_t count_values(Tree const& tree) {
    std::size_t count = 1;
    for (auto const& item : tree.items) { count += count_values(item); }
    for (auto const& entry : tree.entries) { count += count_values(entry.value); }
    return count;
}

std::size_t depth_of(Tree const& tree) {
    std::size_t deepest = 0;
    for (auto const& item : tree.items) { deepest = std::max(deepest, depth_of(item)); }
    for (auto const& entry : tree.entries) { deepest = std::max(deepest, depth_of(entry.value)); }
    return deepest + 1;
}

/// Stops the parser: what follows could not be understood.
struct Stop {
    Problem problem;
};

/// Builds a Tree from yaml-cpp's events. Its own node type would drop duplicate keys and the marks of keys.
class TreeBuilder : public YAML::EventHandler {
  public:
    TreeBuilder(std::string file, bool line, std::vector<Problem>& problems)
        : file_(std::move(file)), line_(line), problems_(problems) {}

    [[nodiscard]] Tree take() { return std::move(root_); }

    void OnDocumentStart(YAML::Mark const& /*mark*/) override {}
    void OnDocumentEnd() override {}

    void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        Tree tree;
        tree.place = place(mark);
        complete(std::move(tree), anchor);
    }

    void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                  std::string const& value) override {
        Tree tree = Tree::plain(value);
        tree.quoted = tag == "!";
        tree.place = place(mark);
        if (tag == "tag:yaml.org,2002:str") {
            tree.quoted = true;
        } else {
            check_tag(tag, tree.place);
        }
        complete(std::move(tree), anchor);
    }

    void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        auto const found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            throw Stop{
                {place(mark), "the alias stands inside its own anchor (it would never end): remove one of them"}};
        }
        Tree copy = found->second;
        if (open_.size() + depth_of(copy) > limits.depth) { throw Stop{too_deep(place(mark))}; }
        values_ += count_values(copy);
        check_count(place(mark));
        --values_;  // complete() counts one
        complete(std::move(copy), 0);
    }

    void OnSequenceStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(Tree::sequence(), mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(Tree::mapping(), mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    /// A sequence or mapping whose end has not been seen.
    struct Open {
        Tree tree;
        YAML::anchor_t anchor = 0;
        std::optional<Tree> key;  ///< mapping: the key whose value comes next
        std::map<std::string, Place> keys;
        std::vector<Tree> merged;
    };

    [[nodiscard]] Place place(YAML::Mark const& mark) const {
        return line_ ? Place{file_, mark.line + 1, mark.column + 1} : Place{file_, 0, 0};
    }

    static Problem too_deep(Place where) {
        return {std::move(where),
                fmt::format("the deck is nested more than {} levels deep (brackets that are never closed?): "
                            "write it flatter",
                            limits.depth)};
    }

    void check_count(Place const& where) {
        if (values_ > limits.values) {
            throw Stop{
                {where, fmt::format("the deck holds more than {} values (aliases count in full): make it smaller",
                                    limits.values)}};
        }
    }

    void check_tag(std::string const& tag, Place const& where) {
        if (!tag.empty() && tag != "?" && tag != "!") {
            problems_.push_back(
                {where, fmt::format("the tag '{}' has no meaning in a deck (types come from the keys): remove "
                                    "it",
                                    tag)});
        }
    }

    void open(Tree tree, YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor) {
        tree.place = place(mark);
        check_tag(tag, tree.place);
        if (open_.size() >= limits.depth) { throw Stop{too_deep(tree.place)}; }
        open_.push_back({std::move(tree), anchor, std::nullopt, {}, {}});
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        for (auto const& source : done.merged) { merge(source, done); }
        complete(std::move(done.tree), done.anchor);
    }

    /// Hands a finished value to whatever is open around it.
    void complete(Tree tree, YAML::anchor_t anchor) {
        ++values_;
        check_count(tree.place);
        if (anchor != 0) { anchors_[anchor] = tree; }
        if (open_.empty()) {
            root_ = std::move(tree);
            return;
        }
        Open& parent = open_.back();
        if (parent.tree.kind == Tree::Kind::sequence) {
            parent.tree.items.push_back(std::move(tree));
        } else if (!parent.key) {
            parent.key = std::move(tree);
        } else {
            add_entry(parent, std::move(tree));
        }
    }

    void add_entry(Open& parent, Tree value) {
        Tree const key = std::move(*parent.key);
        parent.key.reset();
        if (key.kind != Tree::Kind::scalar) {
            problems_.push_back(
                {key.place, fmt::format("a key is {} (keys are words): write 'key: value'", key.describe())});
        } else if (key.text == "<<" && !key.quoted) {
            collect_merge(parent, std::move(value));
        } else if (auto const [first, is_new] = parent.keys.try_emplace(key.text, key.place); !is_new) {
            problems_.push_back({key.place, fmt::format("the key '{}' is given twice (first at {}): keep one of them",
                                                        key.text, to_string(first->second))});
        } else {
            parent.tree.entries.push_back({key.text, key.place, std::move(value)});
        }
    }

    void collect_merge(Open& parent, Tree value) {
        Place const where = value.place;
        std::vector<Tree> sources;
        if (value.kind == Tree::Kind::sequence) {
            sources = std::move(value.items);
        } else {
            sources.push_back(std::move(value));
        }
        for (auto& source : sources) {
            if (source.kind == Tree::Kind::mapping) {
                parent.merged.push_back(std::move(source));
            } else {
                problems_.push_back(
                    {where, "'<<' merges sections only: give it an alias of a section, or a list of them"});
            }
        }
    }

    /// Keys of the merging section win; of several merged sections, the first.
    static void merge(Tree const& source, Open& target) {
        for (auto const& entry : source.entries) {
            if (target.keys.try_emplace(entry.key, entry.place).second) { target.tree.entries.push_back(entry); }
        }
    }

    std::string file_;
    bool line_;
    std::vector<Problem>& problems_;
    Tree root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Tree> anchors_;
    std::size_t values_ = 0;
};

/// Binary files crash or confuse YAML readers; a deck is text.
std::optional<Problem> check_text(std::string const& text, Place start) {
    if (text.size() > limits.bytes) {
        return Problem{start, fmt::format("the deck has {} bytes (the limit is {}): is this really a deck?",
                                          text.size(), limits.bytes)};
    }
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (start.line > 0) { ++start.column; }
        if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F) {
            return Problem{start,
                           fmt::format("the deck holds the byte 0x{:02x} (a deck is text in UTF-8): is this the right "
                                       "file?",
                                       byte)};
        }
        if (c == '\n' && start.line > 0) { start = {start.file, start.line + 1, 0}; }
    }
    return std::nullopt;
}

}  // namespace

Tree parse_yaml(std::string const& text, std::string const& file, std::vector<Problem>& problems, bool line) {
    Place const start{file, line ? 1 : 0, 0};
    if (auto problem = check_text(text, start)) {
        problems.push_back(std::move(*problem));
        return {};
    }
    TreeBuilder builder(file, line, problems);
    auto const place = [&](YAML::Mark const& mark) {
        return line && !mark.is_null() ? Place{file, mark.line + 1, mark.column + 1} : Place{file, 0, 0};
    };
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder)) { return {}; }
        Tree root = builder.take();
        TreeBuilder second(file, line, problems);
        if (parser.HandleNextDocument(second)) {
            problems.push_back(
                {second.take().place, "a second document begins here (after '---'): a deck is one document"});
        }
        return root;
    } catch (Stop const& stop) { problems.push_back(stop.problem); } catch (YAML::Exception const& error) {
        problems.push_back(
            {place(error.mark),
             fmt::format("this is not YAML ({}): mend the line (a missing space after ':', "
                         "tabs, brackets or quotes left open, indentation, a text with any of * & {{ }} [ ] # @ % that "
                         "needs quotes?)",
                         error.msg)});
    }
    return {};
}

}  // namespace aureole::deck
