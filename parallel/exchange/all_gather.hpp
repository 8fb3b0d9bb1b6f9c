#pragma once
#include "parallel/exchange/message_span.hpp"
#include "parallel/exchange/shares.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Shares of f32 or f64 tensors go from their owners to all ranks, in place.
class AllGather {
  public:
    /// One more tensor. `shares`: one per rank.
    void add(Comm const& comm, Tensor const& tensor, std::vector<Elements> const& shares);
    void clear();

    /// Sends what this rank owns, waits for what others do.
    void run();
    /// Seconds spent in run() since clear().
    [[nodiscard]] double seconds() const { return seconds_; }

  private:
    struct Item {
        Tensor tensor;
        MessageSpan span;
        std::vector<int> counts, offsets;
        MPI_Comm comm = MPI_COMM_NULL;
    };
    std::vector<Item> items_;
    double seconds_ = 0;
};

}  // namespace aureole
