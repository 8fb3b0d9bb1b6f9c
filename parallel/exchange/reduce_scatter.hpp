#pragma once
#include "parallel/exchange/message_span.hpp"
#include "parallel/exchange/reduction.hpp"
#include "parallel/exchange/shares.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Sums an f32 or f64 tensor over ranks, each of which gets its share of the sum, in place. What is left of the tensor
/// elsewhere has no meaning, but numbers stay numbers.
class ReduceScatter : public Reduction {
  public:
    /// `shares`: one per rank, together the whole tensor, in the order of ranks; none larger than the one before it.
    ReduceScatter(Comm const& comm, Tensor const& tensor, std::vector<Elements> const& shares);

    void begin() override;
    void finish() override;

  private:
    Tensor tensor_;
    MessageSpan span_;
    Elements mine_;
    std::vector<int> counts_;
    MPI_Comm comm_;
};

}  // namespace aureole
