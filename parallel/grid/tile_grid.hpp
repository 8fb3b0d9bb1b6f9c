#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/tensor/box.hpp"

namespace aureole {

/// Cuts an image into tiles, d x h x w of them, one per rank; ranks are counted row by row.
///
/// Tile boundaries of a value of any resolution are those of the image, scaled and rounded down, so that tiles of
/// layers of different resolution cover each other. Tiles may be uneven, and empty where a value has fewer pixels than
/// there are tiles.
class TileGrid {
  public:
    TileGrid() = default;
    /// Even tiles: counts along (d, h, w).
    explicit TileGrid(std::array<Index, 3> const& counts);
    /// Boundaries given along some axes: the inner ones in pixels of an image of the given extents, ascending; an axis
    /// without any is cut evenly into `counts`. Throws bad_deck if they do not fit the counts or the image.
    TileGrid(std::array<Index, 3> const& counts, std::array<std::vector<Index>, 3> const& boundaries,
             std::array<Index, 3> const& image);

    [[nodiscard]] int ranks() const { return static_cast<int>(counts_[0] * counts_[1] * counts_[2]); }
    [[nodiscard]] std::array<Index, 3> const& counts() const { return counts_; }
    /// Place (d, h, w) of a rank's tile in the grid.
    [[nodiscard]] std::array<Index, 3> coordinates(int rank) const;
    /// The tile of a rank: all samples and channels of a part of the image.
    [[nodiscard]] Box tile(int rank, Shape const& shape) const;

  private:
    std::array<Index, 3> counts_{1, 1, 1};
    std::array<std::vector<Index>, 3> boundaries_;  ///< with both ends, per axis; empty: even
    [[nodiscard]] Index boundary(std::size_t axis, Index number, Index extent) const;
};

/// "2 x 3" or, with tiles along d, "2 x 2 x 3"
[[nodiscard]] std::string to_string(TileGrid const& grid);

}  // namespace aureole
