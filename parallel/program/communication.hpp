#pragma once
#include <memory>

#include "core/graph/graph.hpp"
#include "parallel/exchange/all_reduce.hpp"
#include "parallel/grid/layout.hpp"

namespace aureole {

// Operators that cross ranks; lowering puts them into a rank's graph. They have no kernels: the program runs them by
// the exchanges of parallel/exchange.

/// First half of a redistribution: messages start. Input: x in layout `from`. Outputs: the same tensor in layout `to`,
/// incomplete; the message buffers.
class RedistributeBegin : public Operator {
  public:
    RedistributeBegin(std::shared_ptr<Layout const> from, std::shared_ptr<Layout const> to, Index buffer_bytes)
        : from_(std::move(from)), to_(std::move(to)), buffer_bytes_(buffer_bytes) {}
    [[nodiscard]] Layout const& from() const { return *from_; }
    [[nodiscard]] Layout const& to() const { return *to_; }
    [[nodiscard]] std::string_view kind() const override { return "redistribute_begin"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override {
        return {inputs[0], {DType::u8, {1, 1, 1, 1, buffer_bytes_}}};
    }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }

  private:
    std::shared_ptr<Layout const> from_, to_;
    Index buffer_bytes_;
};

/// Second half: waits. Inputs: the outputs of the first half, x. Output: the complete tensor, in the same memory.
class RedistributeFinish : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "redistribute_finish"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override { return {inputs[0]}; }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }
    [[nodiscard]] bool is_view() const override { return true; }
};

/// Part of what this rank holds. Input: x. Output: the part, in x's memory where it is contiguous there.
class LocalPart : public Operator {
  public:
    explicit LocalPart(bool contiguous) : contiguous_(contiguous) {}
    [[nodiscard]] std::string_view kind() const override { return "local_part"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override { return {inputs[0]}; }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }
    [[nodiscard]] bool is_view() const override { return contiguous_; }

  private:
    bool contiguous_;
};

/// A value whose parts were computed one by one. Inputs: the parts, which lie in the memory of the output.
class JoinParts : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "join_parts"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override { return {inputs[0]}; }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }
};

/// First half of combining partial results of all ranks: messages start. Inputs: partial results, of which a rank may
/// lack rows along n. Outputs: the message buffer; the combined ones, not yet complete, in the same memory where no
/// rows are lacking.
class AllReduceBegin : public Operator {
  public:
    AllReduceBegin(Combine combine, AllReduce::Ranks ranks, Index buffer_bytes)
        : combine_(combine), ranks_(ranks), buffer_bytes_(buffer_bytes) {}
    [[nodiscard]] Combine how() const { return combine_; }
    [[nodiscard]] AllReduce::Ranks const& ranks() const { return ranks_; }
    [[nodiscard]] std::string_view kind() const override { return "all_reduce_begin"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override {
        std::vector<ValueType> outputs{{DType::u8, {1, 1, 1, 1, buffer_bytes_}}};
        outputs.insert(outputs.end(), inputs.begin(), inputs.end());
        return outputs;
    }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }
    [[nodiscard]] int in_place(std::size_t output) const override { return static_cast<int>(output) - 1; }

  private:
    Combine combine_;
    AllReduce::Ranks ranks_;
    Index buffer_bytes_;
};

/// Second half: waits. Inputs: the outputs of the first half. Outputs: the combined results, in the same memory.
class AllReduceFinish : public Operator {
  public:
    [[nodiscard]] std::string_view kind() const override { return "all_reduce_finish"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override {
        return {inputs.begin() + 1, inputs.end()};
    }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::pointwise(); }
    [[nodiscard]] int in_place(std::size_t output) const override { return static_cast<int>(output) + 1; }
};

}  // namespace aureole
