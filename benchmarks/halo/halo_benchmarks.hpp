#pragma once
#include <benchmark/benchmark.h>

#include "benchmarks/halo/halo_exchange.hpp"
#include "benchmarks/halo/tile_convolution.hpp"

namespace aureole::benchmarks {

/// Benchmarks that all ranks run together, the same number of times. A time is that of the slowest rank.
///
/// exchange:    the exchange alone.
/// convolution: exchange, then the convolution of the tile; beside it that of the whole image on rank 0.
/// overlap:     the convolution of a tile whose border is there already, between begin and finish of an exchange.
///
/// Counters of messages and bytes are those of the busiest rank; the speed-up is that of the fastest runs, which other
/// programs on the machine disturb least. In overlap, `exchange_us` is the time of an exchange behind a convolution,
/// `exposed_us` that of its two halves around one, medians, without what a rank waits for another whose convolution
/// ends later; `hidden` is 1 - exposed / exchange. Between cores that share a memory it is about zero: what an exchange
/// does there is copying, by the cores that compute.
class HaloBenchmarks {
  public:
    HaloBenchmarks(Comm const& comm, HaloOptions options);
    void register_all();
    /// A validation failed.
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    Comm const& comm_;
    HaloOptions options_;
    bool failed_ = false;

    void add(std::string const& name, HaloCase const& each,
             void (HaloBenchmarks::*measure)(benchmark::State&, HaloCase const&));
    void measure_exchange(benchmark::State& state, HaloCase const& each);
    void measure_convolution(benchmark::State& state, HaloCase const& each);
    void measure_overlap(benchmark::State& state, HaloCase const& each);
    [[nodiscard]] bool accept(benchmark::State& state, HaloCase const& each, std::string_view what,
                              std::optional<std::string> const& fault);
    void count(benchmark::State& state, HaloExchange const& exchange) const;
    [[nodiscard]] double whole_image_seconds(TileConvolution const& whole) const;
};

}  // namespace aureole::benchmarks
