#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/tensor/box.hpp"

namespace aureole {

/// The mesh of ranks that shares a value: its images are cut into tiles, d x h x w of them, and its samples into parts,
/// each of which has all tiles. One tile of one part per rank; ranks are counted row by row, part after part.
///
/// Tile boundaries of a value of any resolution are those of the image, scaled and rounded down, so that tiles of
/// layers of different resolution cover each other. Tiles may be uneven, and empty where a value has fewer pixels than
/// there are tiles; so may parts of the samples.
class TileGrid {
  public:
    TileGrid() = default;
    /// Even tiles: counts along (d, h, w).
    explicit TileGrid(std::array<Index, 3> const& counts);
    /// Boundaries given along some axes: the inner ones in pixels of an image of the given extents, ascending; an axis
    /// without any is cut evenly into `counts`. Throws bad_deck if they do not fit the counts or the image.
    TileGrid(std::array<Index, 3> const& counts, std::array<std::vector<Index>, 3> const& boundaries,
             std::array<Index, 3> const& image);

    /// The same tiles for each of so many parts of the samples.
    [[nodiscard]] TileGrid with_sample_parts(Index parts) const;

    [[nodiscard]] int ranks() const { return static_cast<int>(sample_parts_ * tiles()); }
    /// Along (d, h, w).
    [[nodiscard]] std::array<Index, 3> const& counts() const { return counts_; }
    [[nodiscard]] Index sample_parts() const { return sample_parts_; }
    /// Place (d, h, w) of a rank's tile in the grid.
    [[nodiscard]] std::array<Index, 3> coordinates(int rank) const;
    /// What a rank has: all channels of some samples of a part of the image.
    [[nodiscard]] Box tile(int rank, Shape const& shape) const;

  private:
    Index sample_parts_ = 1;
    std::array<Index, 3> counts_{1, 1, 1};
    std::array<std::vector<Index>, 3> boundaries_;  ///< with both ends, per axis; empty: even
    [[nodiscard]] Index tiles() const { return counts_[0] * counts_[1] * counts_[2]; }
    [[nodiscard]] Index boundary(std::size_t axis, Index number, Index extent) const;
};

/// "2 x 3" or, with tiles along d, "2 x 2 x 3"; "samples / 2" for parts of the samples, "samples / 2, 2 x 3" for both
[[nodiscard]] std::string to_string(TileGrid const& grid);

}  // namespace aureole
