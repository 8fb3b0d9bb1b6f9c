#include "app/label_counts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/ops/loss.hpp"

namespace aureole {

namespace {

/// Labels of the box `owned` of one sample, which is held as the box `read`, that count.
template <class T>
double count_labels(T const* labels, Box const& read, Box const& owned, double ignored) {
    Shape const shape = read.shape();
    Index count = 0;
    for (Index d = owned.lo[1]; d < owned.hi[1]; ++d) {
        for (Index h = owned.lo[2]; h < owned.hi[2]; ++h) {
            Index const row = ((d - read.lo[1]) * shape.h + h - read.lo[2]) * shape.w - read.lo[3];
            T const* const begin = labels + (row + owned.lo[3]) * shape.c;
            count += std::count_if(begin, begin + (owned.hi[3] - owned.lo[3]) * shape.c,
                                   [ignored](T const label) { return static_cast<double>(label) != ignored; });
        }
    }
    return static_cast<double>(count);
}

}  // namespace

LabelCounter::LabelCounter(RunPlan const& plan, LoaderConfig const& loader)
    : comm_(plan.comm),
      ignored_(loader.sample.ignore_label),
      part_(SamplePart::of_box(loader, loader.y_box)),
      read_(loader.y_read()),
      owned_(owned_labels(plan, loader)),
      micro_samples_(plan.micro_samples),
      samples_(loader.batch),
      first_(loader.mode == LoaderConfig::Mode::train ? loader.first_of_batch : 0),
      whole_(loader.mode == LoaderConfig::Mode::train && loader.whole_batch > 0 ? loader.whole_batch : loader.batch),
      per_sample_(loader.sample.y.elements_per_sample()) {}

LabelCounts LabelCounter::count(Batch const& batch) const {
    if (!ignored_) {
        auto const samples = static_cast<double>(batch.valid == samples_ ? whole_ : batch.valid);
        return {samples * static_cast<double>(per_sample_), samples};
    }
    // by sample, and last how many labels all ranks have looked at
    std::vector<double> counts(static_cast<std::size_t>(whole_) + 1, 0);
    Index const volume = owned_.empty() ? 0 : owned_.shape().elements_per_sample();
    Index const read_volume = read_.empty() ? 0 : read_.shape().elements_per_sample();
    for (Index slot = 0; slot < samples_ && volume > 0; ++slot) {
        Index const n = slot % micro_samples_;
        if (!part_.has(slot) || n < owned_.lo[0] || n >= owned_.hi[0]) { continue; }
        counts.back() += static_cast<double>(volume);
        if (slot >= batch.valid) { continue; }
        Index const at = part_.before(slot) * read_volume;
        counts[static_cast<std::size_t>(first_ + slot)] =
            batch.classes.empty()
                ? count_labels(batch.values.data() + at, read_, owned_, label_in(DType::f32, *ignored_))
                : count_labels(batch.classes.data() + at, read_, owned_, label_in(DType::i32, *ignored_));
    }
    if (comm_ != nullptr) { comm_->sum(counts.data(), static_cast<int>(counts.size())); }
    // in an evaluation every replica has all labels
    double const copies = counts.back() / static_cast<double>(whole_ * per_sample_);
    require(copies >= 1 && copies == std::floor(copies), "labels of a batch are counted {} times", copies);
    counts.pop_back();
    return {std::accumulate(counts.begin(), counts.end(), 0.0) / copies,
            static_cast<double>(counts.size()) - static_cast<double>(std::count(counts.begin(), counts.end(), 0.0))};
}

void set_counts(RunContext& context, LabelCounts const& counts, Index micro_batches) {
    context.counted_labels = counts.labels / static_cast<double>(micro_batches);
    context.counted_samples = counts.samples / static_cast<double>(micro_batches);
}

}  // namespace aureole
