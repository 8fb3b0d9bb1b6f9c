#pragma once
#include "core/tensor/tensor.hpp"

namespace aureole {

/// The lines (n, d, h) of a local tensor, each a run of pixels (w, c) that are neighbours in memory, and where they
/// begin: one behind the other, or with other elements between them where the tensor is part of a larger one.
struct Lines {
    Index length = 0;  ///< elements of a line
    Index count = 0;
    Index height = 1, depth = 1;  ///< lines of a slice, slices of a sample
    Strides strides;
    bool dense = true;  ///< one behind the other

    [[nodiscard]] static Lines of(TensorSpec const& tensor) { return of(tensor.local(), tensor.strides()); }
    [[nodiscard]] static Lines of(Shape const& shape, Strides const& strides) {
        Strides const own = Strides::of(shape);
        bool const dense = (shape.h == 1 || strides.h == own.h) && (shape.d == 1 || strides.d == own.d) &&
                           (shape.n == 1 || strides.n == own.n);
        return {shape.w * shape.c, shape.n * shape.d * shape.h, shape.h, shape.d, strides, dense};
    }
    /// First element of a line.
    [[nodiscard]] AUREOLE_FUNCTION Index begin(Index line) const {
        if (dense) { return line * length; }
        Index const slice = line / height, n = slice / depth;
        return n * strides.n + (slice - n * depth) * strides.d + (line - slice * height) * strides.h;
    }
    /// Where the element lies that is number `element` of the tensor in the order of a dense one.
    [[nodiscard]] AUREOLE_FUNCTION Index at(Index element) const {
        if (dense) { return element; }
        Index const line = element / length;
        return begin(line) + element - line * length;
    }
};

}  // namespace aureole
