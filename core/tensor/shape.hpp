#pragma once
#include <array>
#include <string>

#include "core/tensor/extent.hpp"

namespace aureole {

/// Axes in memory order; channels are last and contiguous.
enum class Axis : std::uint8_t { n, d, h, w, c };
inline constexpr int axis_count = 5;

/// Extents (n, d, h, w, c). Images have d = 1; feature vectors d = h = w = 1; per-channel tensors (1, 1, 1, 1, c).
/// Counts that 64 bits do not hold are an Error(bad_deck).
struct Shape {
    Index n = 1, d = 1, h = 1, w = 1, c = 1;

    [[nodiscard]] constexpr Index volume() const { return checked_volume().value("a tensor's elements"); }
    [[nodiscard]] constexpr Extent checked_volume() const { return Extent(n) * d * h * w * c; }
    /// Number of (n, d, h, w) positions.
    [[nodiscard]] constexpr Index pixels() const { return (Extent(n) * d * h * w).value("a tensor's pixels"); }
    /// Number of (d, h, w) positions in one sample.
    [[nodiscard]] constexpr Index pixels_per_sample() const { return (Extent(d) * h * w).value("a sample's pixels"); }
    /// Number of elements of one sample.
    [[nodiscard]] constexpr Index elements_per_sample() const {
        return (Extent(d) * h * w * c).value("a sample's elements");
    }
    [[nodiscard]] constexpr std::array<Index, axis_count> extents() const { return {n, d, h, w, c}; }
    [[nodiscard]] static constexpr Shape of(std::array<Index, axis_count> const& e) {
        return {e[0], e[1], e[2], e[3], e[4]};
    }
    [[nodiscard]] constexpr Index operator[](Axis axis) const { return extents()[static_cast<std::size_t>(axis)]; }
    friend constexpr bool operator==(Shape const&, Shape const&) = default;
};

/// Elements from one position to the next along n, d, h and w; channels are always neighbours in memory.
struct Strides {
    Index n = 0, d = 0, h = 0, w = 0;

    /// Of a dense tensor.
    [[nodiscard]] static constexpr Strides of(Shape const& dense) {
        Index const w = dense.c, h = dense.w * w, d = dense.h * h;
        return {dense.d * d, d, h, w};
    }
    [[nodiscard]] constexpr std::array<Index, 4> all() const { return {n, d, h, w}; }
    friend constexpr bool operator==(Strides const&, Strides const&) = default;
};

/// "(n, d, h, w, c)"
[[nodiscard]] std::string to_string(Shape const& shape);

}  // namespace aureole
