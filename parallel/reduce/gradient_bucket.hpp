#pragma once
#include "parallel/exchange/shares.hpp"
#include "parallel/program/persistent_layout.hpp"

namespace aureole {

/// A parameter, and when its gradient is complete and over which ranks it is summed.
struct GradientSummand {
    std::size_t stage = 0;  ///< of this rank, counted from 0
    std::size_t step = 0;   ///< of the stage's program, after which the gradient is complete
    bool partial = false;   ///< every tile has a part of it; otherwise tiles have the same
    Persistent const* parameter = nullptr;
    Persistent const* gradient = nullptr;
};

/// Gradients that are neighbours in memory, so that one message sums them; their parameters lie in the same order.
struct GradientBucket {
    /// Bytes of a bucket, about: large enough that latency does not count.
    static constexpr std::size_t most_bytes = std::size_t{4} << 20U;

    std::size_t stage = 0, step = 0;  ///< after which all are complete
    bool partial = false;
    DType dtype = DType::f32;
    std::size_t gradients = 0, parameters = 0;  ///< where they begin in the arena, in bytes
    Index elements = 0;                         ///< of each of both, gaps of alignment included

    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(elements) * size_of(dtype); }
    [[nodiscard]] Shape shape() const { return {1, 1, 1, 1, elements}; }
};

/// `summands` in the order of memory, all ranks of a stage alike.
[[nodiscard]] std::vector<GradientBucket> plan_buckets(std::vector<GradientSummand> const& summands);

/// Elements of a parameter that are owner's: those in its share of the bucket.
[[nodiscard]] Elements owned_elements(std::vector<GradientBucket> const& buckets, Persistent const& gradient, int owner,
                                      int owners);

}  // namespace aureole
