#include "core/graph/fuse.hpp"

#include "core/ops/activation.hpp"
#include "core/ops/conv.hpp"
#include "core/ops/norm.hpp"

namespace aureole {

namespace {

class Fusion {
  public:
    Fusion(Graph& graph, std::vector<ValueId> const& keep)
        : graph_(graph), nodes_(graph.nodes()), gone_(nodes_.size(), false) {
        uses_.assign(graph.values().size(), 0);
        for (Node const& node : nodes_) {
            for (ValueId const id : node.inputs) { ++uses_[static_cast<std::size_t>(id)]; }
        }
        for (ValueId const id : keep) { ++uses_[static_cast<std::size_t>(id)]; }
    }

    void run() {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            std::string_view const kind = nodes_[i].op->kind();
            if (kind == "add") {
                if (!fuse_add(i, 0)) { fuse_add(i, 1); }
            } else if (kind == "activation") {
                fuse_activation(i);
            }
        }
        std::vector<Node> kept;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (!gone_[i]) { kept.push_back(std::move(nodes_[i])); }
        }
        graph_.replace_nodes(std::move(kept));
    }

  private:
    Graph& graph_;
    std::vector<Node> nodes_;
    std::vector<bool> gone_;
    std::vector<int> uses_;

    /// The node that computes a value used only once, as an operator of type Op; nothing otherwise.
    template <class Op>
    [[nodiscard]] std::pair<std::size_t, Op const*> sole_producer(ValueId id) const {
        NodeId const producer = graph_.value(id).producer;
        if (producer == none || uses_[static_cast<std::size_t>(id)] != 1) { return {0, nullptr}; }
        auto const at = static_cast<std::size_t>(producer);
        return {at, dynamic_cast<Op const*>(nodes_[at].op.get())};
    }

    /// Node `into` takes the place of node `from`, whose result it now computes.
    void merge(std::size_t from, std::size_t into, OperatorPtr op, std::vector<ValueId> inputs) {
        nodes_[into].op = std::move(op);
        nodes_[into].inputs = std::move(inputs);
        nodes_[into].unit = nodes_[from].unit;
        gone_[from] = true;
    }

    bool fuse_add(std::size_t i, std::size_t operand) {
        ValueId const inner = nodes_[i].inputs[operand];
        ValueId const other = nodes_[i].inputs[1 - operand];
        if (inner == other) { return false; }
        // across a border of units the fused node would pull what the other operand needs into an earlier stage
        NodeId const producer = graph_.value(inner).producer;
        if (producer == none || nodes_[static_cast<std::size_t>(producer)].unit != nodes_[i].unit) { return false; }
        if (auto const [at, norm] = sole_producer<Normalize>(inner);
            norm != nullptr && !norm->attributes().residual &&
            norm->attributes().activation.kind == ActivationKind::none) {
            NormAttributes attributes = norm->attributes();
            attributes.residual = true;
            std::vector<ValueId> inputs = nodes_[at].inputs;
            inputs.insert(inputs.begin() + 1, other);
            merge(at, i, std::make_shared<Normalize>(attributes), std::move(inputs));
            return true;
        }
        if (auto const [at, conv] = sole_producer<Conv>(inner); conv != nullptr && !conv->attributes().addend) {
            ConvAttributes attributes = conv->attributes();
            attributes.addend = true;
            std::vector<ValueId> inputs = nodes_[at].inputs;
            inputs.insert(inputs.begin() + 1, other);
            merge(at, i, std::make_shared<Conv>(attributes), std::move(inputs));
            return true;
        }
        return false;
    }

    void fuse_activation(std::size_t i) {
        auto const [at, norm] = sole_producer<Normalize>(nodes_[i].inputs[0]);
        if (norm == nullptr || norm->attributes().activation.kind != ActivationKind::none) { return; }
        NormAttributes attributes = norm->attributes();
        attributes.activation = static_cast<Activation const&>(*nodes_[i].op).attributes();
        merge(at, i, std::make_shared<Normalize>(attributes), nodes_[at].inputs);
    }
};

}  // namespace

void fuse(Graph& graph, std::vector<ValueId> const& keep) { Fusion(graph, keep).run(); }

}  // namespace aureole
