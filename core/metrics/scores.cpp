#include "core/metrics/scores.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/error.hpp"

namespace aureole {

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double ratio(double part, double whole) { return whole > 0 ? part / whole : undefined; }

std::size_t classes_of(std::span<double const> confusion) {
    auto const classes = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(confusion.size()))));
    require(classes >= 2 && classes * classes == confusion.size(), "a confusion matrix of {} counts", confusion.size());
    return classes;
}

/// Hits and misses of one class.
struct ClassCounts {
    double true_positive = 0, false_positive = 0, false_negative = 0;
};

std::vector<double> score_per_class(std::span<double const> confusion,
                                    std::function<double(ClassCounts const&)> const& score) {
    std::size_t const classes = classes_of(confusion);
    std::vector<double> scores;
    for (std::size_t k = 0; k < classes; ++k) {
        ClassCounts counts;
        counts.true_positive = confusion[k * classes + k];
        for (std::size_t other = 0; other < classes; ++other) {
            if (other == k) { continue; }
            counts.false_negative += confusion[k * classes + other];
            counts.false_positive += confusion[other * classes + k];
        }
        scores.push_back(score(counts));
    }
    return scores;
}

}  // namespace

double accuracy(std::span<double const> confusion) {
    std::size_t const classes = classes_of(confusion);
    double correct = 0;
    for (std::size_t k = 0; k < classes; ++k) { correct += confusion[k * classes + k]; }
    return ratio(correct, std::accumulate(confusion.begin(), confusion.end(), 0.0));
}

std::vector<double> iou(std::span<double const> confusion) {
    return score_per_class(confusion, [](ClassCounts const& n) {
        return ratio(n.true_positive, n.true_positive + n.false_positive + n.false_negative);
    });
}

std::vector<double> dice(std::span<double const> confusion) {
    return score_per_class(confusion, [](ClassCounts const& n) {
        return ratio(2 * n.true_positive, 2 * n.true_positive + n.false_positive + n.false_negative);
    });
}

std::vector<double> f1(std::span<double const> confusion) { return dice(confusion); }

double mean_score(std::span<double const> per_class) {
    if (per_class.size() == 2) { return per_class[1]; }
    double sum = 0, present = 0;
    for (double const score : per_class) {
        if (std::isnan(score)) { continue; }
        sum += score;
        present += 1;
    }
    return ratio(sum, present);
}

void ThresholdScores::add(double score, double positives, double negatives) {
    roc_ += negatives * (positives_ + 0.5 * positives);
    positives_ += positives;
    negatives_ += negatives;
    precision_ += positives * (positives_ / (positives_ + negatives_));
    // TP + FP + TP + FN = positives + negatives above the threshold + all positives
    double const f1 = 2 * positives_ / (positives_ + negatives_ + all_positives_);
    if (f1 > best_.f1) { best_ = {f1, 1.0 / (1.0 + std::exp(-score))}; }
}

double ThresholdScores::auroc() const { return ratio(roc_, all_positives_ * all_negatives_); }
double ThresholdScores::auprc() const { return ratio(precision_, all_positives_); }
BestF1 ThresholdScores::best_f1() const { return all_positives_ > 0 ? best_ : BestF1{undefined, undefined}; }

}  // namespace aureole
