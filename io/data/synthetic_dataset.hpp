#pragma once
#include "io/data/dataset.hpp"

namespace aureole {

/// Samples made by counter-based random numbers, a function of (seed, index) only, with a task that can be learned:
/// - classes per image: a plane wave whose direction and wavelength belong to the class, in noise;
/// - classes per pixel: bright discs (balls) on noise; pixels in a disc have its class (1 .. classes - 1), outside 0;
/// - values per image: value j is the brightness of a wave of pattern j;
/// - values per pixel: 1 inside the discs, 0 outside.
class SyntheticDataset : public Dataset {
  public:
    SyntheticDataset(SourceSpec const& source, SampleSpec const& sample, std::uint64_t seed);

    [[nodiscard]] std::int64_t samples() const override { return samples_; }
    [[nodiscard]] Shape x_shape() const override { return sample_.x; }
    [[nodiscard]] Shape y_shape() const override { return sample_.y; }
    void read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const override;
    void read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const override;
    void read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const override;
    [[nodiscard]] std::string place(std::int64_t sample) const override;
    [[nodiscard]] std::size_t buffer_bytes(std::int64_t /*run*/) const override { return 0; }
    [[nodiscard]] std::uint64_t bytes_read() const override { return 0; }

  private:
    SampleSpec sample_;
    std::uint64_t key_;
    std::int64_t first_ = 0, samples_ = 0;
    bool per_pixel_ = false;
};

}  // namespace aureole
