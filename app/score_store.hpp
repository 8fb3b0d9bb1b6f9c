#pragma once
#include <variant>
#include <vector>

#include "app/run_plan.hpp"
#include "core/metrics/scores.hpp"

namespace aureole {

/// The scores of all labels of an evaluation that lie on this rank, with which AUROC, average precision and the best F1
/// are exact: 4 bytes per label (f64: 8), allocated at the start.
class ScoreStore {
  public:
    explicit ScoreStore(RunPlan const& plan);
    /// Memory on this rank.
    [[nodiscard]] static std::size_t bytes(RunPlan const& plan);

    /// Before an evaluation.
    void clear();
    /// Adds the labels of the micro-batch that has just been evaluated.
    void add(Batch const& batch);
    /// The scores of all ranks, on rank 0; nothing is added up elsewhere. All ranks call. Sorts what is here.
    [[nodiscard]] ThresholdScores compare();

  private:
    /// Positives from the beginning on, negatives from the end on.
    using Scores = std::variant<std::vector<float>, std::vector<double>>;
    RunPlan const& plan_;
    Box labels_;  ///< whose labels this rank reads
    Scores scores_;
    std::size_t positives_ = 0, negatives_ = 0;
};

}  // namespace aureole
