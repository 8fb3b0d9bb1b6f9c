#include "parallel/program/communicate.hpp"

#include <set>

#include "core/tensor/arena.hpp"
#include "parallel/program/communication.hpp"

namespace aureole {

namespace {

class BeginExchange : public Communication {
  public:
    explicit BeginExchange(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    void bind(Comm const& comm, int tag, std::span<Tensor const> outputs, std::span<Tensor const> inputs) override {
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
              std::span<Tensor const> /*inputs*/) override {}
    void run() override { exchange_->finish(); }

  private:
    std::shared_ptr<Exchange> exchange_;
};

class BeginReduce : public Communication {
  public:
    /// `parts` have the rows along n to which this rank adds.
    BeginReduce(Combine how, std::shared_ptr<AllReduce> reduce, std::vector<Box> parts)
        : how_(how), reduce_(std::move(reduce)), parts_(std::move(parts)) {}
    void bind(Comm const& comm, int tag, std::span<Tensor const> outputs, std::span<Tensor const> inputs) override {
        copies_.clear();
        lacking_.clear();
        std::span<Tensor const> const wholes = outputs.subspan(1);
        for (std::size_t i = 0; i < wholes.size(); ++i) {
            Box const whole = Box::whole(wholes[i].shape);
            if (inputs[i].data == wholes[i].data) { continue; }
            copies_.push_back({{inputs[i], parts_[i]}, {wholes[i], whole}, parts_[i]});
            if (parts_[i] != whole) { lacking_.push_back(wholes[i]); }
        }
        reduce_->bind(comm, tag, {wholes.begin(), wholes.end()}, static_cast<std::byte*>(outputs[0].data));
    }
    void run() override {
        fill_neutral(how_, lacking_);
        for (BoxCopy const& each : copies_) { copy_boxes("aureole::all_reduce::copy", {&each, 1}); }
        reduce_->begin();
    }

  private:
    Combine how_;
    std::shared_ptr<AllReduce> reduce_;
    std::vector<Box> parts_;
    std::vector<BoxCopy> copies_;
    std::vector<Tensor> lacking_;  ///< outputs with rows that this rank does not add to
};

class FinishReduce : public Communication {
  public:
    explicit FinishReduce(std::shared_ptr<AllReduce> reduce) : reduce_(std::move(reduce)) {}
    void bind(Comm const& /*comm*/, int /*tag*/, std::span<Tensor const> outputs,
              std::span<Tensor const> inputs) override {
        copies_.clear();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            Box const whole = Box::whole(outputs[i].shape);
            if (inputs[i + 1].data != outputs[i].data) {
                copies_.push_back({{inputs[i + 1], whole}, {outputs[i], whole}, whole});
            }
        }
    }
    void run() override {
        reduce_->finish();
        for (BoxCopy const& each : copies_) { copy_boxes("aureole::all_reduce::copy", {&each, 1}); }
    }

  private:
    std::shared_ptr<AllReduce> reduce_;
    std::vector<BoxCopy> copies_;
};

/// A part that does not lie contiguously in what it is taken from.
class CopyPart : public Communication {
  public:
    CopyPart(Box from, Box to) : from_(from), to_(to) {}
    void bind(Comm const& /*comm*/, int /*tag*/, std::span<Tensor const> outputs,
              std::span<Tensor const> inputs) override {
        copy_ = {{inputs[0], from_}, {outputs[0], to_}, to_};
    }
    void run() override { copy_boxes("aureole::local_part", {&copy_, 1}); }

  private:
    Box from_, to_;
    BoxCopy copy_;
};

Redistribution plan_of(LocalGraph const& local, Node const& node) {
    auto const& op = static_cast<RedistributeBegin const&>(*node.op);
    return plan_redistribution(op.from(), op.to(), local.rank);
}

}  // namespace

bool communicates(Node const& node) {
    std::string_view const kind = node.op->kind();
    return kind == "redistribute_begin" || kind == "redistribute_finish" || kind == "all_reduce_begin" ||
           kind == "all_reduce_finish" || (kind == "local_part" && !node.op->is_view());
}

std::unique_ptr<Communication> plan_communication(LocalGraph const& local, Node const& node, Begun& begun) {
    std::string_view const kind = node.op->kind();
    if (kind == "redistribute_begin") {
        auto exchange =
            std::make_shared<Exchange>(plan_of(local, node), local.spec(node.inputs[0]), local.spec(node.outputs[0]));
        begun.exchanges[node.outputs[0]] = exchange;
        return std::make_unique<BeginExchange>(std::move(exchange));
    }
    if (kind == "redistribute_finish") { return std::make_unique<FinishExchange>(begun.exchanges.at(node.inputs[0])); }
    if (kind == "all_reduce_begin") {
        auto const& op = static_cast<AllReduceBegin const&>(*node.op);
        std::vector<Box> parts;
        std::vector<TensorSpec> wholes;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            parts.push_back(local.box(node.inputs[i]));
            wholes.push_back(local.spec(node.outputs[i + 1]));
        }
        auto reduce = std::make_shared<AllReduce>(op.how(), std::move(wholes), op.ranks());
        begun.reductions[node.outputs[0]] = reduce;
        return std::make_unique<BeginReduce>(op.how(), std::move(reduce), std::move(parts));
    }
    if (kind == "all_reduce_finish") { return std::make_unique<FinishReduce>(begun.reductions.at(node.inputs[0])); }
    if (kind == "local_part" && !node.op->is_view()) {
        return std::make_unique<CopyPart>(local.box(node.inputs[0]), local.box(node.outputs[0]));
    }
    return nullptr;
}

Traffic traffic_of(LocalGraph const& local) {
    Traffic traffic;
    std::set<std::pair<ValueId, ValueId>> in_place;  // tile, tensor with its halo
    for (Inside const& each : local.inside) { in_place.emplace(each.value, each.host); }
    for (auto const& [value, place] : local.strided) { in_place.emplace(value, place.host); }
    for (Node const& node : local.graph.nodes()) {
        if (node.op->kind() == "redistribute_begin") {
            Redistribution const plan = plan_of(local, node);
            std::size_t const element = size_of(local.graph.value(node.inputs[0]).type.dtype);
            ++traffic.exchanges;
            traffic.messages += plan.sends.size();
            for (Transfer const& each : plan.sends) {
                traffic.bytes += static_cast<std::size_t>(each.box.shape().volume()) * element;
            }
            if (in_place.count({node.inputs[0], node.outputs[0]}) == 0) {
                traffic.copied += static_cast<std::size_t>(plan.kept.shape().volume()) * element;
            }
        } else if (node.op->kind() == "all_reduce_finish") {
            ++traffic.reductions;
            for (ValueId const id : node.outputs) { traffic.reduced_bytes += local.spec(id).bytes(); }
        }
    }
    return traffic;
}

}  // namespace aureole
