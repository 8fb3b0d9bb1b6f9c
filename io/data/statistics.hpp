#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/data/data_spec.hpp"
#include "io/data/dataset.hpp"

namespace aureole {

/// Statistics of each channel over all pixels of all samples. The deviation is that of the population (divisor: count).
struct Statistics {
    std::int64_t count = 0;  ///< pixels
    std::vector<double> mean, deviation, minimum, maximum;
};

/// Streaming statistics in f64: blocks in two passes, joined by the update of Chan, Golub and LeVeque ("Updating
/// formulae and a pairwise algorithm for computing sample variances", 1979).
class StatisticsSum {
  public:
    explicit StatisticsSum(Index channels);
    /// x (pixels, channels)
    template <class T>
    void add(T const* x, Index pixels);
    [[nodiscard]] Statistics result() const;

  private:
    template <class T>
    void add_block(T const* x, Index pixels);

    Index channels_;
    std::int64_t count_ = 0;
    std::vector<double> mean_, squares_, minimum_, maximum_;
    std::vector<double> block_mean_, block_squares_;
};

/// Reads the whole set once and measures it after the clipping, logarithm, factor and offset of `normalize`. `read` is
/// told the first sample of every part that has been read.
[[nodiscard]] Statistics measure_statistics(Dataset const& dataset, NormalizeSpec const& normalize,
                                            std::function<void(std::int64_t)> const& read = {});

/// A text file of one line per channel, written as a NewFile. Figures come back exactly as they were.
void save_statistics(std::string const& path, Statistics const& statistics);
[[nodiscard]] Statistics load_statistics(std::string const& path);

}  // namespace aureole
