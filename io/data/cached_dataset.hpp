#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "io/data/dataset.hpp"

namespace aureole {

/// Keeps the samples of another data set, or a box of each, in memory from their first reading on: images of 8 bits as
/// bytes, others as f32, or as f64 where f32 does not hold them. Samples are read in runs of neighbours, so that each
/// chunk of a file is unpacked once. What lies outside the box is read again every time.
class CachedDataset : public Dataset {
  public:
    CachedDataset(std::shared_ptr<Dataset const> inner, SampleSpec::Labels labels, SampleBoxes const& boxes = {});
    /// Bytes such a cache would take.
    [[nodiscard]] static std::size_t bytes(Dataset const& inner, SampleSpec::Labels labels,
                                           SampleBoxes const& boxes = {});

    [[nodiscard]] std::int64_t samples() const override { return inner_->samples(); }
    [[nodiscard]] Shape x_shape() const override { return inner_->x_shape(); }
    [[nodiscard]] Shape y_shape() const override { return inner_->y_shape(); }
    [[nodiscard]] bool x_fits_bytes() const override { return inner_->x_fits_bytes(); }
    void read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const override;
    [[nodiscard]] bool x_is_wide() const override { return inner_->x_is_wide(); }
    void read_x_wide(std::int64_t first, std::int64_t count, Box const& box, double* out) const override;
    void read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const override;
    void read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const override;
    [[nodiscard]] std::string place(std::int64_t sample) const override { return inner_->place(sample); }
    [[nodiscard]] std::size_t buffer_bytes(std::int64_t run) const override;
    [[nodiscard]] std::uint64_t bytes_read() const override { return inner_->bytes_read(); }

  private:
    void load(std::int64_t first, std::int64_t count) const;
    void load_run(std::int64_t run) const;
    void load_images(std::int64_t first, std::int64_t count) const;

    std::shared_ptr<Dataset const> inner_;
    SampleSpec::Labels labels_;
    Box x_box_, y_box_;  ///< of one sample: what is kept
    Index x_volume_, y_volume_;
    std::int64_t run_length_;
    mutable std::mutex mutex_;          ///< of what follows, while it is filled
    mutable std::vector<bool> loaded_;  ///< by run
    mutable std::vector<float> staging_;
    std::unique_ptr<std::uint8_t[]> x_bytes_;
    std::unique_ptr<float[]> x_floats_, values_;
    std::unique_ptr<double[]> x_doubles_;
    std::unique_ptr<std::int32_t[]> classes_;
};

}  // namespace aureole
