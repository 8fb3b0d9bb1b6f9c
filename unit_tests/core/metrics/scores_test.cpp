#include "core/metrics/scores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/error.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

namespace {

/// Scores with labels, on which scores are computed by their definitions.
struct Sample {
    std::vector<double> score;
    std::vector<bool> positive;

    void add(double value, bool is_positive) {
        score.push_back(value);
        positive.push_back(is_positive);
    }
    [[nodiscard]] ThresholdScores by_threshold() const {
        std::map<double, std::array<double, 2>, std::greater<>> counts;  // positives and negatives of each score
        for (std::size_t i = 0; i < score.size(); ++i) { counts[score[i]][positive[i] ? 0 : 1] += 1; }
        auto const positives = static_cast<double>(std::count(positive.begin(), positive.end(), true));
        ThresholdScores scores(positives, static_cast<double>(score.size()) - positives);
        for (auto const& [value, count] : counts) { scores.add(value, count[0], count[1]); }
        return scores;
    }
};

/// Share of pairs of a positive and a negative in which the positive scores higher, ties counting half.
double auroc_by_pairs(Sample const& sample) {
    double won = 0, pairs = 0;
    for (std::size_t i = 0; i < sample.score.size(); ++i) {
        for (std::size_t j = 0; j < sample.score.size(); ++j) {
            if (!sample.positive[i] || sample.positive[j]) { continue; }
            pairs += 1;
            won += sample.score[i] > sample.score[j] ? 1 : sample.score[i] == sample.score[j] ? 0.5 : 0;
        }
    }
    return won / pairs;
}

struct Threshold {
    double logit, precision, recall;
};

/// Precision and recall at every threshold that is a score, highest first.
std::vector<Threshold> thresholds(Sample const& sample) {
    std::set<double, std::greater<>> const values(sample.score.begin(), sample.score.end());
    std::vector<Threshold> found;
    for (double const value : values) {
        double hits = 0, predicted = 0, positives = 0;
        for (std::size_t i = 0; i < sample.score.size(); ++i) {
            positives += sample.positive[i] ? 1 : 0;
            predicted += sample.score[i] >= value ? 1 : 0;
            hits += sample.score[i] >= value && sample.positive[i] ? 1 : 0;
        }
        found.push_back({value, hits / predicted, hits / positives});
    }
    return found;
}

double average_precision(Sample const& sample) {
    double sum = 0, recall = 0;
    for (Threshold const& at : thresholds(sample)) {
        sum += (at.recall - recall) * at.precision;
        recall = at.recall;
    }
    return sum;
}

BestF1 best_f1_by_thresholds(Sample const& sample) {
    BestF1 best{-1, 0};
    for (Threshold const& at : thresholds(sample)) {
        double const sum = at.precision + at.recall;
        double const f1 = sum > 0 ? 2 * at.precision * at.recall / sum : 0;
        if (f1 > best.f1 + 1e-12) { best = {f1, 1 / (1 + std::exp(-at.logit))}; }
    }
    return best;
}

/// Scores on a grid, coarse enough for ties; positives score higher on average.
Sample draw(std::uint64_t seed, std::size_t count, double positives, double steps) {
    Sample sample;
    HostTensor const u = random_tensor({1, 1, 1, static_cast<Index>(count), 2}, DType::f64, seed, 0, 1);
    for (std::size_t i = 0; i < count; ++i) {
        bool const positive = u.values[2 * i] < positives;
        double const score = 4 * u.values[2 * i + 1] - 2 + (positive ? 0.5 : 0);
        sample.add(std::floor(score * steps) / steps, positive);
    }
    return sample;
}

}  // namespace

TEST(Scores, AgreeWithTheirDefinitionsOnConfusion) {
    // rows: label, columns: prediction
    std::vector<double> const confusion{5, 2, 0, 1, 7, 3, 4, 0, 8};
    EXPECT_DOUBLE_EQ(accuracy(confusion), 20.0 / 30.0);
    std::vector<double> const per_class = iou(confusion);
    std::array<double, 3> const tp{5, 7, 8}, fp{5, 2, 3}, fn{2, 4, 4};
    for (std::size_t k = 0; k < 3; ++k) {
        EXPECT_DOUBLE_EQ(per_class[k], tp[k] / (tp[k] + fp[k] + fn[k]));
        double const precision = tp[k] / (tp[k] + fp[k]), recall = tp[k] / (tp[k] + fn[k]);
        EXPECT_DOUBLE_EQ(f1(confusion)[k], 2 * precision * recall / (precision + recall));
        EXPECT_DOUBLE_EQ(dice(confusion)[k], 2 * per_class[k] / (1 + per_class[k]));
    }
    EXPECT_DOUBLE_EQ(mean_score(per_class), (per_class[0] + per_class[1] + per_class[2]) / 3);
}

TEST(Scores, ClassesThatDoNotOccurAreNotANumber) {
    std::vector<double> const confusion{6, 0, 2, 0, 0, 0, 0, 0, 0};  // class 2 is predicted but never a label
    std::vector<double> const per_class = iou(confusion);
    EXPECT_DOUBLE_EQ(per_class[0], 0.75);
    EXPECT_TRUE(std::isnan(per_class[1]));
    EXPECT_EQ(per_class[2], 0);
    EXPECT_DOUBLE_EQ(mean_score(per_class), 0.375);
    std::vector<double> const empty(4, 0);
    EXPECT_TRUE(std::isnan(accuracy(empty)));
    EXPECT_TRUE(std::isnan(mean_score(f1(empty))));
}

