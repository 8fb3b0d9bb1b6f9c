#pragma once
#include <optional>
#include <span>

#include "core/tensor/tensor.hpp"

namespace aureole {

/// A tensor, dense or strided, and the box of the global tensor that it holds.
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

/// First element of a part that the tensor holds.
[[nodiscard]] std::byte* address_of(BoxedTensor const& tensor, Box const& part);

/// Offset in elements of the first one of a part from the first one of a tensor that holds `whole`.
[[nodiscard]] Index offset_of(Strides const& strides, Box const& whole, Box const& part);
/// The same for a part that is contiguous in memory; nothing if it is not.
[[nodiscard]] std::optional<Index> contiguous_offset(Strides const& strides, Box const& whole, Box const& part);
/// In a dense tensor.
[[nodiscard]] inline std::optional<Index> contiguous_offset(Box const& whole, Box const& part) {
    return contiguous_offset(Strides::of(whole.shape()), whole, part);
}

}  // namespace aureole
