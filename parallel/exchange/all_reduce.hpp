#pragma once
#include <optional>

#include "core/ops/operator.hpp"
#include "parallel/exchange/pairwise_reduce.hpp"
#include "parallel/exchange/reduction.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Combines results that ranks computed from different pixels; every rank gets the same bits.
///
/// A single f32 or f64 tensor is summed in place; everything else goes through a buffer, several tensors in one
/// message, bf16 as f32, pairs and triples as f64. What suits PairwiseReduce travels between pairs of ranks, the rest
/// by MPI_Iallreduce.
class AllReduce : public Reduction {
  public:
    /// Who combines, and what it may use.
    struct Ranks {
        int count = 1;
        bool in_pairs = true;  ///< otherwise by MPI, which lets a large sum proceed while others are waited for
        bool empty = false;    ///< this rank had no pixels: what it holds does not count
    };
    /// `tensors`: shapes and types of what is combined together, see Combine.
    AllReduce(Combine combine, std::vector<TensorSpec> tensors, Ranks ranks);
    ~AllReduce() override;

    [[nodiscard]] std::size_t buffer_bytes() const { return packed_bytes() + (pairwise_ ? message_bytes() : 0); }
    /// `tag`: of messages between pairs, no other ones of `comm` have it.
    void bind(Comm const& comm, int tag, std::vector<Tensor> tensors, std::byte* buffer);
    void begin() override;
    void finish() override;

  private:
    Combine combine_;
    std::vector<TensorSpec> specs_;
    bool empty_;
    bool in_place_;
    std::optional<PairwiseReduce> pairwise_;
    DType dtype_;               ///< in the buffer
    std::size_t group_ = 1;     ///< numbers that belong together: 3 for moments, 2 for pairs
    std::size_t elements_ = 0;  ///< in the buffer
    std::vector<Tensor> tensors_;
    std::byte* buffer_ = nullptr;
    MessageSpan span_;  ///< of the buffer, where MPI combines
    MPI_Comm comm_ = MPI_COMM_NULL;
    MPI_Op op_ = MPI_OP_NULL;
    MPI_Datatype type_ = MPI_DATATYPE_NULL;

    [[nodiscard]] std::size_t message_bytes() const { return elements_ * size_of(dtype_); }
    /// Aligned, since what is received may come behind.
    [[nodiscard]] std::size_t packed_bytes() const;
    void make_operation();
    void pack() const;
    void unpack() const;
};

/// Fills tensors that are combined together with what changes no result.
void fill_neutral(Combine combine, std::span<Tensor const> tensors);

}  // namespace aureole
