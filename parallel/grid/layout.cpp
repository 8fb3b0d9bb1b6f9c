#include "parallel/grid/layout.hpp"

namespace aureole {

Layout Layout::tiled(TileGrid const& grid, Shape const& shape) {
    Layout layout;
    for (int rank = 0; rank < grid.ranks(); ++rank) { layout.boxes.push_back(grid.tile(rank, shape)); }
    return layout;
}

Layout Layout::replicated(int ranks, Shape const& shape) {
    return {std::vector<Box>(static_cast<std::size_t>(ranks), Box::whole(shape))};
}

Layout needed_layout(Access const& access, Layout const& output, Shape const& input) {
    Layout needed;
    for (Box const& box : output.boxes) {
        needed.boxes.push_back(box.empty() ? Box{} : needed_box(access, box, input));
        if (needed.boxes.back().empty()) { needed.boxes.back() = Box{}; }
    }
    return needed;
}

bool contains(Layout const& outer, Layout const& inner) {
    for (int rank = 0; rank < inner.ranks(); ++rank) {
        if (!inner[rank].empty() && !contains(outer[rank], inner[rank])) { return false; }
    }
    return true;
}

Box bounding_box(Box const& a, Box const& b) {
    if (a.empty()) { return b; }
    if (b.empty()) { return a; }
    Box both;
    for (std::size_t axis = 0; axis < axis_count; ++axis) {
        both.lo[axis] = std::min(a.lo[axis], b.lo[axis]);
        both.hi[axis] = std::max(a.hi[axis], b.hi[axis]);
    }
    return both;
}

void grow(Layout& hull, Layout const& more) {
    for (int rank = 0; rank < hull.ranks(); ++rank) {
        Box& box = hull.boxes[static_cast<std::size_t>(rank)];
        if (more[rank].empty()) { continue; }
        if (box.empty()) {
            box = more[rank];
            continue;
        }
        for (std::size_t axis = 0; axis + 1 < axis_count; ++axis) {
            box.lo[axis] = std::min(box.lo[axis], more[rank].lo[axis]);
            box.hi[axis] = std::max(box.hi[axis], more[rank].hi[axis]);
        }
    }
}

}  // namespace aureole
