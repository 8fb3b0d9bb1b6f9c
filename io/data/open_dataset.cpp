#include "core/error.hpp"
#include "io/data/cached_dataset.hpp"
#include "io/data/hdf5_dataset.hpp"
#include "io/data/synthetic_dataset.hpp"

namespace aureole {

void Dataset::read_x_wide(std::int64_t /*first*/, std::int64_t /*count*/, Box const& /*box*/, double* /*out*/) const {
    fail(ExitCode::internal, "exact values of a data set whose values are f32 asked for");
}

Box box_of_sample(std::optional<Box> const& box, Shape const& sample) {
    Box one = box.value_or(Box::whole(sample));
    one.lo[0] = 0;
    one.hi[0] = 1;
    return one;
}

std::shared_ptr<Dataset const> open_dataset(SourceSpec const& source, SampleSpec const& sample,
                                            LoaderSpec const& loader, std::uint64_t seed, SampleBoxes const& boxes) {
    std::shared_ptr<Dataset const> dataset;
    if (source.kind == SourceSpec::Kind::synthetic) {
        dataset = std::make_shared<SyntheticDataset>(source, sample, seed);
    } else {
        dataset = std::make_shared<Hdf5Dataset>(source, sample, loader.augment.random_crop);
    }
    if (CachedDataset::bytes(*dataset, sample.labels, boxes) <=
        static_cast<std::size_t>(std::max<std::int64_t>(0, loader.cache_limit))) {
        dataset = std::make_shared<CachedDataset>(std::move(dataset), sample.labels, boxes);
    }
    return dataset;
}

}  // namespace aureole
