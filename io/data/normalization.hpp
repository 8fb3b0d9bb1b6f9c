#pragma once
#include <vector>

#include "io/data/data_spec.hpp"
#include "io/data/statistics.hpp"

namespace aureole {

/// What normalisation subtracts and divides by, by channel; nothing where a NormalizeSpec has no such figures.
struct NormalizationFigures {
    std::vector<double> mean, deviation;
};
/// Those that the deck gives, or of the data set. Throws if there are neither one for all nor one for each channel.
/// @param statistics of the training set; needed for NormalizeSpec::Kind::dataset only
[[nodiscard]] NormalizationFigures figures_of(NormalizeSpec const& spec, Index channels,
                                              Statistics const* statistics = nullptr);

/// A NormalizeSpec with all its figures known: y = (p(x) - mean) / deviation per channel, where p clips, takes
/// sign(x) log(1 + |x|) if asked for, multiplies by the factor and adds the offset, in this order. A channel of
/// deviation 0 is only centred.
class Normalization {
  public:
    Normalization() = default;  ///< leaves values as they are
    /// @param statistics of the training set; needed for NormalizeSpec::Kind::dataset only
    Normalization(NormalizeSpec const& spec, Index channels, Statistics const* statistics = nullptr);
    /// p alone.
    [[nodiscard]] static Normalization preparation(NormalizeSpec const& spec, Index channels);

    /// True if mean and deviation are those of each sample by itself; apply() is then p alone.
    [[nodiscard]] bool per_sample() const { return per_sample_; }
    /// This p, then (x - mean) / deviation with the figures of one sample after p.
    [[nodiscard]] Normalization for_sample(Statistics const& statistics) const;

    /// x (pixels, channels). All is computed in f64, and rounded to the result's type once, at the end. In place if
    /// both are the same array.
    template <class In, class Out>
    void apply(In const* x, Index pixels, Out* y) const;
    void apply(float* x, Index pixels) const { apply(x, pixels, x); }

  private:
    void set_figures(std::vector<double> const& mean, std::vector<double> const& deviation);

    Index channels_ = 1;
    bool clip_ = false, log_ = false, affine_ = false, per_sample_ = false;
    double clip_lo_ = 0, clip_hi_ = 0, factor_ = 1, offset_ = 0;
    /// x * factor_ + shift_, then times inverse_: the mean is subtracted before anything is rounded. Figures of the
    /// channels, repeated to a length that vectorises.
    std::vector<double> shift_, inverse_;
};

}  // namespace aureole
