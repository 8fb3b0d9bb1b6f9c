#pragma once
#include <map>
#include <memory>

#include "parallel/exchange/all_reduce.hpp"
#include "parallel/program/program.hpp"

namespace aureole {

/// Sums gradients over ranks in buckets of neighbours in memory. A bucket is begun as soon as the last backward pass of
/// a batch has made its gradients, and travels while earlier layers are still at work.
class GradientReduction {
  public:
    /// Bytes of a bucket, about: large enough that latency does not count.
    static constexpr std::size_t bucket_bytes = std::size_t{4} << 20U;

    /// A gradient, and the ranks over which it is summed.
    struct Summand {
        std::size_t stage = 0;  ///< of this rank, counted from 0
        std::size_t step = 0;   ///< of the stage's program, after which it is complete
        Persistent const* entry = nullptr;
        Comm const* ranks = nullptr;
    };
    /// `summands` in the order of memory, all ranks alike.
    void bind(std::vector<Summand> const& summands, Arena const& arena);

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
        std::unique_ptr<AllReduce> sum;
        bool begun = false;
    };
    std::vector<Bucket> buckets_;              ///< in the order in which they begin: the same on all ranks
    std::map<std::size_t, std::size_t> done_;  ///< steps of the last backward pass, by stage
    double seconds_ = 0;
};

}  // namespace aureole
