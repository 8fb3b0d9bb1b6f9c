#pragma once
#include <vector>

#include "io/data/data_spec.hpp"
#include "io/data/statistics.hpp"

namespace aureole {

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
    /// x (pixels, channels), in place.
    void apply(float* x, Index pixels) const;
    /// (x - mean) / deviation with the figures of one sample, on values that have been through apply().
    static void standardize(Statistics const& statistics, float* x, Index pixels);

  private:
    void set_affine(std::vector<double> const& scale, std::vector<double> const& shift);

    Index channels_ = 1;
    bool clip_ = false, log_ = false, affine_ = false, per_sample_ = false;
    float clip_lo_ = 0, clip_hi_ = 0;
    std::vector<float> scale_, shift_;  ///< figures of the channels, repeated to a length that vectorises
};

}  // namespace aureole
