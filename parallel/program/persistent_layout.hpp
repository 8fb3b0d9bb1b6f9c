#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/graph/graph.hpp"

namespace aureole {

/// A tensor that outlives a step: parameter, running statistic, optimizer slot, counter.
struct Persistent {
    enum class Kind : std::uint8_t { parameter, state, gradient, slot };
    std::string name;  ///< global; the name in checkpoints
    Kind kind = Kind::parameter;
    TensorSpec spec;
    std::size_t offset = 0;  ///< in the arena
    Initializer initializer;
    bool decay = true;
};

/// The persistent part of a rank's arena, shared by the programs for training and evaluation: name -> place.
class PersistentLayout {
  public:
    /// Appends an entry; one that exists already is kept (it must have the same type).
    std::size_t add(Persistent entry);
    /// Every parameter and state of a graph.
    void add_values_of(Graph const& graph);
    [[nodiscard]] std::vector<Persistent> const& entries() const { return entries_; }
    /// The entry of that name; internal error if there is none.
    [[nodiscard]] Persistent const& find(std::string const& name) const;
    [[nodiscard]] bool contains(std::string const& name) const { return index_.count(name) != 0; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t bytes_of(Persistent::Kind kind) const;

  private:
    std::vector<Persistent> entries_;
    std::map<std::string, std::size_t> index_;
    std::size_t bytes_ = 0;
};

}  // namespace aureole
