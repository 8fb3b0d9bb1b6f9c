#include "parallel/reduce/gradient_reduction.hpp"

#include <algorithm>

#include "core/clock.hpp"
#include "parallel/exchange/all_reduce.hpp"
#include "parallel/exchange/reduce_scatter.hpp"

namespace aureole {

namespace {

std::unique_ptr<Reduction> whole_sum(Tensor const& gradients, Comm const& ranks) {
    std::vector const specs{TensorSpec::whole(gradients.dtype, gradients.shape)};
    auto sum = std::make_unique<AllReduce>(Combine::sum, specs, AllReduce::Ranks{ranks.size(), false});
    sum->bind(ranks, 0, {gradients}, nullptr);
    return sum;
}

/// Tiles that have the same gradients sum those of their own shares only.
std::unique_ptr<Reduction> share_of_sum(Tensor const& gradients, bool partial, GradientRanks const& ranks) {
    std::vector<Elements> shares = shares_of(gradients.shape.volume(), gradients.dtype, ranks.all->size());
    if (partial) { return std::make_unique<ReduceScatter>(*ranks.all, gradients, shares); }
    auto const replicas = static_cast<std::size_t>(ranks.replicas->size());
    std::size_t const tile = static_cast<std::size_t>(ranks.all->rank()) / replicas;
    Elements const of_tile{shares[tile * replicas].first,
                           shares[(tile + 1) * replicas - 1].end() - shares[tile * replicas].first};
    std::vector<Elements> within;
    for (std::size_t replica = 0; replica < replicas; ++replica) {
        Elements const& share = shares[tile * replicas + replica];
        within.push_back({share.first - of_tile.first, share.count});
    }
    return std::make_unique<ReduceScatter>(*ranks.replicas, flat_part(gradients, of_tile), within);
}

}  // namespace

void GradientReduction::bind(std::vector<GradientBucket> const& buckets, Arena const& arena, GradientRanks const& ranks,
                             GradientSum what) {
    buckets_.clear();
    seconds_ = 0;
    for (GradientBucket const& each : buckets) {
        Comm const& summed_over = each.partial ? *ranks.all : *ranks.replicas;
        if (summed_over.size() == 1) { continue; }
        Tensor const gradients = arena.tensor(each.gradients, each.dtype, each.shape());
        zero(gradients);  // the gaps: what is summed is a number
        buckets_.push_back({each.stage, each.step,
                            what == GradientSum::whole ? whole_sum(gradients, summed_over)
                                                       : share_of_sum(gradients, each.partial, ranks),
                            false});
    }
    // every rank begins them in the same order; the last stage's backward pass is the first to end
    std::stable_sort(buckets_.begin(), buckets_.end(), [](Bucket const& a, Bucket const& b) {
        return a.stage != b.stage ? a.stage > b.stage : a.step < b.step;
    });
}

void GradientReduction::step_done(std::size_t stage, std::size_t step) {
    auto const begin = Clock::now();
    done_[stage] = step + 1;
    bool in_order = true;
    for (Bucket& bucket : buckets_) {
        if (bucket.begun) {
            bucket.sum->proceed();
            continue;
        }
        in_order = in_order && done_[bucket.stage] > bucket.step;
        if (!in_order) { break; }
        bucket.sum->begin();
        bucket.begun = true;
    }
    seconds_ += seconds_since(begin);
}

void GradientReduction::finish() {
    auto const begin = Clock::now();
    for (Bucket& bucket : buckets_) {
        if (!bucket.begun) { bucket.sum->begin(); }
    }
    for (Bucket& bucket : buckets_) {
        bucket.sum->finish();
        bucket.begun = false;
    }
    done_.clear();
    seconds_ += seconds_since(begin);
}

}  // namespace aureole
