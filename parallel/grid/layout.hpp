#pragma once
#include <vector>

#include "core/ops/operator.hpp"
#include "parallel/grid/tile_grid.hpp"

namespace aureole {

/// The part of a global tensor that every rank of a mesh holds; parts may overlap.
struct Layout {
    std::vector<Box> boxes;  ///< by rank

    /// Every pixel on exactly one rank.
    [[nodiscard]] static Layout tiled(TileGrid const& grid, Shape const& shape);
    /// Everything on every rank.
    [[nodiscard]] static Layout replicated(int ranks, Shape const& shape);

    [[nodiscard]] Box const& operator[](int rank) const { return boxes[static_cast<std::size_t>(rank)]; }
    [[nodiscard]] int ranks() const { return static_cast<int>(boxes.size()); }
    friend bool operator==(Layout const&, Layout const&) = default;
};

/// What every rank needs of an input of global shape `input` to compute its part of an output. An empty part needs
/// nothing.
[[nodiscard]] Layout needed_layout(Access const& access, Layout const& output, Shape const& input);

/// Whether every part of `inner` lies in the same rank's part of `outer`.
[[nodiscard]] bool contains(Layout const& outer, Layout const& inner);

/// The smallest box around both; an empty one counts for nothing.
[[nodiscard]] Box bounding_box(Box const& a, Box const& b);
/// Every box of `hull` becomes the smallest one around it and that of `more`, with its own channels.
void grow(Layout& hull, Layout const& more);

}  // namespace aureole
