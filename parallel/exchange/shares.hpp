#pragma once
#include <vector>

#include "core/tensor/tensor.hpp"

namespace aureole {

/// Elements `first` ... `first + count - 1` of a tensor in memory order.
struct Elements {
    Index first = 0, count = 0;
    [[nodiscard]] Index end() const { return first + count; }
    friend bool operator==(Elements const&, Elements const&) = default;
};

/// Those that are in both; {0, 0} if there are none.
[[nodiscard]] Elements intersection(Elements const& a, Elements const& b);

/// `count` elements for a number of owners, one after the other, as even as the alignment of an arena allows. No share
/// is larger than the one before it; the last may be empty.
[[nodiscard]] std::vector<Elements> shares_of(Index count, DType dtype, int owners);

/// Elements of a tensor as one of shape (1, 1, 1, 1, count), in the same memory.
[[nodiscard]] Tensor flat_part(Tensor const& whole, Elements const& part);

}  // namespace aureole
