#pragma once
#include "parallel/grid/layout.hpp"
#include "unit_tests/support/random.hpp"

namespace aureole::test {

/// A grid of `ranks` tiles for images of the given extents: counts along (d, h, w), half of the time with random
/// boundaries; of several samples also parts of them. Tiles may be thinner than any halo; without boundaries they may
/// be empty, and so may parts of the samples.
[[nodiscard]] TileGrid random_grid(Random& random, int ranks, Shape const& image);

/// Cuts a tensor into one box per rank, irregularly, along any axis; some ranks may get nothing.
[[nodiscard]] Layout random_partition(Random& random, int ranks, Shape const& shape);

/// Any box of the tensor on every rank; some ranks may get nothing.
[[nodiscard]] Layout random_boxes(Random& random, int ranks, Shape const& shape);

/// Every non-empty box made wider by up to `most` along d, h and w, within the tensor.
[[nodiscard]] Layout with_halo(Random& random, Layout const& layout, Shape const& shape, Index most);

/// A layout that is a partition: by tiles or irregular.
[[nodiscard]] Layout random_source(Random& random, int ranks, Shape const& shape);
/// A layout that ranks may ask for: halos, arbitrary boxes, another partition, everything, or nothing on some ranks.
[[nodiscard]] Layout random_target(Random& random, Layout const& from, Shape const& shape);

[[nodiscard]] Shape random_shape(Random& random);

/// Calls `visit` with every position in the box.
template <class Visit>
void for_positions(Box const& box, Visit const& visit) {
    std::array<Index, axis_count> at{};
    for (at[0] = box.lo[0]; at[0] < box.hi[0]; ++at[0])
        for (at[1] = box.lo[1]; at[1] < box.hi[1]; ++at[1])
            for (at[2] = box.lo[2]; at[2] < box.hi[2]; ++at[2])
                for (at[3] = box.lo[3]; at[3] < box.hi[3]; ++at[3])
                    for (at[4] = box.lo[4]; at[4] < box.hi[4]; ++at[4]) { visit(at); }
}

/// Place of a position in the memory of a box.
[[nodiscard]] inline std::size_t place_in(Box const& box, std::array<Index, axis_count> const& at) {
    auto const extents = box.shape().extents();
    Index place = 0;
    for (std::size_t axis = 0; axis < axis_count; ++axis) { place = place * extents[axis] + at[axis] - box.lo[axis]; }
    return static_cast<std::size_t>(place);
}

[[nodiscard]] std::string to_string(Layout const& layout);

}  // namespace aureole::test
