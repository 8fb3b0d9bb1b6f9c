#include "unit_tests/support/random_layouts.hpp"

#include <algorithm>
#include <set>

namespace aureole::test {

TileGrid random_grid(Random& random, int ranks, Shape const& image) {
    std::array<Index, 3> const extents{image.d, image.h, image.w};
    std::array<Index, 3> counts{1, 1, 1};
    Index rest = ranks, sample_parts = 1;
    for (Index prime = 2; rest > 1; ++prime) {
        for (; rest % prime == 0; rest /= prime) {
            if (image.n > 1 && random.below(3) == 0) {
                sample_parts *= prime;
                continue;
            }
            bool const deep = extents[0] > 1 && random.below(3) == 0;
            counts[deep ? 0 : static_cast<std::size_t>(random.between(1, 2))] *= prime;
        }
    }
    std::array<std::vector<Index>, 3> boundaries;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        if (counts[axis] == 1 || counts[axis] > extents[axis] || random.coin()) { continue; }
        std::set<Index> inner;
        while (static_cast<Index>(inner.size()) < counts[axis] - 1) {
            inner.insert(random.between(1, extents[axis] - 1));
        }
        boundaries[axis].assign(inner.begin(), inner.end());
    }
    return TileGrid(counts, boundaries, extents).with_sample_parts(sample_parts);
}

Layout random_partition(Random& random, int ranks, Shape const& shape) {
    std::vector<Box> boxes{Box::whole(shape)};
    int const parts = random.below(4) == 0 ? static_cast<int>(random.between(1, ranks)) : ranks;
    for (int tries = 0; tries < 8 * parts && static_cast<int>(boxes.size()) < parts; ++tries) {
        Box& box = boxes[static_cast<std::size_t>(random.below(static_cast<Index>(boxes.size())))];
        auto const axis = static_cast<std::size_t>(random.below(axis_count));
        if (box.hi[axis] - box.lo[axis] < 2) { continue; }
        Box upper = box;
        upper.lo[axis] = box.hi[axis] = random.between(box.lo[axis] + 1, box.hi[axis] - 1);
        boxes.push_back(upper);
    }
    boxes.resize(static_cast<std::size_t>(ranks));
    random.shuffle(boxes);
    return {boxes};
}

Layout random_boxes(Random& random, int ranks, Shape const& shape) {
    Layout layout;
    for (int rank = 0; rank < ranks; ++rank) {
        Box box;
        for (std::size_t axis = 0; axis < axis_count; ++axis) {
            box.lo[axis] = random.below(shape.extents()[axis]);
            box.hi[axis] = random.between(box.lo[axis] + 1, shape.extents()[axis]);
        }
        layout.boxes.push_back(random.below(6) == 0 ? Box{} : box);
    }
    return layout;
}

Layout with_halo(Random& random, Layout const& layout, Shape const& shape, Index most) {
    Layout wide = layout;
    for (Box& box : wide.boxes) {
        if (box.empty()) { continue; }
        for (std::size_t axis = 1; axis <= 3; ++axis) {
            box.lo[axis] = std::max<Index>(0, box.lo[axis] - random.between(0, most));
            box.hi[axis] = std::min(shape.extents()[axis], box.hi[axis] + random.between(0, most));
        }
    }
    return wide;
}

Layout random_source(Random& random, int ranks, Shape const& shape) {
    if (random.coin()) { return random_partition(random, ranks, shape); }
    return Layout::tiled(random_grid(random, ranks, shape), shape);
}

Layout random_target(Random& random, Layout const& from, Shape const& shape) {
    switch (random.below(5)) {
        case 0: return random_boxes(random, from.ranks(), shape);
        case 1: return random_source(random, from.ranks(), shape);
        case 2: return Layout::replicated(from.ranks(), shape);
        default: return with_halo(random, from, shape, random.between(0, 3));
    }
}

Shape random_shape(Random& random) {
    return {random.between(1, 3), random.coin() ? 1 : random.between(2, 5), random.between(1, 11),
            random.between(1, 11), random.between(1, 4)};
}

std::string to_string(Layout const& layout) {
    std::string text;
    for (Box const& box : layout.boxes) { text += aureole::to_string(box) + "\n"; }
    return text;
}

}  // namespace aureole::test
