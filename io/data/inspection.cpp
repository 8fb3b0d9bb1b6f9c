#include "io/data/inspection.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/ops/loss.hpp"
#include "core/tensor/philox.hpp"
#include "io/data/hdf5_dataset.hpp"
#include "io/data/normalization.hpp"

namespace aureole {

namespace {

constexpr std::size_t told = 3;                // samples that are named
constexpr std::size_t most_outside = 1000;     // different labels that are counted
constexpr Index read_target = Index{1} << 20;  // elements read at a time

/// The same word for equal numbers: of both zeros, and of all NaN.
std::uint64_t word_of(double value) {
    if (std::isnan(value)) { value = std::numeric_limits<double>::quiet_NaN(); }
    return std::bit_cast<std::uint64_t>(value + 0.0);
}

/// Calls visit(box) for slabs of rows of a sample, or for all of it if it is small.
template <class Visit>
void for_each_slab(Shape const& shape, Visit visit) {
    if (shape.elements_per_sample() <= read_target) { return visit(Box::whole(shape)); }
    Index const rows = std::clamp<Index>(read_target / (shape.w * shape.c), 1, shape.h);
    for (Index d = 0; d < shape.d; ++d) {
        for (Index h = 0; h < shape.h; h += rows) {
            visit(Box{{0, d, h, 0, 0}, {1, d + 1, std::min(shape.h, h + rows), shape.w, shape.c}});
        }
    }
}

/// Moves the pixels all of whose channels are finite to the front; returns their number.
Index keep_finite(std::vector<double>& values, Index pixels, Index channels) {
    Index kept = 0;
    for (Index pixel = 0; pixel < pixels; ++pixel) {
        auto const from = values.begin() + pixel * channels;
        if (!std::all_of(from, from + channels, [](double value) { return std::isfinite(value); })) { continue; }
        if (kept != pixel) { std::copy_n(from, channels, values.begin() + kept * channels); }
        ++kept;
    }
    return kept;
}

}  // namespace

void Found::add(std::int64_t sample, std::function<std::string()> const& text) {
    ++values;
    if (sample == last_) { return; }
    last_ = sample;
    ++samples;
    if (first.size() < told) { first.push_back(text()); }
}

class DataInspection::Reader {
  public:
    Reader(SourceSpec const& source, SampleSpec const& sample, LoaderSpec const& loader, std::uint64_t seed);
    void read(std::function<void(std::int64_t)> const& progress);

    [[nodiscard]] Dataset const& dataset() const { return *dataset_; }
    [[nodiscard]] DataFindings const& findings() const { return totals_.findings; }
    [[nodiscard]] std::vector<SampleKey> const& keys() const { return keys_; }

  private:
    /// What is taken back if a sample turns out to be unreadable.
    struct Totals {
        DataFindings findings;
        StatisticsSum stored, prepared;
    };
    /// Of a sample that is being read.
    struct SampleState {
        SampleKey key{{1, 2}, 3, false};  // three different streams
        std::vector<double> pixel;        ///< the first one
        bool constant = true;
        std::int64_t labels = 0, ignored = 0;
    };

    void open_files(SourceSpec const& source, bool larger);
    void add_bad(BadValue const& bad);
    void read_run(std::int64_t first, std::int64_t count);
    void read_samples(std::int64_t first, std::int64_t count);
    void read_images(std::int64_t first, std::int64_t count, Box const& box);
    void read_labels(std::int64_t first, std::int64_t count, Box const& box);
    void add_image(SampleState& state, double const* values, Index pixels);
    void add_class(SampleState& state, std::int32_t label);
    void add_target(SampleState& state, float target);
    void finish_sample(std::int64_t sample, SampleState& state);

