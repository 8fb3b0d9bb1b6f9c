#pragma once
#include <optional>
#include <span>

#include "core/tensor/tensor.hpp"

namespace aureole {

/// A tensor and the box of the global tensor that it holds.
struct BoxedTensor {
    Tensor tensor;
    Box box;
};

/// One part to be copied between two tensors that both hold it.
struct BoxCopy {
    BoxedTensor from, to;
    Box part;
};

/// Copies any number of parts by one kernel (more than 16: one for every 16). All tensors have one element size.
void copy_boxes(char const* label, std::span<BoxCopy const> copies);
/// The same, adding to what is there; floating-point types only.
void add_boxes(char const* label, std::span<BoxCopy const> copies);

/// Offset in elements of a part of a box that is contiguous in memory; nothing if it is not.
[[nodiscard]] std::optional<Index> contiguous_offset(Box const& whole, Box const& part);

}  // namespace aureole
