#pragma once
#include "core/ops/activation.hpp"
#include "core/ops/operator.hpp"

namespace aureole {

/// Attributes shared by the operators of batch norm (Ioffe and Szegedy 2015), instance norm (Ulyanov et al. 2016) and
/// group norm (Wu and He 2018).
///
/// Statistics have the shape (s, 1, 1, 1, g): sample n of N uses row n * s / N, channel c of C uses column c * g / C.
/// batch: s = N / samples_per_group, g = C; instance: s = N, g = C; group: s = N, g = groups.
struct NormAttributes {
    enum class Kind : std::uint8_t { batch, instance, group };
    Kind kind = Kind::batch;
    Index groups = 1;             ///< group: number of groups, divides the channels
    Index samples_per_group = 0;  ///< batch: consecutive samples that share statistics, divides N; 0 = all
    double epsilon = 1e-5;        ///< added to the variance
    double momentum = 0.1;        ///< running = (1 - momentum) * running + momentum * of this batch
    bool affine = true;           ///< inputs gamma and beta (1, 1, 1, 1, c)
    bool running = true;          ///< batch: keeps running statistics
    bool residual = false;        ///< a further input of x's shape is added before the activation
    ActivationAttributes activation;
    bool fixed_statistics = false;  ///< statistics do not depend on x: no gradient flows through them (evaluation)
};

/// Shape (s, 1, 1, 1, g) of the statistics over x of the given global shape. Throws bad_deck if groups do not divide.
[[nodiscard]] Shape norm_statistics_shape(NormAttributes const& attributes, Shape const& x);

/// Mean and 1 / sqrt(biased variance + epsilon) of x, in one pass that is safe for |mean| >> deviation.
///
/// Inputs: x, [running_mean, running_var (1, 1, 1, 1, c) if kept]. Outputs: mean, inv_std (s, 1, 1, 1, g) in the
/// accumulation type. The running statistics are updated as in PyTorch, with the unbiased variance; where several
/// groups of samples have statistics of their own, the mean over the groups enters once.
class NormStatistics : public Operator {
  public:
    explicit NormStatistics(NormAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] NormAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] bool keeps_running() const {
        return attributes_.running && attributes_.kind == NormAttributes::Kind::batch;
    }
    [[nodiscard]] std::string_view kind() const override { return "norm_statistics"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    /// Into NormMoments and NormFinish.
    [[nodiscard]] std::optional<Split> split(std::span<ValueType const> inputs) const override;
    /// Nothing: Normalize differentiates through its statistics.
    void differentiate(Backward& /*backward*/) const override {}
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }
    [[nodiscard]] bool writes_input(std::size_t input) const override { return input > 0; }

  private:
    NormAttributes attributes_;
};

/// Count, mean and sum of squared deviations from it of the elements that share a statistic: what ranks that hold
/// different pixels combine (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances", 1979). Input: x. Output: moments f64 (s, 1, 1, g, 3).
class NormMoments : public Operator {
  public:
    explicit NormMoments(NormAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] NormAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "norm_moments"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] bool has_rows_of_samples(std::size_t /*output*/) const override { return true; }
    [[nodiscard]] Combine combine() const override { return Combine::moments; }
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    NormAttributes attributes_;
};

/// The outputs of NormStatistics from the moments of all elements; also updates the running statistics.
/// Inputs: moments, [running_mean, running_var]. Outputs: mean, inv_std in the given type.
class NormFinish : public Operator {
  public:
    NormFinish(NormAttributes attributes, DType dtype) : attributes_(attributes), dtype_(dtype) {}
    [[nodiscard]] NormAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "norm_finish"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }
    [[nodiscard]] bool writes_input(std::size_t input) const override { return input > 0; }

  private:
    NormAttributes attributes_;
    DType dtype_;
};

