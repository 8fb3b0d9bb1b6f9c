#pragma once
#include <string>
#include <vector>

#include "core/tensor/shape.hpp"

namespace aureole {

/// The meaning of a stored array's axes: letters of n d h w c in stored order, each at most once. An axis that is not
/// there has extent 1; without n the array is one sample.
struct AxisOrder {
    std::string letters;

    [[nodiscard]] bool has(char letter) const { return letters.find(letter) != std::string::npos; }
    /// Extents by meaning of an array with these axes.
    [[nodiscard]] Shape shape_of(std::vector<Index> const& extents) const;
    /// True if the array's elements are already in the order (n, d, h, w, c).
    [[nodiscard]] bool is_channels_last() const;
};

/// Letters from the deck, checked; `place` names the array in messages.
[[nodiscard]] AxisOrder parse_axes(std::string const& letters, std::vector<Index> const& extents,
                                   std::string const& place);

/// Finds the axes of an array that holds samples of shape `sample` (its n is not looked at). Rules: with an axis n
/// before without, channels last before channels first before no channel axis; d, h, w stand in this order and axes of
/// extent 1 may be absent; the first order whose extents agree is taken. If none does and `larger` is set, the first
/// order whose channels agree and whose d, h, w are at least the sample's. Otherwise an Error(data_error).
[[nodiscard]] AxisOrder guess_axes(std::vector<Index> const& extents, Shape const& sample, bool larger,
                                   std::string const& place);

}  // namespace aureole
