#pragma once
#include "benchmarks/halo/halo_case.hpp"
#include "core/kernels/kernel.hpp"
#include "core/tensor/arena.hpp"

namespace aureole::benchmarks {

/// The convolution of a part of the image, with memory of its own.
class TileConvolution {
  public:
    /// `x`: the part of the image that is held here; `y`: the part of the result that is computed from it.
    TileConvolution(HaloCase const& each, Box const& x, Box const& y);
    void run() const;
    [[nodiscard]] Tensor const& x() const { return inputs_[0]; }
    [[nodiscard]] Tensor const& w() const { return inputs_[1]; }
    [[nodiscard]] Tensor const& y() const { return outputs_[0]; }

  private:
    std::shared_ptr<Conv const> op_;
    KernelRequest request_;
    PlannedKernel planned_;
    Arena arena_;
    std::vector<Tensor> inputs_, outputs_;
    std::byte* workspace_ = nullptr;
};

}  // namespace aureole::benchmarks
