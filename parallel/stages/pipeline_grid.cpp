#include "parallel/stages/pipeline_grid.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace aureole {

PipelineGrid::PipelineGrid(std::vector<Stage> stages, std::vector<int> row_of_stage, int replicas)
    : stages_(std::move(stages)), row_of_stage_(std::move(row_of_stage)), replicas_(replicas) {
    require(!stages_.empty() && stages_.size() == row_of_stage_.size() && replicas_ > 0, "a pipeline without stages");
    int const rows = *std::max_element(row_of_stage_.begin(), row_of_stage_.end()) + 1;
    first_rank_.assign(1, 0);
    for (int row = 0; row < rows; ++row) {
        std::vector<int> const mine = stages_of(row);
        require(!mine.empty(), "no stage on row {}", row);
        int const ranks = stage(mine[0]).tiles.ranks();
        for (int const other : mine) {
            require(stage(other).tiles.ranks() == ranks, ExitCode::bad_deck,
                    "stages {} and {} run on the same ranks, but have {} and {} tiles: give them as many", mine[0],
                    other, ranks, stage(other).tiles.ranks());
        }
        first_rank_.push_back(first_rank_.back() + ranks);
    }
}

std::vector<int> PipelineGrid::stages_of(int row) const {
    std::vector<int> found;
    for (int stage = 0; stage < stages(); ++stage) {
        if (row_of(stage) == row) { found.push_back(stage); }
    }
    return found;
}

std::vector<int> PipelineGrid::first_units() const {
    std::vector<int> units;
    for (Stage const& stage : stages_) { units.push_back(stage.first_unit); }
    return units;
}

PipelineGrid::Place PipelineGrid::place(int rank) const {
    int const within = rank % ranks_per_replica();
    auto const next = std::upper_bound(first_rank_.begin(), first_rank_.end(), within);
    int const row = static_cast<int>(next - first_rank_.begin()) - 1;
    return {rank / ranks_per_replica(), row, within - first_rank_of(row)};
}

int PipelineGrid::rank(Place const& place) const {
    return place.replica * ranks_per_replica() + first_rank_of(place.row) + place.tile;
}

Layout PipelineGrid::spread(Layout const& layout, int stage) const {
    int const row = row_of(stage);
    require(layout.ranks() == ranks_of(row), "a layout over {} ranks on a row of {}", layout.ranks(), ranks_of(row));
    Layout spread;
    spread.boxes.resize(static_cast<std::size_t>(ranks_per_replica()));
    std::copy(layout.boxes.begin(), layout.boxes.end(), spread.boxes.begin() + first_rank_of(row));
    return spread;
}

}  // namespace aureole
