#pragma once
#include <algorithm>

#include "core/tensor/shape.hpp"

namespace aureole {

/// A half-open range [lo, hi) in (n, d, h, w, c) of a global tensor.
struct Box {
    std::array<Index, axis_count> lo{};
    std::array<Index, axis_count> hi{};

    [[nodiscard]] static constexpr Box whole(Shape const& shape) { return {{}, shape.extents()}; }
    [[nodiscard]] constexpr Shape shape() const {
        std::array<Index, axis_count> extent{};
        for (std::size_t i = 0; i < axis_count; ++i) { extent[i] = std::max<Index>(0, hi[i] - lo[i]); }
        return Shape::of(extent);
    }
    [[nodiscard]] constexpr bool empty() const { return shape().volume() == 0; }
    friend constexpr bool operator==(Box const&, Box const&) = default;
};

[[nodiscard]] constexpr Box intersection(Box const& a, Box const& b) {
    Box both;
    for (std::size_t i = 0; i < axis_count; ++i) {
        both.lo[i] = std::max(a.lo[i], b.lo[i]);
        both.hi[i] = std::max(both.lo[i], std::min(a.hi[i], b.hi[i]));
    }
    return both;
}

[[nodiscard]] constexpr bool contains(Box const& outer, Box const& inner) {
    return intersection(outer, inner) == inner;
}

/// The box counted from the first position of another one.
[[nodiscard]] constexpr Box relative_to(Box box, Box const& origin) {
    for (std::size_t i = 0; i < axis_count; ++i) {
        box.lo[i] -= origin.lo[i];
        box.hi[i] -= origin.lo[i];
    }
    return box;
}

/// "[lo, hi) x ..." in axis order.
[[nodiscard]] std::string to_string(Box const& box);

}  // namespace aureole
