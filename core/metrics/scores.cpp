#include "core/metrics/scores.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "core/metrics/histogram.hpp"

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

struct Histogram {
    explicit Histogram(std::span<double const> counts)
        : bins(counts.size() / 2), negative(counts.first(bins)), positive(counts.last(bins)) {
        require(static_cast<Index>(bins) == metric_histogram_bins && counts.size() == 2 * bins,
                "score histograms of {} counts", counts.size());
        negatives = std::accumulate(negative.begin(), negative.end(), 0.0);
        positives = std::accumulate(positive.begin(), positive.end(), 0.0);
    }
    std::size_t bins;
    std::span<double const> negative, positive;
    double negatives = 0, positives = 0;
};

/// Calls visit(bin, positives, negatives) for every bin that is not empty, highest scores first, with the numbers of
/// positives and negatives in this bin and above.
void for_thresholds(Histogram const& histogram, std::function<void(std::size_t, double, double)> const& visit) {
    double positives = 0, negatives = 0;
    for (std::size_t bin = histogram.bins; bin-- > 0;) {
        if (histogram.positive[bin] == 0 && histogram.negative[bin] == 0) { continue; }
        positives += histogram.positive[bin];
        negatives += histogram.negative[bin];
        visit(bin, positives, negatives);
    }
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

double auroc(std::span<double const> histogram) {
    Histogram const counts(histogram);
    double area = 0, last_positives = 0, last_negatives = 0;
    for_thresholds(counts, [&](std::size_t /*bin*/, double positives, double negatives) {
        area += (negatives - last_negatives) * 0.5 * (positives + last_positives);
        last_positives = positives;
        last_negatives = negatives;
    });
    return ratio(area, counts.positives * counts.negatives);
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

double auprc(std::span<double const> histogram) {
    Histogram const counts(histogram);
    double area = 0, last_positives = 0;
    for_thresholds(counts, [&](std::size_t /*bin*/, double positives, double negatives) {
        area += (positives - last_positives) * positives / (positives + negatives);
        last_positives = positives;
    });
    return ratio(area, counts.positives);
}

BestF1 best_f1(std::span<double const> histogram) {
    Histogram const counts(histogram);
    if (counts.positives == 0) { return {undefined, undefined}; }
    BestF1 best{-1, undefined};
    for_thresholds(counts, [&](std::size_t bin, double positives, double negatives) {
        // TP + FP + TP + FN = positives + negatives above the threshold + all positives
        double const f1 = 2 * positives / (positives + negatives + counts.positives);
        if (f1 > best.f1) { best = {f1, 1.0 / (1.0 + std::exp(-metric_histogram_edge(static_cast<Index>(bin))))}; }
    });
    return best;
}

}  // namespace aureole
