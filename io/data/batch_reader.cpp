#include "io/data/batch_reader.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/ops/loss.hpp"

namespace aureole {

namespace {

using Labels = SampleSpec::Labels;

bool is_training(LoaderConfig const& config) { return config.mode == LoaderConfig::Mode::train; }

bool augments(LoaderConfig const& config) {
    AugmentSpec const& augment = config.spec.augment;
    return is_training(config) &&
           (augment.flip_d || augment.flip_h || augment.flip_w || augment.rotate90 || augment.crop_pad > 0);
}

bool is_larger(Shape const& stored, Shape const& wanted) {
    return stored.d != wanted.d || stored.h != wanted.h || stored.w != wanted.w;
}

bool rearranges(LoaderConfig const& config) {
    return augments(config) || is_larger(config.dataset->x_shape(), config.sample.x);
}

Index label_volume(LoaderConfig const& config) {
    return config.sample.labels == Labels::none
               ? 0
               : box_of_sample(config.y_box, config.sample.y).shape().elements_per_sample();
}

/// Elements of f64 that are held at a time: whole rows.
Index slab_volume(LoaderConfig const& config) {
    constexpr Index target = Index{1} << 18;
    Shape const shape = config.dataset->x_shape();
    bool const per_sample = config.spec.normalize.kind == NormalizeSpec::Kind::sample;
    if (!per_sample && !config.dataset->x_is_wide()) { return 0; }
    Index const row = shape.w * shape.c;
    return std::clamp<Index>(target / row, 1, shape.d * shape.h) * row;
}

void check(LoaderConfig const& config) {
    Shape const stored = config.dataset->x_shape(), wanted = config.sample.x;
    require(config.batch > 0, ExitCode::bad_deck, "batch is {}: set it to 1 or more", config.batch);
    require(
        !is_larger(stored, wanted) || config.spec.augment.random_crop, ExitCode::data_error,
        "samples are {}, the network takes {}: correct image.size, or let random_crop cut windows out of the samples",
        to_string(stored), to_string(wanted));
    require(!config.spec.augment.rotate90 || !is_training(config) || wanted.h == wanted.w, ExitCode::bad_deck,
            "rotate90 needs square images, image.size is {} x {}: make it square or switch rotate90 off", wanted.h,
            wanted.w);
    Shape const& y = config.sample.y;
    bool const mask = y.pixels_per_sample() > 1;
    require(!mask || !rearranges(config) || (y.d == wanted.d && y.h == wanted.h && y.w == wanted.w), ExitCode::bad_deck,
            "augmentation needs masks of the image's size, they are {} for images of {}: switch augmentation off",
            to_string(y), to_string(wanted));
}

}  // namespace

SamplePart SamplePart::of_box(LoaderConfig const& config, std::optional<Box> const& box) {
    if (!box || config.micro_samples == 0) { return {}; }
    return {config.micro_samples, box->lo[0], box->hi[0]};
}

Index SamplePart::before(Index slots) const {
    return slots / of * (last - first) + std::clamp<Index>(slots % of - first, 0, last - first);
}

SampleBoxes fixed_boxes(LoaderConfig const& config) {
    bool const measured = config.spec.normalize.kind == NormalizeSpec::Kind::sample;
    if (augments(config) || config.spec.augment.random_crop || measured) { return {}; }
    return {config.x_box, config.y_box};
}

BatchReader::BatchReader(LoaderConfig const& config)
    : config_(config),
      order_(config.seed, config.dataset->samples(), config.spec.shuffle && is_training(config)),
      stored_x_(config.dataset->x_shape()),
      stored_y_(config.dataset->y_shape()),
      x_box_(box_of_sample(config.x_box, config.sample.x)),
      y_box_(box_of_sample(config.y_box, config.sample.y)),
      x_part_(SamplePart::of_box(config, config.x_box)),
      y_part_(SamplePart::of_box(config, config.y_box)),
      x_volume_(x_box_.shape().elements_per_sample()),
      y_volume_(label_volume(config)),
      moves_labels_(config.sample.y.pixels_per_sample() > 1),
      rearranges_(rearranges(config)) {
    check(config);
    slab_.resize(static_cast<std::size_t>(slab_volume(config)));
    if (!rearranges_) { return; }
    bool const values = moves_labels_ && config.sample.labels == Labels::values;
    bool const classes = moves_labels_ && config.sample.labels == Labels::classes;
    staging_.resize(static_cast<std::size_t>(values ? std::max(x_volume_, y_volume_) : x_volume_));
    if (classes) { staging_classes_.resize(static_cast<std::size_t>(y_volume_)); }
}

std::size_t BatchReader::staging_bytes(LoaderConfig const& config) {
    Index elements = slab_volume(config) * static_cast<Index>(sizeof(double) / sizeof(float));
    if (rearranges(config)) {
        Index const x = box_of_sample(config.x_box, config.sample.x).shape().elements_per_sample(),
                    y = label_volume(config);
        bool const mask = config.sample.y.pixels_per_sample() > 1;
        bool const values = mask && config.sample.labels == Labels::values;
        elements += values ? std::max(x, y) : x + (mask ? y : 0);
    }
    return static_cast<std::size_t>(elements) * sizeof(float);
}

std::size_t BatchReader::batch_bytes(LoaderConfig const& config) {
    Index const x = box_of_sample(config.x_box, config.sample.x).shape().elements_per_sample();
    Index const elements = SamplePart::of_box(config, config.x_box).before(config.batch) * x +
                           SamplePart::of_box(config, config.y_box).before(config.batch) * label_volume(config);
    return static_cast<std::size_t>(elements) * sizeof(float) +
           static_cast<std::size_t>(config.batch) * sizeof(std::int64_t);
}

std::size_t BatchReader::dataset_bytes(LoaderConfig const& config) {
    return config.dataset->buffer_bytes(rearranges(config) ? 1 : config.batch);
}

Batch BatchReader::make_batch() const {
    Batch batch;
    batch.x.resize(static_cast<std::size_t>(x_part_.before(config_.batch) * x_volume_));
    auto const labels = static_cast<std::size_t>(y_part_.before(config_.batch) * y_volume_);
    if (config_.sample.labels == Labels::classes) { batch.classes.resize(labels); }
    if (config_.sample.labels == Labels::values) { batch.values.resize(labels); }
    batch.samples.resize(static_cast<std::size_t>(config_.batch));
    return batch;
}

void BatchReader::place_samples(std::int64_t step, Batch& batch) const {
    std::int64_t const samples = config_.dataset->samples();
    std::int64_t const passes = (samples + config_.batch - 1) / config_.batch;
    batch.step = step;
    std::int64_t const whole = config_.whole_batch > 0 ? config_.whole_batch : config_.batch;
    batch.first_index =
        is_training(config_) ? step * whole + config_.shift + config_.first_of_batch : step % passes * config_.batch;
    batch.valid = is_training(config_) ? config_.batch : std::min(config_.batch, samples - batch.first_index);
    batch.epoch = order_.at(batch.first_index).epoch;
    for (std::int64_t i = 0; i < config_.batch; ++i) {
        batch.samples[static_cast<std::size_t>(i)] = i < batch.valid ? order_.at(batch.first_index + i).sample : -1;
    }
}

void BatchReader::fill(std::int64_t step, Batch& batch) {
    place_samples(step, batch);
    for (std::int64_t slot = 0; slot < batch.valid;) {
        auto const begin = batch.samples.begin() + slot;
        std::int64_t count = 1;
        auto const goes_on = [&](std::int64_t next) {
            return x_part_.has(next) == x_part_.has(slot) && y_part_.has(next) == y_part_.has(slot);
        };
        while (slot + count < batch.valid && *(begin + count) == *begin + count && goes_on(slot + count)) { ++count; }
        if (rearranges_) { count = 1; }
        read_run(slot, count, order_.at(batch.first_index + slot).epoch, batch);
        slot += count;
    }
    Index const x = x_part_.before(batch.valid) * x_volume_, y = y_part_.before(batch.valid) * y_volume_;
    std::fill(batch.x.begin() + x, batch.x.end(), 0.0F);
    if (!batch.classes.empty()) { std::fill(batch.classes.begin() + y, batch.classes.end(), 0); }
    if (!batch.values.empty()) { std::fill(batch.values.begin() + y, batch.values.end(), 0.0F); }
}

Geometry BatchReader::geometry_of(std::int64_t sample, std::int64_t epoch) const {
    if (!is_training(config_)) { return centre_geometry(stored_x_, config_.sample.x); }
    return draw_geometry(config_.spec.augment, stored_x_, config_.sample.x, config_.seed, epoch, sample);
}

void BatchReader::read_run(std::int64_t slot, std::int64_t count, std::int64_t epoch, Batch& batch) {
    std::int64_t const sample = batch.samples[static_cast<std::size_t>(slot)];
    if (rearranges_) {
        Geometry const geometry = geometry_of(sample, epoch);
        if (x_part_.has(slot)) { read_x(sample, slot, geometry, batch); }
        if (y_part_.has(slot)) { read_labels(sample, slot, geometry, batch); }
        return;
    }
    float* const x = batch.x.data() + x_part_.before(slot) * x_volume_;
    if (x_volume_ > 0 && x_part_.has(slot)) {  // others are another rank's
        read_prepared(sample, count, x_box_, x);
    }
    if (y_volume_ == 0 || !y_part_.has(slot)) { return; }
    Index const y = y_part_.before(slot) * y_volume_;
    if (config_.sample.labels == Labels::classes) {
        config_.dataset->read_classes(sample, count, y_box_, batch.classes.data() + y);
    } else if (config_.sample.labels == Labels::values) {
        config_.dataset->read_values(sample, count, y_box_, batch.values.data() + y);
    }
}

void BatchReader::read_x(std::int64_t sample, std::int64_t slot, Geometry const& geometry, Batch& batch) {
    if (x_volume_ == 0) { return; }  // another rank's
    Box const source = intersection(geometry.source_box(x_box_), Box::whole(stored_x_));
    if (!source.empty()) { read_prepared(sample, 1, source, staging_.data()); }
    // the padding is zero after normalisation, like that of a convolution
    apply_geometry(geometry, staging_.data(), source, x_box_, batch.x.data() + x_part_.before(slot) * x_volume_);
}

void BatchReader::read_labels(std::int64_t sample, std::int64_t slot, Geometry const& geometry, Batch& batch) {
    if (y_volume_ == 0) { return; }  // none, or another rank's
    bool const classes = config_.sample.labels == Labels::classes;
    Index const place = y_part_.before(slot) * y_volume_;
    std::int32_t* const label = batch.classes.data() + (classes ? place : 0);
    float* const value = batch.values.data() + (classes ? 0 : place);
    if (!moves_labels_) {
        if (classes) { return config_.dataset->read_classes(sample, 1, y_box_, label); }
        return config_.dataset->read_values(sample, 1, y_box_, value);
    }
    Box const source = intersection(geometry.source_box(y_box_), Box::whole(stored_y_));
    Index const ignored = config_.sample.ignore_label.value_or(0);
    if (classes) {
        if (!source.empty()) { config_.dataset->read_classes(sample, 1, source, staging_classes_.data()); }
        apply_geometry(geometry, staging_classes_.data(), source, y_box_, label,
                       static_cast<std::int32_t>(label_in(DType::i32, ignored)));
    } else {
        if (!source.empty()) { config_.dataset->read_values(sample, 1, source, staging_.data()); }
        apply_geometry(geometry, staging_.data(), source, y_box_, value, static_cast<float>(ignored));
    }
}

/// Reads and prepares the box of `count` samples.
void BatchReader::read_prepared(std::int64_t sample, std::int64_t count, Box const& box, float* x) {
    if (!config_.normalization.per_sample()) { return read_part(sample, count, box, config_.normalization, x); }
    Index const volume = box.shape().elements_per_sample();
    bool const at_once = contains(box, Box::whole(stored_x_)) && !config_.dataset->x_is_wide();
    for (std::int64_t i = 0; i < count; ++i) {
        float* const part = x + i * volume;
        if (!at_once) {
            read_part(sample + i, 1, box, config_.normalization.for_sample(sample_statistics(sample + i, nullptr)),
                      part);
            continue;
        }
        config_.dataset->read_x(sample + i, 1, box, part);  // large samples are unpacked once
        config_.normalization.for_sample(sample_statistics(sample + i, part))
            .apply(part, box.shape().pixels_per_sample());
        require_finite(sample + i, volume, volume, part);
    }
}

/// What f32 does not hold is read in slabs of f64, and rounded when it is prepared.
void BatchReader::read_part(std::int64_t sample, std::int64_t count, Box const& box, Normalization const& prepare,
                            float* x) {
    Shape const shape = box.shape();
    Index const volume = box.shape().elements_per_sample(), row = shape.w * shape.c;
    if (!config_.dataset->x_is_wide()) {
        config_.dataset->read_x(sample, count, box, x);
        prepare.apply(x, count * shape.pixels_per_sample());
    } else {
        auto const room = static_cast<Index>(slab_.size());
        Index const rows = std::clamp<Index>(room / row, 1, shape.h);
        auto const read = [&](std::int64_t first, std::int64_t samples, Box const& part, float* out) {
            config_.dataset->read_x_wide(first, samples, part, slab_.data());
            prepare.apply(slab_.data(), samples * part.shape().pixels_per_sample(), out);
        };
        Index const together = std::min<Index>(count, room / volume);
        for (std::int64_t i = 0; i < count && together > 0; i += together) {
            read(sample + i, std::min(together, count - i), box, x + i * volume);
        }
        float* out = x;
        for (std::int64_t i = 0; i < count && together == 0; ++i) {
            for (Index d = box.lo[1]; d < box.hi[1]; ++d) {
                for (Index h = box.lo[2]; h < box.hi[2]; h += rows) {
                    Box part = box;
                    part.lo[1] = d;
                    part.hi[1] = d + 1;
                    part.lo[2] = h;
                    part.hi[2] = std::min(box.hi[2], h + rows);
                    read(sample + i, 1, part, out);
                    out += part.shape().elements_per_sample();
                }
            }
        }
    }
    require_finite(sample, count * volume, volume, x);
}

/// Finite values can become infinite when they are normalised.
void BatchReader::require_finite(std::int64_t sample, Index elements, Index volume, float const* x) const {
    bool finite = true;
    for (Index i = 0; i < elements; ++i) { finite &= x[i] - x[i] == 0.0F; }  // vectorises
    for (Index i = 0; i < elements && !finite; ++i) {
        if (std::isfinite(x[i])) { continue; }
        fail(ExitCode::data_error,
             "{} has values that are {} once normalised (larger than f32 holds): correct data.normalize in the deck",
             config_.dataset->place(sample + i / volume), x[i]);
    }
}

/// Of the whole stored sample, so that neither a crop nor a tile changes them.
/// @param whole the stored sample, if it has been read
Statistics BatchReader::sample_statistics(std::int64_t sample, float const* whole) {
    StatisticsSum sum(stored_x_.c);
    Index const rows =
        std::clamp<Index>(static_cast<Index>(slab_.size()) / (stored_x_.w * stored_x_.c), 1, stored_x_.h);
    bool const wide = config_.dataset->x_is_wide();
    std::vector<float> stored(wide || whole != nullptr ? 0
                                                       : static_cast<std::size_t>(rows * stored_x_.w * stored_x_.c));
    for (Index d = 0; d < stored_x_.d; ++d) {
        for (Index h = 0; h < stored_x_.h; h += rows) {
            Box const box{{0, d, h, 0, 0}, {1, d + 1, std::min(stored_x_.h, h + rows), stored_x_.w, stored_x_.c}};
            Index const pixels = box.shape().pixels_per_sample();
            if (whole != nullptr) {
                config_.normalization.apply(whole, pixels, slab_.data());
                whole += pixels * stored_x_.c;
            } else if (wide) {
                config_.dataset->read_x_wide(sample, 1, box, slab_.data());
                config_.normalization.apply(slab_.data(), pixels, slab_.data());
            } else {
                config_.dataset->read_x(sample, 1, box, stored.data());
                config_.normalization.apply(stored.data(), pixels, slab_.data());
            }
            sum.add(slab_.data(), pixels);
        }
    }
    return sum.result();
}

}  // namespace aureole
