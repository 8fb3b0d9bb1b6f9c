#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/tensor/dtype.hpp"

namespace aureole::benchmarks {

/// How an image is cut into as many tiles as there are ranks.
enum class Slicing : std::uint8_t {
    square,      ///< rows and columns, as many of each as can be
    vertical,    ///< side by side, along w
    horizontal,  ///< one below the other, along h
};

/// What is measured: every combination of the lists.
struct HaloOptions {
    std::vector<std::array<Index, 2>> images{{512, 512}, {333, 257}};  ///< (h, w)
    std::vector<Index> batches{1}, halos{1, 3}, channels{16}, filters{16};
    std::vector<Slicing> slicings{Slicing::square, Slicing::vertical, Slicing::horizontal};
    std::vector<DType> dtypes{DType::f32};
    Index iterations = 20, warmup = 3;
    bool validate = true;
    bool whole = true;  ///< also convolve the whole image on every rank
};

[[nodiscard]] std::string_view halo_usage();

/// Takes words of this program out of the command line and leaves those of Google Benchmark. Throws bad_deck.
[[nodiscard]] HaloOptions parse_halo_options(std::vector<std::string>& words);

}  // namespace aureole::benchmarks
