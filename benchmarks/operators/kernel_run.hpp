#pragma once
#include <vector>

#include "core/graph/graph.hpp"
#include "core/kernels/kernel.hpp"

namespace aureole::benchmarks {

/// A kernel with memory of its own for inputs, outputs and workspace, on whole tensors.
class KernelRun {
  public:
    KernelRun(OperatorPtr op, std::vector<ValueType> const& inputs, KernelChoice choice);
    void run() const;
    [[nodiscard]] KernelRequest const& request() const { return request_; }
    [[nodiscard]] std::string_view library() const { return planned_.library; }
    [[nodiscard]] Cost cost() const { return cost_; }

  private:
    OperatorPtr op_;
    KernelRequest request_;
    PlannedKernel planned_;
    Cost cost_;
    std::vector<Tensor> inputs_, outputs_;
    std::shared_ptr<std::byte> memory_;
    std::byte* workspace_ = nullptr;
};

}  // namespace aureole::benchmarks
