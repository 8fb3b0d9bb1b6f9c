#pragma once
#include "core/ops/loss.hpp"

namespace aureole {

struct DiceAttributes {
    LossAttributes loss;
    double smooth = 1;  ///< added to numerator and denominator
};

/// Soft Dice loss (Milletari, Navab and Ahmadi, "V-Net", 2016), with sums over the pixels (d, h, w) that count:
///
///     loss = mean over samples n of mean over classes k in C(n) of
///            1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)
///
/// The samples are those in which a label counts; all weigh the same. C(n) are the classes that occur in the labels of
/// sample n that count, sum(t) > 0: what absent classes score is made of smooth alone, and would hide what is learned
/// of the others. Wrong answers for an absent class still cost, as the classes that are there lose them.
///
/// One channel: p is the sigmoid of the logit, t the target, and C(n) is this one class even if the mask is empty.
/// Several channels: p is the softmax, t the one-hot label; a label outside [0, c) belongs to no class. Inputs: logits
/// (n, d, h, w, c), labels (n, d, h, w, 1), i32 or for one channel also f32 or f64. Outputs: loss; sums of p t, p and t
/// for the backward pass, f64 (n, 1, 1, 3, c).
class Dice : public Operator {
  public:
    explicit Dice(DiceAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] DiceAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "dice"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    /// Into DiceSums and DiceFinish.
    [[nodiscard]] std::optional<Split> split(std::span<ValueType const> inputs) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    DiceAttributes attributes_;
};

/// The sums of Dice. Inputs: logits, labels. Output: sums of p t, p and t, f64 (n, 1, 1, 3, c).
class DiceSums : public Operator {
  public:
    explicit DiceSums(DiceAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] DiceAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "dice_sums"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] bool has_rows_of_samples(std::size_t /*output*/) const override { return true; }
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    DiceAttributes attributes_;
};

/// The loss of Dice. Input: sums of all pixels. Output: loss.
class DiceFinish : public Operator {
  public:
    explicit DiceFinish(DiceAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] DiceAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "dice_finish"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    DiceAttributes attributes_;
};

/// Inputs: logits, labels, sums. Output: dlogits.
class DiceInputGradient : public Operator {
  public:
    explicit DiceInputGradient(DiceAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] DiceAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "dice_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;

  private:
    DiceAttributes attributes_;
};

}  // namespace aureole