    SampleSpec sample_;
    std::shared_ptr<Dataset const> dataset_;
    Normalization preparation_;
    Totals totals_;
    std::vector<SampleKey> keys_;
    std::vector<SampleState> states_;
    std::vector<float> floats_;
    std::vector<double> doubles_;
    std::vector<std::int32_t> classes_;
};

DataInspection::Reader::Reader(SourceSpec const& source, SampleSpec const& sample, LoaderSpec const& loader,
                               std::uint64_t seed)
    : sample_(sample),
      preparation_(Normalization::preparation(loader.normalize, sample.x.c)),
      totals_{{}, StatisticsSum(sample.x.c), StatisticsSum(sample.x.c)} {
    if (source.kind == SourceSpec::Kind::hdf5) {
        open_files(source, loader.augment.random_crop);
    } else {
        LoaderSpec uncached = loader;
        uncached.cache_limit = 0;
        dataset_ = open_dataset(source, sample, uncached, seed);
    }
    if (sample.labels == SampleSpec::Labels::classes) {
        totals_.findings.classes.resize(static_cast<std::size_t>(sample.classes));
    }
    keys_.resize(static_cast<std::size_t>(dataset_->samples()));
}

void DataInspection::Reader::open_files(SourceSpec const& source, bool larger) {
    auto const dataset =
        std::make_shared<Hdf5Dataset>(source, sample_, larger, [this](BadValue const& bad) { add_bad(bad); });
    DataFindings& findings = totals_.findings;
    findings.image_type = name_of(dataset->images().type());
    findings.files = dataset->images().files();
    if (sample_.labels != SampleSpec::Labels::none) { findings.label_type = name_of(dataset->labels().type()); }
    findings.absent_storage = dataset->absent_storage();
    dataset_ = dataset;
}

void DataInspection::Reader::add_bad(BadValue const& bad) {
    bool const label = bad.kind == BadValue::Kind::label || bad.kind == BadValue::Kind::absent_label;
    DataFindings& findings = totals_.findings;
    findings.bad[static_cast<std::size_t>(bad.kind)].add(bad.sample, [&] {
        return fmt::format("{} at (d, h, w, c) = ({}, {}, {}, {}) of {}", static_cast<double>(bad.value), bad.at[0],
                           bad.at[1], bad.at[2], bad.at[3],
                           label ? dataset_->label_place(bad.sample) : dataset_->place(bad.sample));
    });
    if (bad.kind != BadValue::Kind::label || std::isnan(bad.value)) { return; }
    auto const known = findings.outside.find(bad.value);
    if (known != findings.outside.end()) {
        ++known->second;
    } else if (findings.outside.size() < most_outside) {
        findings.outside.emplace(bad.value, 1);
    }
}

void DataInspection::Reader::read(std::function<void(std::int64_t)> const& progress) {
    std::int64_t const samples = dataset_->samples();
    Index const volume = std::max(dataset_->x_shape().elements_per_sample(), dataset_->y_shape().elements_per_sample());
    std::int64_t const run = volume > read_target ? 1 : std::max(dataset_->run_length(), read_target / volume);
    for (std::int64_t first = 0; first < samples; first += run) {
        std::int64_t const count = std::min(run, samples - first);
        read_run(first, count);
        progress(first + count);
    }
    totals_.findings.stored = totals_.stored.result();
    totals_.findings.prepared = totals_.prepared.result();
}

/// One by one if the run cannot be read as a whole.
void DataInspection::Reader::read_run(std::int64_t first, std::int64_t count) {
    Totals const before = totals_;
    try {
        return read_samples(first, count);
    } catch (Error const& error) {
        if (error.code() != ExitCode::data_error) { throw; }
        totals_ = before;
        if (count == 1) {
            return totals_.findings.unreadable.add(first, [&] { return error.what(); });
        }
    }
    for (std::int64_t sample = first; sample < first + count; ++sample) { read_run(sample, 1); }
}

void DataInspection::Reader::read_samples(std::int64_t first, std::int64_t count) {
    states_.assign(static_cast<std::size_t>(count), {});
    for_each_slab(dataset_->x_shape(), [&](Box const& box) { read_images(first, count, box); });
    if (sample_.labels != SampleSpec::Labels::none) {
        for_each_slab(dataset_->y_shape(), [&](Box const& box) { read_labels(first, count, box); });
    }
    for (std::int64_t i = 0; i < count; ++i) { finish_sample(first + i, states_[static_cast<std::size_t>(i)]); }
}

void DataInspection::Reader::read_images(std::int64_t first, std::int64_t count, Box const& box) {
    Index const volume = box.shape().elements_per_sample(), size = count * volume, channels = box.shape().c;
    doubles_.resize(static_cast<std::size_t>(size));
    if (dataset_->x_is_wide()) {
        dataset_->read_x_wide(first, count, box, doubles_.data());
    } else {
        floats_.resize(static_cast<std::size_t>(size));
        dataset_->read_x(first, count, box, floats_.data());
        std::copy(floats_.begin(), floats_.end(), doubles_.begin());
    }
    for (std::int64_t i = 0; i < count; ++i) {
        add_image(states_[static_cast<std::size_t>(i)], doubles_.data() + i * volume, volume / channels);
    }
    Index const finite = keep_finite(doubles_, size / channels, channels);
    totals_.stored.add(doubles_.data(), finite);
    preparation_.apply(doubles_.data(), finite, doubles_.data());
    totals_.prepared.add(doubles_.data(), finite);
}

void DataInspection::Reader::add_image(SampleState& state, double const* values, Index pixels) {
    Index const channels = sample_.x.c;
    if (state.pixel.empty()) { state.pixel.assign(values, values + channels); }
    for (Index pixel = 0; pixel < pixels; ++pixel) {
        for (Index c = 0; c < channels; ++c) {
            double const value = *values++;
            state.constant = state.constant && value == state.pixel[static_cast<std::size_t>(c)];
            std::uint64_t const word = word_of(value);
            for (std::uint64_t& half : state.key.image) { half = mix(half, word); }
        }
    }
}

void DataInspection::Reader::read_labels(std::int64_t first, std::int64_t count, Box const& box) {
    Index const volume = box.shape().elements_per_sample();
    auto const size = static_cast<std::size_t>(count * volume);
    auto const state_of = [&](std::size_t element) -> SampleState& {
        return states_[element / static_cast<std::size_t>(volume)];
    };
    if (sample_.labels == SampleSpec::Labels::classes) {
        classes_.resize(size);
        dataset_->read_classes(first, count, box, classes_.data());
        for (std::size_t i = 0; i < size; ++i) { add_class(state_of(i), classes_[i]); }
    } else {
        floats_.resize(size);
        dataset_->read_values(first, count, box, floats_.data());
        for (std::size_t i = 0; i < size; ++i) { add_target(state_of(i), floats_[i]); }
    }
}

void DataInspection::Reader::add_class(SampleState& state, std::int32_t label) {
    ++state.labels;
    state.key.labels = mix(state.key.labels, static_cast<std::uint64_t>(label));
    if (sample_.ignore_label && static_cast<double>(label) == label_in(DType::i32, *sample_.ignore_label)) {
        ++state.ignored;
    } else if (label >= 0 && label < sample_.classes) {
        ++totals_.findings.classes[static_cast<std::size_t>(label)];
    }
}

void DataInspection::Reader::add_target(SampleState& state, float target) {
    ++state.labels;
    state.key.labels = mix(state.key.labels, word_of(target));
    if (sample_.ignore_label && static_cast<double>(target) == label_in(DType::f32, *sample_.ignore_label)) {
        ++state.ignored;
    } else if (!std::isnan(target)) {
        DataFindings& findings = totals_.findings;
        ++(target == 0 ? findings.zeros : target == 1 ? findings.ones : findings.between);
    }
}

void DataInspection::Reader::finish_sample(std::int64_t sample, SampleState& state) {
    DataFindings& findings = totals_.findings;
    findings.labels += state.labels;
    findings.ignored += state.ignored;
    auto const place = [&] { return dataset_->place(sample); };
    if (state.labels > 1 && state.ignored == state.labels) { findings.nothing_counts.add(sample, place); }
    if (state.constant && dataset_->x_shape().elements_per_sample() > sample_.x.c) {
        findings.constant.add(sample, place);
    } else {
        state.key.compared = true;
    }
    keys_[static_cast<std::size_t>(sample)] = state.key;
}

DataInspection::DataInspection(SourceSpec const& source, SampleSpec const& sample, LoaderSpec const& loader,
                               std::uint64_t seed)
    : reader_(std::make_unique<Reader>(source, sample, loader, seed)) {}

DataInspection::~DataInspection() = default;

void DataInspection::read(std::function<void(std::int64_t)> const& progress) { reader_->read(progress); }

Dataset const& DataInspection::dataset() const { return reader_->dataset(); }

DataFindings const& DataInspection::findings() const { return reader_->findings(); }

std::vector<SampleKey> const& DataInspection::keys() const { return reader_->keys(); }

namespace {

/// @param within each sample is compared with those before it only
Copies find_copies(std::vector<SampleKey> const& originals, std::vector<SampleKey> const& keys, bool within) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < originals.size(); ++i) {
        if (originals[i].compared) { order.push_back(i); }
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return originals[a].image != originals[b].image ? originals[a].image < originals[b].image : a < b;
    });
    Copies copies;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (!keys[i].compared) { continue; }
        auto const found =
            std::lower_bound(order.begin(), order.end(), keys[i].image,
                             [&](std::size_t a, auto const& image) { return originals[a].image < image; });
        bool const equal = found != order.end() && originals[*found].image == keys[i].image;
        if (!equal || (within && *found == i)) { continue; }
        ++copies.samples;
        if (originals[*found].labels != keys[i].labels) { ++copies.other_labels; }
        if (copies.first.size() < told) {
            copies.first.push_back({static_cast<std::int64_t>(*found), static_cast<std::int64_t>(i)});
        }
    }
    return copies;
}

}  // namespace

Copies find_copies(std::vector<SampleKey> const& keys) { return find_copies(keys, keys, true); }

Copies find_copies(std::vector<SampleKey> const& originals, std::vector<SampleKey> const& keys) {
    return find_copies(originals, keys, false);
}

}  // namespace aureole
