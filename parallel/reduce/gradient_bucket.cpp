#include "parallel/reduce/gradient_bucket.hpp"

#include <algorithm>

#include "core/graph/memory_plan.hpp"

namespace aureole {

namespace {

bool go_together(GradientSummand const& a, GradientSummand const& b) {
    return a.stage == b.stage && a.partial == b.partial && a.gradient->spec.dtype == b.gradient->spec.dtype &&
           b.gradient->offset - a.gradient->offset == b.parameter->offset - a.parameter->offset;
}

}  // namespace

/// A bucket covers the few bytes of alignment between its gradients too.
std::vector<GradientBucket> plan_buckets(std::vector<GradientSummand> const& summands) {
    std::vector<GradientBucket> buckets;
    for (std::size_t i = 0; i < summands.size();) {
        GradientSummand const& first = summands[i];
        std::size_t const begin = first.gradient->offset;
        std::size_t end = begin;
        std::size_t step = 0;
        for (; i < summands.size() && go_together(first, summands[i]); ++i) {
            Persistent const& gradient = *summands[i].gradient;
            bool const apart = gradient.offset > align_up(end) && end > begin;
            if (apart || (end > begin && end - begin >= GradientBucket::most_bytes)) { break; }
            end = gradient.offset + gradient.bytes();
            step = std::max(step, summands[i].step);
        }
        DType const dtype = first.gradient->spec.dtype;
        buckets.push_back({first.stage, step, first.partial, dtype, begin, first.parameter->offset,
                           static_cast<Index>((end - begin) / size_of(dtype))});
    }
    return buckets;
}

Elements owned_elements(std::vector<GradientBucket> const& buckets, Persistent const& gradient, int owner, int owners) {
    auto const bucket = std::find_if(buckets.begin(), buckets.end(), [&](GradientBucket const& each) {
        return each.gradients <= gradient.offset && gradient.offset < each.gradients + each.bytes();
    });
    require(bucket != buckets.end(), "{} is in no bucket", gradient.name);
    auto const first = static_cast<Index>((gradient.offset - bucket->gradients) / size_of(bucket->dtype));
    Elements const share = shares_of(bucket->elements, bucket->dtype, owners)[static_cast<std::size_t>(owner)];
    Elements const owned = intersection(share, {first, gradient.spec.local().volume()});
    return owned.count == 0 ? Elements{} : Elements{owned.first - first, owned.count};
}

}  // namespace aureole
