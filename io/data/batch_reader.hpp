#pragma once
#include "io/data/augment.hpp"
#include "io/data/loader.hpp"
#include "io/data/sample_order.hpp"

namespace aureole {

/// The samples of a batch that are read: the same part of every micro-batch.
struct SamplePart {
    Index of = 1;               ///< samples of a micro-batch
    Index first = 0, last = 1;  ///< those that are read

    static SamplePart of_box(LoaderConfig const& config, std::optional<Box> const& box);

    /// How many of the first `slots` samples of the batch are read, which is also the place of the next one.
    [[nodiscard]] Index before(Index slots) const;
    [[nodiscard]] bool has(Index slot) const { return before(slot + 1) > before(slot); }
};

/// The boxes of stored samples that a loader reads, if these are the same for all of them: samples are neither moved by
/// augmentation or cropping, nor measured by themselves. All of every sample otherwise.
[[nodiscard]] SampleBoxes fixed_boxes(LoaderConfig const& config);

/// Fills batches, one at a time: what Loader does but for reading ahead.
class BatchReader {
  public:
    explicit BatchReader(LoaderConfig const& config);

    /// Memory of the staging buffers, of one batch, and of the data set's buffers.
    [[nodiscard]] static std::size_t staging_bytes(LoaderConfig const& config);
    [[nodiscard]] static std::size_t batch_bytes(LoaderConfig const& config);
    [[nodiscard]] static std::size_t dataset_bytes(LoaderConfig const& config);

    [[nodiscard]] Batch make_batch() const;
    void fill(std::int64_t step, Batch& batch);

  private:
    void place_samples(std::int64_t step, Batch& batch) const;
    [[nodiscard]] Geometry geometry_of(std::int64_t sample, std::int64_t epoch) const;
    void read_run(std::int64_t slot, std::int64_t count, std::int64_t epoch, Batch& batch);
    void read_x(std::int64_t sample, std::int64_t slot, Geometry const& geometry, Batch& batch);
    void read_labels(std::int64_t sample, std::int64_t slot, Geometry const& geometry, Batch& batch);
    void read_prepared(std::int64_t sample, std::int64_t count, Box const& box, float* x);
    void read_part(std::int64_t sample, std::int64_t count, Box const& box, Normalization const& prepare, float* x);
    void require_finite(std::int64_t sample, Index elements, Index volume, float const* x) const;
    [[nodiscard]] Statistics sample_statistics(std::int64_t sample, float const* whole);

    LoaderConfig const& config_;
    SampleOrder order_;
    Shape stored_x_, stored_y_;
    Box x_box_, y_box_;  ///< of one sample
    SamplePart x_part_, y_part_;
    Index x_volume_ = 0, y_volume_ = 0;  ///< of the boxes of one sample
    bool moves_labels_ = false;          ///< labels are a mask, which follows the image's geometry
    bool rearranges_ = false;            ///< samples may be cut, padded, flipped or turned
    std::vector<float> staging_;         ///< the source box of one sample
    std::vector<double> slab_;           ///< rows of a sample, before they are rounded
    std::vector<std::int32_t> staging_classes_;
};

}  // namespace aureole
