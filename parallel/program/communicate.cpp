#include "parallel/program/communicate.hpp"

#include "core/tensor/arena.hpp"
#include "parallel/program/communication.hpp"

namespace aureole {

namespace {

class BeginExchange : public Communication {
  public:
    explicit BeginExchange(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    void bind(Comm const& comm, int tag, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
              std::byte* /*workspace*/) override {
        exchange_->bind(comm, tag, inputs[0], outputs[0], static_cast<std::byte*>(outputs[1].data));
    }
    void run() override { exchange_->begin(); }

  private:
    std::shared_ptr<Exchange> exchange_;
};

class FinishExchange : public Communication {
  public:
    explicit FinishExchange(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    void bind(Comm const& /*comm*/, int /*tag*/, std::span<Tensor const> /*outputs*/,
              std::span<Tensor const> /*inputs*/, std::byte* /*workspace*/) override {}
    void run() override { exchange_->finish(); }

  private:
    std::shared_ptr<Exchange> exchange_;
};

class ReduceAll : public Communication {
  public:
    /// `parts` have the rows along n to which this rank adds, `wholes` all of them.
    ReduceAll(AllReduceOperator const& op, std::vector<TensorSpec> const& parts, std::vector<TensorSpec> const& wholes)
        : how_(op.how()), reduce_(op.how(), wholes, op.empty()) {
        for (TensorSpec const& part : parts) { parts_.push_back(part.box); }
    }
    [[nodiscard]] std::size_t workspace_bytes() const override { return reduce_.buffer_bytes(); }
    void bind(Comm const& comm, int /*tag*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
              std::byte* workspace) override {
        copies_.clear();
        lacking_.clear();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            Box const whole = Box::whole(outputs[i].shape);
            if (inputs[i].data == outputs[i].data) { continue; }
            copies_.push_back({{inputs[i], parts_[i]}, {outputs[i], whole}, parts_[i]});
            if (parts_[i] != whole) { lacking_.push_back(outputs[i]); }
        }
        reduce_.bind(comm, {outputs.begin(), outputs.end()}, workspace);
    }
    void run() override {
        fill_neutral(how_, lacking_);
        for (BoxCopy const& each : copies_) { copy_boxes("aureole::all_reduce::copy", {&each, 1}); }
        reduce_.begin();
        reduce_.finish();
    }

  private:
    Combine how_;
    AllReduce reduce_;
    std::vector<Box> parts_;
    std::vector<BoxCopy> copies_;
    std::vector<Tensor> lacking_;  ///< outputs with rows that this rank does not add to
};

/// A part that does not lie contiguously in what it is taken from.
class CopyPart : public Communication {
  public:
    CopyPart(Box from, Box to) : from_(from), to_(to) {}
    void bind(Comm const& /*comm*/, int /*tag*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
              std::byte* /*workspace*/) override {
        copy_ = {{inputs[0], from_}, {outputs[0], to_}, to_};
    }
    void run() override { copy_boxes("aureole::local_part", {&copy_, 1}); }

  private:
    Box from_, to_;
    BoxCopy copy_;
};

TensorSpec spec_of(LocalGraph const& local, ValueId id) {
    ValueType const& type = local.graph.value(id).type;
    return {type.dtype, type.shape, local.box(id)};
}

Redistribution plan_of(LocalGraph const& local, Node const& node) {
    auto const& op = static_cast<RedistributeBegin const&>(*node.op);
    return plan_redistribution(op.from(), op.to(), local.rank);
}

}  // namespace

std::unique_ptr<Communication> plan_communication(LocalGraph const& local, Node const& node,
                                                  std::map<ValueId, std::shared_ptr<Exchange>>& exchanges) {
    std::string_view const kind = node.op->kind();
    if (kind == "redistribute_begin") {
        auto exchange = std::make_shared<Exchange>(plan_of(local, node), spec_of(local, node.inputs[0]),
                                                   spec_of(local, node.outputs[0]));
        exchanges[node.outputs[0]] = exchange;
        return std::make_unique<BeginExchange>(std::move(exchange));
    }
    if (kind == "redistribute_finish") { return std::make_unique<FinishExchange>(exchanges.at(node.inputs[0])); }
    if (kind == "all_reduce") {
        auto const& op = static_cast<AllReduceOperator const&>(*node.op);
        std::vector<TensorSpec> parts, wholes;
        for (ValueId const id : node.inputs) { parts.push_back(spec_of(local, id)); }
        for (ValueId const id : node.outputs) { wholes.push_back(spec_of(local, id)); }
        return std::make_unique<ReduceAll>(op, parts, wholes);
    }
    if (kind == "local_part" && !node.op->is_view()) {
        return std::make_unique<CopyPart>(local.box(node.inputs[0]), local.box(node.outputs[0]));
    }
    return nullptr;
}

Traffic traffic_of(LocalGraph const& local) {
    Traffic traffic;
    for (Node const& node : local.graph.nodes()) {
        if (node.op->kind() == "redistribute_begin") {
            Redistribution const plan = plan_of(local, node);
            std::size_t const element = size_of(local.graph.value(node.inputs[0]).type.dtype);
            ++traffic.exchanges;
            traffic.messages += plan.sends.size();
            for (Transfer const& each : plan.sends) {
                traffic.bytes += static_cast<std::size_t>(each.box.shape().volume()) * element;
            }
        } else if (node.op->kind() == "all_reduce") {
            ++traffic.reductions;
            for (ValueId const id : node.outputs) { traffic.reduced_bytes += spec_of(local, id).bytes(); }
        }
    }
    return traffic;
}

}  // namespace aureole
