#pragma once
#include <map>
#include <memory>

#include "core/tensor/arena.hpp"
#include "parallel/exchange/reduction.hpp"
#include "parallel/grid/comm.hpp"
#include "parallel/reduce/gradient_bucket.hpp"

namespace aureole {

/// Ranks that hold the same parameters: tiles and replicas of a stage.
struct GradientRanks {
    Comm const* all = nullptr;       ///< all replicas of the first tile, then those of the second, ...
    Comm const* replicas = nullptr;  ///< of this tile
};

/// What a rank gets of a sum of gradients.
enum class GradientSum : std::uint8_t {
    whole,
    share,  ///< its share of every bucket, see shares_of()
};

/// Sums gradients over ranks, bucket by bucket. A bucket is begun as soon as the last backward pass of a batch has made
/// its gradients, and travels while earlier layers are still at work.
class GradientReduction {
  public:
    /// `buckets`: all ranks alike.
    void bind(std::vector<GradientBucket> const& buckets, Arena const& arena, GradientRanks const& ranks,
              GradientSum what);

    /// A step of the last backward pass has run: begins what is complete, and lets messages proceed.
    void step_done(std::size_t stage, std::size_t step);
    /// Begins what is left and waits for everything.
    void finish();

    [[nodiscard]] std::size_t buckets() const { return buckets_.size(); }
    /// Seconds spent in waiting and packing since bind().
    [[nodiscard]] double seconds() const { return seconds_; }

  private:
    struct Bucket {
        std::size_t stage = 0, step = 0;
        std::unique_ptr<Reduction> sum;
        bool begun = false;
    };
    std::vector<Bucket> buckets_;              ///< in the order in which they begin: the same on all ranks
    std::map<std::size_t, std::size_t> done_;  ///< steps of the last backward pass, by stage
    double seconds_ = 0;
};

}  // namespace aureole
