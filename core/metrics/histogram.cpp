#include "core/metrics/histogram.hpp"

#include "core/error.hpp"
#include "core/metrics/score_bin.hpp"

namespace aureole {

static_assert(metric_histogram_bins == score_bins);

Shape metric_histogram_shape() { return {1, 1, 1, 2, metric_histogram_bins}; }

double metric_histogram_edge(Index bin) {
    return static_cast<double>(lowest_score_of(static_cast<std::uint32_t>(bin)));
}

std::vector<ValueType> MetricHistogram::infer(std::span<ValueType const> inputs) const {
    Shape const& logits = inputs[0].shape;
    require(logits.c == 1, ExitCode::bad_deck,
            "auroc, auprc and best_f1 with {} output channels (they compare the scores of one class with all others): "
            "use a network with one output channel, or other metrics",
            logits.c);
    require(inputs[1].shape == logits, ExitCode::bad_deck,
            "auroc, auprc and best_f1: labels {} do not fit logits {} (one label per pixel is expected): predict at "
            "the resolution of the labels, or use other metrics",
            to_string(inputs[1].shape), to_string(logits));
    DType const labels = inputs[1].dtype;
    require(labels == DType::i32 || labels == DType::f32 || labels == DType::f64, "score histograms: labels of type {}",
            name_of(labels));
    require(inputs[2] == ValueType{DType::f64, metric_histogram_shape()}, "score histograms: counts {} {}",
            name_of(inputs[2].dtype), to_string(inputs[2].shape));
    return {};
}

}  // namespace aureole