TEST(Scores, TwoClassesAreScoredByThePositiveOne) {
    std::vector<double> const confusion{90, 3, 2, 5};
    EXPECT_DOUBLE_EQ(mean_score(iou(confusion)), 0.5);
    EXPECT_DOUBLE_EQ(mean_score(dice(confusion)), 10.0 / 15.0);
    EXPECT_DOUBLE_EQ(accuracy(confusion), 0.95);
}

TEST(ThresholdScores, AgreeWithTheirDefinitions) {
    for (double const steps : {2.0, 16.0, 128.0}) {  // many ties to hardly any
        for (double const positives : {0.05, 0.5, 0.9}) {
            for (std::uint64_t const seed : {1, 2, 3}) {
                Sample const sample = draw(seed, 400, positives, steps);
                ThresholdScores const scores = sample.by_threshold();
                EXPECT_NEAR(scores.auroc(), auroc_by_pairs(sample), 1e-12);
                EXPECT_NEAR(scores.auprc(), average_precision(sample), 1e-12);
                BestF1 const best = scores.best_f1(), want = best_f1_by_thresholds(sample);
                EXPECT_NEAR(best.f1, want.f1, 1e-12);
                EXPECT_NEAR(best.threshold, want.threshold, 1e-12);
            }
        }
    }
}

TEST(ThresholdScores, OfSeparatedAndOfConstantScores) {
    Sample separated, constant;
    for (int i = 0; i < 10; ++i) {
        separated.add(i < 3 ? 2.0 + i : -1.0 - i, i < 3);
        constant.add(0.25, i < 3);
    }
    EXPECT_EQ(separated.by_threshold().auroc(), 1);
    EXPECT_EQ(separated.by_threshold().auprc(), 1);
    EXPECT_EQ(separated.by_threshold().best_f1().f1, 1);
    EXPECT_DOUBLE_EQ(separated.by_threshold().best_f1().threshold, 1 / (1 + std::exp(-2.0)));
    EXPECT_EQ(constant.by_threshold().auroc(), 0.5);
    EXPECT_DOUBLE_EQ(constant.by_threshold().auprc(), 0.3);
    EXPECT_DOUBLE_EQ(constant.by_threshold().best_f1().f1, 2 * 0.3 / 1.3);
}

TEST(ThresholdScores, OfOneClassOnly) {
    Sample positives, negatives;
    for (int i = 0; i < 6; ++i) {
        positives.add(0.5 * i - 1, true);
        negatives.add(0.5 * i - 1, false);
    }
    EXPECT_TRUE(std::isnan(positives.by_threshold().auroc()));
    EXPECT_EQ(positives.by_threshold().auprc(), 1);
    EXPECT_EQ(positives.by_threshold().best_f1().f1, 1);
    EXPECT_DOUBLE_EQ(positives.by_threshold().best_f1().threshold, 1 / (1 + std::exp(1.0)));
    for (Sample const& sample : {negatives, Sample{}}) {
        EXPECT_TRUE(std::isnan(sample.by_threshold().auroc()));
        EXPECT_TRUE(std::isnan(sample.by_threshold().auprc()));
        EXPECT_TRUE(std::isnan(sample.by_threshold().best_f1().f1));
        EXPECT_TRUE(std::isnan(sample.by_threshold().best_f1().threshold));
    }
}

TEST(Scores, RefuseCountsOfAnotherShape) {
    EXPECT_THROW((void)accuracy(std::vector<double>(6)), Error);
    EXPECT_THROW((void)iou(std::vector<double>(1)), Error);
}

TEST(ThresholdScores, AreThoseOfAllPairs) {
    // scores 4 (+), 3 (+ and -), 2 (-), 1 (+): of 3 * 2 pairs 2 + 1.5 + 0 are in order
    ThresholdScores scores(3, 2);
    scores.add(4, 1, 0);
    scores.add(3, 1, 1);
    scores.add(2, 0, 1);
    scores.add(1, 1, 0);
    EXPECT_DOUBLE_EQ(scores.auroc(), 3.5 / 6);
    EXPECT_DOUBLE_EQ(scores.auprc(), (1 + 2.0 / 3 + 3.0 / 5) / 3);
    EXPECT_DOUBLE_EQ(scores.best_f1().f1, 0.75);  // all are positive: 3 right of 5
    EXPECT_DOUBLE_EQ(scores.best_f1().threshold, 1 / (1 + std::exp(-1.0)));
}

TEST(ThresholdScores, AreUndefinedWithoutBothKinds) {
    ThresholdScores only_negatives(0, 2);
    only_negatives.add(1, 0, 2);
    EXPECT_TRUE(std::isnan(only_negatives.auroc()));
    EXPECT_TRUE(std::isnan(only_negatives.auprc()));
    EXPECT_TRUE(std::isnan(only_negatives.best_f1().f1));
}

}  // namespace aureole::test
