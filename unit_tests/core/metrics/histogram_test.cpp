#include "core/metrics/histogram.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/metrics/score_bin.hpp"
#include "core/metrics/scores.hpp"
#include "unit_tests/core/metrics/support.hpp"

namespace aureole::test {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

OperatorPtr make(Index ignore_index = -1) {
    return std::make_shared<MetricHistogram>(MetricHistogramAttributes{ignore_index});
}

/// The bin whose edge is the last one not above the score.
std::size_t bin_by_edges(double score) {
    Index low = 0, high = metric_histogram_bins - 1;
    while (low < high) {
        Index const middle = (low + high + 1) / 2;
        if (metric_histogram_edge(middle) <= score) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return static_cast<std::size_t>(low);
}

std::vector<double> expected(HostTensor const& logits, HostTensor const& labels, Index ignore_index, Index pixels) {
    std::vector<double> counts(static_cast<std::size_t>(2 * metric_histogram_bins), 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(pixels); ++i) {
        if (labels.values[i] == static_cast<double>(ignore_index)) { continue; }
        std::size_t const row = labels.values[i] > 0.5 ? static_cast<std::size_t>(metric_histogram_bins) : 0;
        counts[row + bin_by_edges(logits.values[i])] += 1;
    }
    return counts;
}

HostTensor binary_labels(Shape const& shape, DType dtype, std::uint64_t seed) {
    HostTensor labels = random_tensor(shape, DType::i32, seed, 0, 2);
    labels.dtype = dtype;
    return labels;
}

}  // namespace

TEST(ScoreBin, OrdersAsScoresDo) {
    std::vector<float> scores{-std::numeric_limits<float>::infinity(), -3e38F, -2, -1.5F, -1e-30F, -1e-42F};
    for (std::size_t i = scores.size(); i-- > 0;) { scores.push_back(-scores[i]); }
    for (std::size_t i = 1; i < scores.size(); ++i) {
        EXPECT_LE(bin_of_score(scores[i - 1]), bin_of_score(scores[i])) << scores[i];
    }
    EXPECT_LT(bin_of_score(-2), bin_of_score(-1.5F));
    EXPECT_LT(bin_of_score(-1e-30F), bin_of_score(0));
    EXPECT_LT(bin_of_score(1), bin_of_score(1 + 1.0F / 512));
    EXPECT_EQ(bin_of_score(1), bin_of_score(1 + 1.0F / 1024));
    EXPECT_EQ(bin_of_score(-0.0F), bin_of_score(0.0F));
    EXPECT_EQ(bin_of_score(std::numeric_limits<float>::quiet_NaN()), 0U);
    EXPECT_EQ(bin_of_score(-std::numeric_limits<float>::quiet_NaN()), 0U);
}

TEST(ScoreBin, EdgesAreTheLowestScores) {
    for (double const score : {-7.3, -1.0, -1e-5, 0.0, 1e-20, 0.4, 1.0, 88.0}) {
        auto const bin = static_cast<Index>(bin_of_score(static_cast<float>(score)));
        double const edge = metric_histogram_edge(bin);
        EXPECT_LE(edge, score);
        EXPECT_GT(metric_histogram_edge(bin + 1), score);
        EXPECT_EQ(bin_of_score(static_cast<float>(edge)), bin);
    }
    EXPECT_EQ(metric_histogram_edge(0), -infinity);
    EXPECT_EQ(metric_histogram_edge(bin_of_score(-1.5F)), -1.5);
    EXPECT_EQ(metric_histogram_edge(bin_of_score(-std::numeric_limits<float>::infinity())), -infinity);
    EXPECT_EQ(metric_histogram_edge(bin_of_score(std::numeric_limits<float>::infinity())), infinity);
}

TEST(MetricHistogram, CountsAsDefined) {
    Shape const shape{3, 1, 17, 19, 1};
    HostTensor const counts = zero_counts(metric_histogram_shape());
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        for (DType const label_type : {DType::i32, DType::f32}) {
            HostTensor const logits = random_tensor(shape, dtype, 1, -4, 4);
            HostTensor const labels = binary_labels(shape, label_type, 2);
            EXPECT_EQ(counts_after(make(), logits, labels, counts).values,
                      expected(as_type(logits, DType::f32), labels, -1, shape.pixels()));
        }
    }
}

TEST(MetricHistogram, LeavesOutWhatDoesNotCount) {
    Shape const shape{4, 1, 6, 5, 1};
    HostTensor const logits = random_tensor(shape, DType::f32, 3, -4, 4);
    HostTensor labels = binary_labels(shape, DType::f32, 4);
    labels.values[7] = labels.values[70] = 255;
    RunContext context;
    for (Index const samples : {0, 1, 3, 4}) {
        context.valid_samples = samples;
        EXPECT_EQ(counts_after(make(255), logits, labels, zero_counts(metric_histogram_shape()), context).values,
                  expected(logits, labels, 255, samples * 30));
    }
}

TEST(MetricHistogram, AddsManyPixelsToWhatIsThere) {
    Shape const shape{1, 1, 1600, 1400, 1};  // enough for several chunks
    HostTensor const logits = random_tensor(shape, DType::f32, 5, -4, 4);
    HostTensor const labels = binary_labels(shape, DType::i32, 6);
    HostTensor const once = counts_after(make(), logits, labels, zero_counts(metric_histogram_shape()));
    EXPECT_EQ(once.values, expected(logits, labels, -1, shape.pixels()));
    HostTensor const twice = counts_after(make(), logits, labels, once);
    for (std::size_t i = 0; i < once.values.size(); ++i) { ASSERT_EQ(twice.values[i], 2 * once.values[i]); }
}

TEST(MetricHistogram, TakesScoresThatAreNoNumbers) {
    Shape const shape{1, 1, 1, 4, 1};
    HostTensor const logits{shape, DType::f32, {infinity, -infinity, nan, 0}};
    HostTensor const labels{shape, DType::i32, {1, 0, 0, 1}};
    HostTensor const after = counts_after(make(), logits, labels, zero_counts(metric_histogram_shape()));
    EXPECT_EQ(auroc(after.values), 1);
    EXPECT_EQ(best_f1(after.values).threshold, 0.5);
}

TEST(MetricHistogram, RefusesSeveralChannels) {
    std::vector<ValueType> const inputs{
        {DType::f32, {2, 1, 4, 4, 3}}, {DType::i32, {2, 1, 4, 4, 1}}, {DType::f64, metric_histogram_shape()}};
    try {
        (void)make()->infer(inputs);
        FAIL() << "three channels were accepted";
    } catch (Error const& error) { EXPECT_EQ(error.code(), ExitCode::bad_deck); }
}

}  // namespace aureole::test
