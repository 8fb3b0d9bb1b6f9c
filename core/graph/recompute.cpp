#include "core/graph/recompute.hpp"

#include <fmt/format.h>

namespace aureole {

namespace {

constexpr int longest_cheap_chain = 2;
/// A clone is computed afresh if it was last used more than this many nodes ago: memory counts more than one pass.
constexpr std::size_t reuse_distance = 24;

bool is_backward(Node const& node) {
    return node.phase == Phase::input_gradient || node.phase == Phase::weight_gradient;
}

class Rewriter {
  public:
    Rewriter(Graph& graph, RecomputeMode mode, std::vector<ValueId> const& keep)
        : graph_(graph), mode_(mode), dropped_(graph.values().size(), false) {
        mode == RecomputeMode::cheap ? drop_cheap() : drop_blocks();
        for (ValueId const id : keep) { dropped_[static_cast<std::size_t>(id)] = false; }
    }

    void rewrite() {
        std::vector<Node> const old = graph_.nodes();
        for (Node const& node : old) {
            Node copy = node;
            if (is_backward(node)) {
                for (ValueId& input : copy.inputs) { input = available(input, old); }
            }
            nodes_.push_back(std::move(copy));
        }
        graph_.replace_nodes(std::move(nodes_));
    }

  private:
    struct Clone {
        ValueId value = none;
        std::size_t last_use = 0;
    };

    Graph& graph_;
    RecomputeMode mode_;
    std::vector<bool> dropped_;
    std::vector<Node> nodes_;
    std::vector<Clone> clones_ = std::vector<Clone>(dropped_.size());
    int clone_count_ = 0;

    /// Length of the chain of dropped results behind every value; 0 for kept ones.
    void drop_cheap() {
        std::vector<int> chain(dropped_.size(), 0);
        for (Node const& node : graph_.nodes()) {
            if (node.phase != Phase::forward || node.op->recompute() != Recompute::cheap) { continue; }
            int length = node.op->is_view() ? 0 : 1;
            int behind = 0;
            for (ValueId const input : node.inputs) {
                behind = std::max(behind, chain[static_cast<std::size_t>(input)]);
            }
            length += behind;
            if (length > longest_cheap_chain) { continue; }
            for (ValueId const output : node.outputs) {
                if (graph_.value(output).role != Role::activation) { continue; }
                dropped_[static_cast<std::size_t>(output)] = true;
                chain[static_cast<std::size_t>(output)] = length;
            }
        }
    }

    void drop_blocks() {
        for (Node const& node : graph_.nodes()) {
            if (node.phase != Phase::forward || node.op->recompute() == Recompute::never) { continue; }
            for (ValueId const output : node.outputs) {
                if (graph_.value(output).role == Role::activation) {
                    dropped_[static_cast<std::size_t>(output)] = true;
                }
            }
        }
        for (Node const& node : graph_.nodes()) {
            if (node.phase != Phase::forward) { continue; }
            for (ValueId const input : node.inputs) {
                NodeId const producer = graph_.value(input).producer;
                if (producer != none && graph_.node(producer).unit != node.unit) {
                    dropped_[static_cast<std::size_t>(input)] = false;
                }
            }
        }
    }

    /// The value to read in the backward pass: itself, or a clone that is made now if there is none.
    ValueId available(ValueId id, std::vector<Node> const& old) {
        if (static_cast<std::size_t>(id) >= dropped_.size() || !dropped_[static_cast<std::size_t>(id)]) { return id; }
        Clone& known = clones_[static_cast<std::size_t>(id)];
        bool const fresh =
            known.value != none && (mode_ == RecomputeMode::blocks || nodes_.size() - known.last_use <= reuse_distance);
        if (!fresh) {
            NodeId const producer = graph_.value(id).producer;
            Node clone = old[static_cast<std::size_t>(producer)];
            for (ValueId& input : clone.inputs) { input = available(input, old); }
            clone.phase = Phase::recompute;
            clone.name = fmt::format("{}.recompute{}", clone.name, ++clone_count_);
            for (ValueId& output : clone.outputs) {
                ValueId const original = output;
                Value value = graph_.value(original);
                value.name = fmt::format("{}.recompute{}", value.name, clone_count_);
                output = graph_.add_value(std::move(value));
                clones_[static_cast<std::size_t>(original)].value = output;
                clones_[static_cast<std::size_t>(original)].last_use = nodes_.size();
            }
            nodes_.push_back(std::move(clone));
        }
        clones_[static_cast<std::size_t>(id)].last_use = nodes_.size();
        return clones_[static_cast<std::size_t>(id)].value;
    }
};

}  // namespace

void recompute(Graph& graph, RecomputeMode mode, std::vector<ValueId> const& keep) {
    if (mode == RecomputeMode::none) { return; }
    Rewriter(graph, mode, keep).rewrite();
}

}  // namespace aureole
