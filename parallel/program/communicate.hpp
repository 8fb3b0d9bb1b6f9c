#pragma once
#include <map>
#include <memory>

#include "core/kernels/kernel.hpp"
#include "parallel/exchange/all_reduce.hpp"
#include "parallel/exchange/exchange.hpp"
#include "parallel/program/local_graph.hpp"

namespace aureole {

/// A node that crosses ranks, planned for one of them.
class Communication {
  public:
    virtual ~Communication() = default;
    /// Addresses are known; every node has a tag of its own.
    virtual void bind(Comm const& comm, int tag, std::span<Tensor const> outputs, std::span<Tensor const> inputs) = 0;
    virtual void run() = 0;
};

/// What both halves of a communication share, by the first value that the first half gives.
struct Begun {
    std::map<ValueId, std::shared_ptr<Exchange>> exchanges;
    std::map<ValueId, std::shared_ptr<AllReduce>> reductions;
};

/// Whether a node crosses ranks, or copies: the program runs it without a kernel.
[[nodiscard]] bool communicates(Node const& node);

/// Plans the communication of a node; none if it is no such node.
[[nodiscard]] std::unique_ptr<Communication> plan_communication(LocalGraph const& local, Node const& node,
                                                                Begun& begun);

/// What one run of a graph sends from this rank.
struct Traffic {
    std::size_t exchanges = 0, messages = 0, bytes = 0;  ///< of redistributions
    std::size_t copied = 0;                              ///< bytes of tiles that are copied to where their halo comes
    std::size_t reductions = 0, reduced_bytes = 0;
};
/// What is copied is known of the graph of a Program, which has chosen the kernels; before, it is the most that may be.
[[nodiscard]] Traffic traffic_of(LocalGraph const& local);

}  // namespace aureole
