#include "parallel/reduce/gradient_reduction.hpp"

#include <algorithm>

#include "core/clock.hpp"

namespace aureole {

namespace {

bool go_together(GradientReduction::Summand const& a, GradientReduction::Summand const& b) {
    return a.stage == b.stage && a.ranks == b.ranks && a.entry->spec.dtype == b.entry->spec.dtype;
}

}  // namespace

/// A bucket covers the few bytes of alignment between its gradients too.
void GradientReduction::bind(std::vector<Summand> const& summands, Arena const& arena) {
    buckets_.clear();
    seconds_ = 0;
    for (std::size_t i = 0; i < summands.size();) {
        Summand const& first = summands[i];
        std::size_t const begin = first.entry->offset;
        std::size_t end = begin;
        Bucket bucket{first.stage, 0, nullptr, false};
        for (; i < summands.size() && go_together(first, summands[i]); ++i) {
            Persistent const& entry = *summands[i].entry;
            bool const apart = entry.offset > align_up(end) && end > begin;
            if (apart || (end > begin && end - begin >= bucket_bytes)) { break; }
            end = entry.offset + entry.spec.bytes();
            bucket.step = std::max(bucket.step, summands[i].step);
        }
        DType const dtype = first.entry->spec.dtype;
        Shape const shape{1, 1, 1, 1, static_cast<Index>((end - begin) / size_of(dtype))};
        Tensor const tensor = arena.tensor(begin, dtype, shape);
        zero(tensor);  // the gaps: what is summed is a number
        bucket.sum = std::make_unique<AllReduce>(Combine::sum, std::vector{TensorSpec::whole(dtype, shape)}, false);
        bucket.sum->bind(*first.ranks, {tensor}, nullptr);
        buckets_.push_back(std::move(bucket));
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