/// Statistics for evaluation. Inputs: running_mean, running_var. Outputs: mean, inv_std of the same shape.
class RunningStatistics : public Operator {
  public:
    explicit RunningStatistics(double epsilon) : epsilon_(epsilon) {}
    [[nodiscard]] double epsilon() const { return epsilon_; }
    [[nodiscard]] std::string_view kind() const override { return "running_statistics"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    void differentiate(Backward& /*backward*/) const override {}
    [[nodiscard]] Recompute recompute() const override { return Recompute::never; }

  private:
    double epsilon_;
};

/// y = activation(z), z = gamma * (x - mean) * inv_std + beta [+ residual].
///
/// Inputs: x, [residual,] mean, inv_std, [gamma, beta]. Output: y. With RunningStatistics as the source of mean and
/// inv_std set NormAttributes::fixed_statistics; their shape is then (1, 1, 1, 1, c) whatever the kind.
class Normalize : public Operator {
  public:
    explicit Normalize(NormAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] NormAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "normalize"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const override;
    void differentiate(Backward& backward) const override;
    [[nodiscard]] Recompute recompute() const override { return Recompute::cheap; }

  private:
    NormAttributes attributes_;
};

/// What the two backward operators of Normalize read.
struct NormGradientAttributes {
    NormAttributes norm;
    bool second_gradient = false;  ///< dy comes as two terms that are added on the fly

    /// Without activation dz = dy: z need not be recomputed and the residual's gradient is dy itself.
    [[nodiscard]] bool residual() const { return norm.residual && norm.activation.kind != ActivationKind::none; }
    [[nodiscard]] std::size_t x() const { return second_gradient ? 2 : 1; }
    [[nodiscard]] std::size_t mean() const { return x() + (residual() ? 2 : 1); }
    [[nodiscard]] std::size_t gamma() const { return mean() + 2; }
    [[nodiscard]] std::size_t sums() const { return gamma() + (norm.affine ? 2 : 0); }
};

/// Sums of the backward pass, with dz = (dy [+ dy2]) * activation'(z) and xhat = (x - mean) * inv_std.
///
/// Inputs: dy, [dy2,] x, [residual,] mean, inv_std, [gamma, beta].
/// Outputs: unless statistics are fixed s1, s2 (s, 1, 1, 1, g), the means over a group of gamma * dz and of
/// gamma * dz * xhat, which are overwritten; then if affine dgamma, dbeta (1, 1, 1, 1, c), the sums of dz * xhat and
/// dz, which accumulate.
class NormReduce : public Operator {
  public:
    explicit NormReduce(NormGradientAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] NormGradientAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "norm_reduce"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int reduced_input() const override { return 0; }
    [[nodiscard]] Access access_by_pixel(std::size_t input) const override;
    [[nodiscard]] bool has_rows_of_samples(std::size_t output) const override {
        return !attributes_.norm.fixed_statistics && output < 2;
    }
    [[nodiscard]] bool accumulates() const override { return true; }

  private:
    NormGradientAttributes attributes_;
};

/// dx = inv_std * (gamma * dz - s1 - xhat * s2), see NormReduce; with fixed statistics dx = inv_std * gamma * dz.
///
/// Inputs: dy, [dy2,] x, [residual,] mean, inv_std, [gamma, beta,] [s1, s2 unless statistics are fixed].
/// Outputs: dx, which may take over the memory of dy, and if residual() dz, the gradient of the residual, which may
/// take over that of dy2.
class NormInputGradient : public Operator {
  public:
    explicit NormInputGradient(NormGradientAttributes attributes) : attributes_(attributes) {}
    [[nodiscard]] NormGradientAttributes const& attributes() const { return attributes_; }
    [[nodiscard]] std::string_view kind() const override { return "norm_input_gradient"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> inputs) const override;
    [[nodiscard]] Access access(std::size_t input) const override;
    [[nodiscard]] int in_place(std::size_t output) const override;

  private:
    NormGradientAttributes attributes_;
};

}  // namespace aureole
