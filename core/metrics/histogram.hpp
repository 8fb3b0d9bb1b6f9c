#pragma once
#include "core/ops/operator.hpp"

namespace aureole {

struct MetricHistogramAttributes {
    std::optional<Index> ignore_label;  ///< pixels with this label do not count
};

/// Bins of the score histograms. A score's bin is the top bits of its f32 image in an order-preserving integer code, so
/// bins are ordered as scores are: 512 bins per factor of two, and scores in one bin differ by at most 1 in 512.
inline constexpr Index metric_histogram_bins = Index{1} << 18;

/// Shape (1, 1, 1, 2, bins) of the counts: row 0 negatives, row 1 positives. f64, exact up to 2^53.
[[nodiscard]] Shape metric_histogram_shape();
/// The smallest logit of a bin; every score of the bin is at least this large. -infinity for the lowest bins.
[[nodiscard]] double metric_histogram_edge(Index bin);

/// Adds the pixels of a batch to histograms of the scores of positives and negatives, from which scores.hpp computes
/// AUROC, average precision and the best F1, exact up to the order within a bin (bf16 scores: exact).
///
/// Inputs: logits (n, d, h, w, 1) of any floating type, labels (n, d, h, w, 1), i32 or floating, positive above 1/2,
/// counts (state, updated in place). No outputs. NaN counts as the lowest score. Pixels whose label is ignore_label and
/// samples beyond RunContext::valid_samples do not count.
class MetricHistogram : public Operator {
  public:
    explicit MetricHistogram(MetricHistogramAttributes attributes = {}) : attributes_(attributes) {}
    [[nodiscard]] MetricHistogramAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "metric_histogram"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    /// Nothing: counts have no gradient.
    void differentiate(Backward& /*backward*/) const override {}
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }
    [[nodiscard]] bool writes_input(std::size_t input) const override { return input == 2; }

  private:
    MetricHistogramAttributes attributes_;
};

}  // namespace aureole
