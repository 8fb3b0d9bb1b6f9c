#pragma once
#include "app/run_plan.hpp"
#include "io/data/batch_reader.hpp"

namespace aureole {

/// What losses are means over.
struct LabelCounts {
    double labels = 0;   ///< labels that count
    double samples = 0;  ///< samples in which at least one label counts
};

/// Counts the labels of a batch that count, over all ranks: known from the labels before the first forward pass, so
/// that every part of the batch divides by the count of the whole one.
class LabelCounter {
  public:
    /// For the batches of one of the plan's loaders.
    LabelCounter(RunPlan const& plan, LoaderConfig const& loader);
    /// All ranks call, each with what its loader has read.
    [[nodiscard]] LabelCounts count(Batch const& batch) const;

  private:
    Comm const* comm_;
    std::optional<Index> ignored_;
    SamplePart part_;   ///< samples of the batch whose labels are read here
    Box read_, owned_;  ///< of a micro-batch's labels: those that are read here, and of these this rank's own
    Index micro_samples_ = 1;
    Index samples_ = 1;     ///< of the loader's batch
    Index first_ = 0;       ///< of them within the whole batch
    Index whole_ = 1;       ///< samples of the whole batch
    Index per_sample_ = 1;  ///< labels of a sample
};

/// What the operators of a batch of `micro_batches` parts need to know of its counts.
void set_counts(RunContext& context, LabelCounts const& counts, Index micro_batches);

}  // namespace aureole
