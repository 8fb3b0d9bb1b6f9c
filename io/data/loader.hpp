#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/data/dataset.hpp"
#include "io/data/normalization.hpp"

namespace aureole {

/// The samples of one step. Arrays are dense and keep their size from batch to batch.
struct Batch {
    std::vector<float> x;               ///< (n, d, h, w, c) of the loader's box, normalised; n: samples that it reads
    std::vector<std::int32_t> classes;  ///< (n, 1) or (n, d, h, w, 1)
    std::vector<float> values;          ///< (n, c) or (n, d, h, w, c)
    std::vector<std::int64_t> samples;  ///< index in the data set of each; -1 behind the valid ones
    std::int64_t step = 0;
    std::int64_t first_index = 0;  ///< position of the first sample in all passes; within the pass for evaluation
    std::int64_t epoch = 0;        ///< of the first sample; 0 for evaluation
    std::int64_t valid = 0;  ///< samples that count: all, but for the last batch of an evaluation; the rest is zero
};

struct LoaderConfig {
    enum class Mode : std::uint8_t {
        train,  ///< in random order if spec.shuffle, augmented, without end: batches run on into the next epoch
        eval,   ///< each sample once per pass in stored order, the middle cut out of larger samples, the last batch
                ///< short
    };
    std::shared_ptr<Dataset const> dataset;
    SampleSpec sample;
    LoaderSpec spec;
    Normalization normalization;
    std::uint64_t seed = 0;
    std::int64_t batch = 1;        ///< samples that this loader reads at a time
    std::int64_t whole_batch = 0;  ///< training: samples of a step, of which others read the rest; 0: all are its own
    std::int64_t first_of_batch = 0;  ///< training: place of its first sample among them
    std::int64_t shift = 0;           ///< training: samples seen before a step are step * whole_batch + shift
    Mode mode = Mode::train;
    std::optional<Box> x_box,
        y_box;                       ///< part of the network's input and of its labels to read; default: whole
    std::int64_t micro_samples = 0;  ///< samples of a micro-batch, of which the boxes' n says which to read; 0: n is
                                     ///< not looked at

    /// The part of a micro-batch's images, and of its labels, that is read: the box, or all.
    [[nodiscard]] Box x_read() const;
    [[nodiscard]] Box y_read() const;
};

/// Hands out batches, read ahead by a thread of its own. What a batch holds depends on (seed, step) only; so its state
/// is one number, and a restart is start_at(step). All memory is allocated at construction.
class Loader {
  public:
    explicit Loader(LoaderConfig config);
    Loader(Loader&&) noexcept;
    Loader& operator=(Loader&&) noexcept;
    ~Loader();

    /// Memory of a loader: batches, staging, and what the data set holds for it (cache, scratch).
    [[nodiscard]] static std::size_t bytes(LoaderConfig const& config);

    /// The next batch; valid until the next call. An error met while reading ahead is thrown here, at its own batch.
    [[nodiscard]] Batch const& next();
    /// Goes to a step (evaluation: a batch of any pass) and begins to read ahead.
    void start_at(std::int64_t step);

    /// Batches of one pass over the data set, the last one possibly short.
    [[nodiscard]] std::int64_t batches_per_pass() const;
    [[nodiscard]] LoaderConfig const& config() const;
    /// Seconds that next() has waited for data.
    [[nodiscard]] double seconds_waited() const;

  private:
    class Worker;
    std::unique_ptr<Worker> worker_;
};

}  // namespace aureole
