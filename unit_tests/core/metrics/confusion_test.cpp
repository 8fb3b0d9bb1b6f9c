#include "core/metrics/confusion.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.hpp"
#include "unit_tests/core/metrics/support.hpp"

namespace aureole::test {

namespace {

OperatorPtr make(Index ignore_index = -1) {
    return std::make_shared<MetricConfusion>(MetricConfusionAttributes{ignore_index});
}

/// Counts by the definition; `pixels` is how many count from the first on.
std::vector<double> expected(HostTensor const& logits, HostTensor const& labels, Index ignore_index, Index pixels) {
    auto const c = static_cast<std::size_t>(logits.shape.c), classes = std::max<std::size_t>(c, 2);
    std::vector<double> counts(classes * classes, 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(pixels); ++i) {
        double const label = labels.values[i];
        if (label == static_cast<double>(ignore_index)) { continue; }
        auto const first = logits.values.begin() + static_cast<std::ptrdiff_t>(i * c);
        auto const last = first + static_cast<std::ptrdiff_t>(c);
        std::size_t const row = c > 1 ? static_cast<std::size_t>(label) : (label > 0.5 ? 1 : 0);
        std::size_t const column =
            c > 1 ? static_cast<std::size_t>(std::max_element(first, last) - first) : (*first > 0 ? 1 : 0);
        counts[row * classes + column] += 1;
    }
    return counts;
}

/// Integers as logits: many pixels have several largest ones.
HostTensor logits_with_ties(Shape const& shape, DType dtype, std::uint64_t seed) {
    HostTensor logits = random_tensor(shape, DType::i32, seed, -3.99, 4);
    logits.dtype = dtype;
    return logits;
}

HostTensor labels_for(Shape shape, DType dtype, Index classes, std::uint64_t seed) {
    shape.c = 1;
    HostTensor labels = random_tensor(shape, DType::i32, seed, 0, static_cast<double>(classes));
    labels.dtype = dtype;
    return labels;
}

}  // namespace

TEST(MetricConfusion, CountsAsDefined) {
    for (Index const channels : {1, 2, 3, 11}) {
        for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
            SCOPED_TRACE(std::to_string(channels) + " channels in " + std::string(name_of(dtype)));
            Shape const shape{3, 2, 9, 7, channels};
            HostTensor const logits = logits_with_ties(shape, dtype, 1);
            HostTensor const labels = labels_for(shape, DType::i32, std::max<Index>(channels, 2), 2);
            HostTensor const counts = zero_counts(metric_confusion_shape(shape));
            EXPECT_EQ(counts_after(make(), logits, labels, counts).values,
                      expected(logits, labels, -1, shape.pixels()));
        }
    }
}

TEST(MetricConfusion, FloatingLabelsArePositiveAboveOneHalf) {
    Shape const shape{2, 1, 8, 9, 1};
    HostTensor const logits = random_tensor(shape, DType::f32, 3);
    HostTensor const counts = zero_counts(metric_confusion_shape(shape));
    for (DType const dtype : {DType::f32, DType::f64}) {
        HostTensor labels = random_tensor(shape, dtype, 4, 0, 1);
        labels.values[0] = 0.5;
        EXPECT_EQ(counts_after(make(), logits, labels, counts).values, expected(logits, labels, -1, shape.pixels()));
    }
}

TEST(MetricConfusion, AddsToWhatIsThere) {
    Shape const shape{2, 1, 5, 5, 4};
    HostTensor const logits = logits_with_ties(shape, DType::f32, 5);
    HostTensor const labels = labels_for(shape, DType::i32, 4, 6);
    HostTensor counts = zero_counts(metric_confusion_shape(shape));
    for (double& count : counts.values) { count = 0x1p40; }
    HostTensor const after = counts_after(make(), logits, labels, counts);
    std::vector<double> const added = expected(logits, labels, -1, shape.pixels());
    for (std::size_t i = 0; i < added.size(); ++i) { EXPECT_EQ(after.values[i], 0x1p40 + added[i]); }
}

TEST(MetricConfusion, LeavesOutWhatDoesNotCount) {
    Shape const shape{4, 1, 5, 6, 3};
    HostTensor const logits = logits_with_ties(shape, DType::f32, 7);
    HostTensor labels = labels_for(shape, DType::i32, 3, 8);
    HostTensor const counts = zero_counts(metric_confusion_shape(shape));
    EXPECT_EQ(counts_after(make(1), logits, labels, counts).values, expected(logits, labels, 1, shape.pixels()));

    RunContext context;
    for (Index const samples : {0, 1, 3, 4, 7}) {
        context.valid_samples = samples;
        EXPECT_EQ(counts_after(make(), logits, labels, counts, context).values,
                  expected(logits, labels, -1, std::min<Index>(samples, 4) * 30))
            << samples;
    }

    labels.values.assign(labels.values.size(), 255);
    labels.values[3] = -1;
    labels.values[4] = 3;
    EXPECT_EQ(counts_after(make(255), logits, labels, counts).values, counts.values);
}

TEST(MetricConfusion, ManyPixelsInSeveralChunks) {
    for (Index const channels : {1, 5}) {
        Shape const shape{3, 1, 301, 257, channels};
        HostTensor const logits = logits_with_ties(shape, DType::f32, 9);
        HostTensor const labels = labels_for(shape, DType::i32, std::max<Index>(channels, 2), 10);
        RunContext context;
        context.valid_samples = 2;
        EXPECT_EQ(counts_after(make(), logits, labels, zero_counts(metric_confusion_shape(shape)), context).values,
                  expected(logits, labels, -1, 2 * 301 * 257));
    }
}

TEST(MetricConfusion, RefusesWhatDoesNotFit) {
    auto const refused = [](ValueType const& logits, ValueType const& labels) {
        ValueType const counts{DType::f64, metric_confusion_shape(logits.shape)};
        try {
            (void)make()->infer(std::vector<ValueType>{logits, labels, counts});
        } catch (Error const& error) { return error.code() == ExitCode::bad_deck; }
        return false;
    };
    ValueType const logits{DType::f32, {2, 1, 4, 4, 3}}, binary{DType::f32, {2, 1, 4, 4, 1}};
    EXPECT_FALSE(refused(logits, {DType::i32, {2, 1, 4, 4, 1}}));
    EXPECT_TRUE(refused(logits, {DType::f32, {2, 1, 4, 4, 1}}));
    EXPECT_FALSE(refused(binary, {DType::f32, {2, 1, 4, 4, 1}}));
    EXPECT_TRUE(refused(binary, {DType::u8, {2, 1, 4, 4, 1}}));
    EXPECT_TRUE(refused(logits, {DType::i32, {2, 1, 8, 8, 1}}));
}

}  // namespace aureole::test
