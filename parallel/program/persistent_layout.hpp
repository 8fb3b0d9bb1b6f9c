#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/graph/graph.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/exchange/shares.hpp"

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
    std::optional<Elements> part{};  ///< what this rank holds of `spec`, other ranks the rest; none: all

    /// Shape of what is held here.
    [[nodiscard]] Shape local() const { return part ? Shape{1, 1, 1, 1, part->count} : spec.local(); }
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(local().volume()) * size_of(spec.dtype); }
};

/// The persistent part of a rank's arena, shared by the programs for training and evaluation: name -> place.
class PersistentLayout {
  public:
    /// `red_zone`: bytes that nobody uses in front of every entry, and behind it.
    explicit PersistentLayout(std::size_t red_zone = 0) : red_zone_(red_zone) {}
    /// Appends an entry; one that exists already is kept (it must have the same type).
    std::size_t add(Persistent entry);
    /// Every parameter, then every state of a graph: parameters are neighbours, as their gradients are.
    void add_values_of(Graph const& graph);
    [[nodiscard]] std::vector<Persistent> const& entries() const { return entries_; }
    /// The entry of that name; internal error if there is none.
    [[nodiscard]] Persistent const& find(std::string const& name) const;
    [[nodiscard]] bool contains(std::string const& name) const { return index_.count(name) != 0; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// Without red zones.
    [[nodiscard]] std::size_t bytes_of(Persistent::Kind kind) const;
    /// Bytes of all red zones.
    [[nodiscard]] std::size_t red_zones() const;
    /// Has the entries watched, if the arena is guarded.
    void watch(Arena const& arena) const;

  private:
    std::vector<Persistent> entries_;
    std::map<std::string, std::size_t> index_;
    std::size_t bytes_ = 0;
    std::size_t red_zone_;
};

}  // namespace aureole
