#pragma once
#include "core/ops/operator.hpp"
#include "parallel/exchange/reduction.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Combines results that ranks computed from different pixels; every rank gets the same bits.
///
/// A single f32 or f64 tensor is summed in place; everything else goes through a buffer, several tensors in one
/// message, bf16 as f32, pairs and triples as f64.
class AllReduce : public Reduction {
  public:
    /// `tensors`: shapes and types of what is combined together, see Combine. `empty`: this rank had no pixels, what it
    /// holds does not count.
    AllReduce(Combine combine, std::vector<TensorSpec> tensors, bool empty);
    ~AllReduce() override;

    [[nodiscard]] std::size_t buffer_bytes() const { return in_place_ ? 0 : elements_ * element_bytes(); }
    void bind(Comm const& comm, std::vector<Tensor> tensors, std::byte* buffer);
    void begin() override;
    void finish() override;

  private:
    Combine combine_;
    std::vector<TensorSpec> specs_;
    bool empty_;
    bool in_place_;
    DType dtype_;               ///< in the buffer
    std::size_t group_ = 1;     ///< numbers that belong together: 3 for moments, 2 for pairs
    std::size_t elements_ = 0;  ///< in the buffer
    std::vector<Tensor> tensors_;
    std::byte* buffer_ = nullptr;
    MPI_Comm comm_ = MPI_COMM_NULL;
    MPI_Op op_ = MPI_OP_NULL;
    MPI_Datatype type_ = MPI_DATATYPE_NULL;

    [[nodiscard]] std::size_t element_bytes() const { return size_of(dtype_); }
    void make_operation();
    void pack() const;
    void unpack() const;
};

/// Fills tensors that are combined together with what changes no result.
void fill_neutral(Combine combine, std::span<Tensor const> tensors);

}  // namespace aureole
