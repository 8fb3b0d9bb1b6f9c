#pragma once
#include <optional>

#include "core/error.hpp"
#include "core/ops/loss.hpp"
#include "core/tensor/tensor.hpp"

namespace aureole::native {

/// Targets of a loss as numbers, whatever type they are stored in.
struct TargetValues {
    explicit TargetValues(Tensor const& tensor) : data(tensor.data), dtype(tensor.dtype) {
        require(dtype == DType::f32 || dtype == DType::f64 || dtype == DType::i32, "targets of type {}",
                name_of(dtype));
    }
    void const* data;
    DType dtype;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION double operator[](Index i) const {
        if (dtype == DType::f32) { return static_cast<double>(static_cast<float const*>(data)[i]); }
        if (dtype == DType::i32) { return static_cast<double>(static_cast<std::int32_t const*>(data)[i]); }
        return static_cast<double const*>(data)[i];
    }
};

/// Which labels count.
struct CountedLabels {
    CountedLabels(std::optional<Index> ignored_label, DType type)
        : ignores(ignored_label.has_value()), ignored(label_in(type, ignored_label.value_or(0))) {}
    bool ignores;
    double ignored;

    [[nodiscard]] KOKKOS_INLINE_FUNCTION bool counts(double label) const { return !ignores || label != ignored; }
};

}  // namespace aureole::native
