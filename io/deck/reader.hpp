#pragma once
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/deck/schema.hpp"

namespace aureole::deck {

/// Walks a Tree along the schema, fills the structs, and collects every fault on the way.
class Reader {
  public:
    /// `folder`: the deck's, for input paths.
    explicit Reader(std::string folder) : folder_(std::move(folder)) {}

    /// Reads the keys of a section into the struct `object`.
    void read_section(Field const& section, Tree const& tree, void* object);
    /// Reads one value at `key` below the current path.
    template <class Read>
    void descend(std::string const& key, Place const& place, Read read) {
        std::size_t const length = path_.size();
        path_ += (path_.empty() ? "" : ".") + key;
        places_[path_] = place;
        read();
        path_.resize(length);
    }
    /// Notes a fault of the value at the current path, which keeps its default and counts as unreadable.
    void fail(Place const& place, std::string text);
    /// Likewise: the value is of the wrong type.
    void fail_type(Field const& field, Tree const& tree);
    /// Fails unless the number lies in the field's range.
    bool check_range(Field const& field, Tree const& tree, double value);
    /// The text of a scalar, or nothing and a fault.
    [[nodiscard]] std::string const* scalar(Field const& field, Tree const& tree);
    /// Expands "~" and "${NAME}"; input paths are looked for in the current directory, then in the deck's folder.
    [[nodiscard]] std::string expand_path(Field const& field, Tree const& tree, std::string const& path);

    /// "train.batch"
    [[nodiscard]] std::string const& path() const { return path_; }
    [[nodiscard]] std::vector<Problem>& problems() { return problems_; }
    [[nodiscard]] Places& places() { return places_; }
    /// Paths whose values are not what the deck meant: rules between values skip them.
    [[nodiscard]] std::set<std::string> const& unreadable() const { return unreadable_; }

  private:
    void check_keys(Field const& section, Tree const& tree);
    void read_entry(Field const& field, Field const& section, Tree const& tree, void* object);

    std::string folder_;
    std::string path_;
    std::vector<Problem> problems_;
    std::set<std::string> unreadable_;
    Places places_;
};

}  // namespace aureole::deck
