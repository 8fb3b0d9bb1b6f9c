#pragma once
#include <span>
#include <vector>

namespace aureole {

// Scores from a confusion matrix of k classes, k x k counts: row = label, column = prediction (MetricConfusion).

/// Share of correct predictions; NaN if nothing was counted.
[[nodiscard]] double accuracy(std::span<double const> confusion);
/// TP / (TP + FP + FN) of every class (Jaccard index); NaN for a class that is neither label nor prediction anywhere.
[[nodiscard]] std::vector<double> iou(std::span<double const> confusion);
/// 2 TP / (2 TP + FP + FN) of every class; NaN as for iou. Dice and F1 are the same number.
[[nodiscard]] std::vector<double> dice(std::span<double const> confusion);
[[nodiscard]] std::vector<double> f1(std::span<double const> confusion);
/// One number of scores per class: with two classes that of the positive one (class 1), else the mean over the classes
/// that are present, i.e. not NaN; NaN if there is none.
[[nodiscard]] double mean_score(std::span<double const> per_class);

struct BestF1 {
    double f1 = 0;
    double threshold = 0;  ///< probability from which on a prediction is positive
};

/// Scores from all different scores, highest first, each with its numbers of positives and negatives.
class ThresholdScores {
  public:
    /// Numbers of all labels that will be added.
    ThresholdScores(double positives, double negatives) : all_positives_(positives), all_negatives_(negatives) {}
    /// The labels of the next lower score (a logit).
    void add(double score, double positives, double negatives);
    /// Area under the ROC curve: probability that a positive scores above a negative, ties counting half
    /// (Mann-Whitney). NaN without positives or without negatives.
    [[nodiscard]] double auroc() const;
    /// Average precision, the sum over thresholds of (recall - previous recall) * precision: the area under the
    /// precision-recall curve without interpolation. NaN without positives.
    [[nodiscard]] double auprc() const;
    /// The largest F1 over all thresholds, and the highest threshold that reaches it. Both NaN without positives.
    [[nodiscard]] BestF1 best_f1() const;

  private:
    double all_positives_, all_negatives_;
    double positives_ = 0, negatives_ = 0;  ///< at this score and above
    double roc_ = 0, precision_ = 0;
    BestF1 best_{-1, 0};
};

}  // namespace aureole
