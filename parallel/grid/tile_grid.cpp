#include "parallel/grid/tile_grid.hpp"

#include <fmt/ranges.h>

#include "core/error.hpp"

namespace aureole {

TileGrid::TileGrid(std::array<Index, 3> const& counts) : counts_(counts) {
    for (Index const count : counts) {
        require(count > 0, ExitCode::bad_deck, "a grid of {} tiles (counts are positive): give one or more",
                fmt::join(counts, " x "));
    }
}

TileGrid::TileGrid(std::array<Index, 3> const& counts, std::array<std::vector<Index>, 3> const& boundaries,
                   std::array<Index, 3> const& image)
    : TileGrid(counts) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
        std::vector<Index> const& inner = boundaries[axis];
        if (inner.empty()) { continue; }
        require(static_cast<Index>(inner.size()) == counts[axis] - 1, ExitCode::bad_deck,
                "{} boundaries for {} tiles along an axis: give one fewer than tiles", inner.size(), counts[axis]);
        boundaries_[axis] = {0};
        for (Index const boundary : inner) {
            require(boundary > boundaries_[axis].back() && boundary < image[axis], ExitCode::bad_deck,
                    "tile boundary {} is not between {} and {}: give ascending positions inside the image", boundary,
                    boundaries_[axis].back(), image[axis]);
            boundaries_[axis].push_back(boundary);
        }
        boundaries_[axis].push_back(image[axis]);
    }
}

TileGrid TileGrid::with_sample_parts(Index parts) const {
    require(parts > 0, ExitCode::bad_deck, "samples in {} parts (the number is positive): give one or more", parts);
    TileGrid grid = *this;
    grid.sample_parts_ = parts;
    return grid;
}

std::array<Index, 3> TileGrid::coordinates(int rank) const {
    Index const plane = counts_[1] * counts_[2];
    return {rank % tiles() / plane, rank % plane / counts_[2], rank % counts_[2]};
}

Index TileGrid::boundary(std::size_t axis, Index number, Index extent) const {
    if (boundaries_[axis].empty()) { return number * extent / counts_[axis]; }
    return boundaries_[axis][static_cast<std::size_t>(number)] * extent / boundaries_[axis].back();
}

Box TileGrid::tile(int rank, Shape const& shape) const {
    Box box = Box::whole(shape);
    Index const part = rank / tiles();
    box.lo[0] = part * shape.n / sample_parts_;
    box.hi[0] = (part + 1) * shape.n / sample_parts_;
    auto const at = coordinates(rank);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        Index const extent = shape.extents()[axis + 1];
        box.lo[axis + 1] = boundary(axis, at[axis], extent);
        box.hi[axis + 1] = boundary(axis, at[axis] + 1, extent);
    }
    return box;
}

std::string to_string(TileGrid const& grid) {
    auto const& n = grid.counts();
    std::string const tiles =
        n[0] == 1 ? fmt::format("{} x {}", n[1], n[2]) : fmt::format("{} x {} x {}", n[0], n[1], n[2]);
    if (grid.sample_parts() == 1) { return tiles; }
    std::string const samples = fmt::format("samples / {}", grid.sample_parts());
    return grid.ranks() == grid.sample_parts() ? samples : samples + ", " + tiles;
}

}  // namespace aureole
