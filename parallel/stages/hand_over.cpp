#include "parallel/stages/hand_over.hpp"

namespace aureole {

namespace {

/// Ranks that hold the same pixels hold the same values: one of them sends.
Layout each_pixel_once(Layout const& held, TileGrid const& tiles, Shape const& shape) {
    Layout const partition = Layout::tiled(tiles, shape);
    if (shape.pixels_per_sample() > 1 && contains(held, partition)) { return partition; }
    Layout first;
    first.boxes.resize(held.boxes.size());
    first.boxes[0] = held[0];
    return first;
}

}  // namespace

std::vector<HandOver> plan_hand_overs(StagedGraph const& staged, std::vector<LocalGraph const*> const& locals,
                                      PipelineGrid const& grid) {
    std::vector<HandOver> plan;
    for (Crossing const& crossing : staged.crossings) {
        auto const value = static_cast<std::size_t>(crossing.value);
        auto const& made = *locals[static_cast<std::size_t>(crossing.from)]->layouts[value];
        auto const& read = *locals[static_cast<std::size_t>(crossing.to)]->layouts[value];
        Shape const& shape = staged.stages[static_cast<std::size_t>(crossing.from)].value(crossing.value).type.shape;
        Layout const once = each_pixel_once(made, grid.stage(crossing.from).tiles, shape);
        plan.push_back({crossing, grid.spread(once, crossing.from), grid.spread(read, crossing.to)});
    }
    return plan;
}

}  // namespace aureole
