#include "io/data/cached_dataset.hpp"

#include <algorithm>

namespace aureole {

namespace {

constexpr std::size_t run_target = std::size_t{1} << 20U;  // bytes of f32 read at a time

/// Whether a box of samples lies in what is kept of each; the box's n is not looked at.
bool is_kept(Box const& kept, Box const& box) { return contains(kept, box_of_sample(box, {})); }

/// Copies a box of each of `count` samples out of what is kept of them.
template <class From, class To>
void copy_boxes(From const* samples, Box const& kept, std::int64_t first, std::int64_t count, Box box, To* out) {
    box = relative_to(box, kept);
    Shape const part = box.shape(), shape = kept.shape();
    bool const whole = part.d == shape.d && part.h == shape.h && part.w == shape.w && part.c == shape.c;
    From const* const begin = samples + first * shape.elements_per_sample();
    if (whole) {
        std::copy_n(begin, count * shape.elements_per_sample(), out);
        return;
    }
    for (std::int64_t n = 0; n < count; ++n) {
        for (Index d = box.lo[1]; d < box.hi[1]; ++d) {
            for (Index h = box.lo[2]; h < box.hi[2]; ++h) {
                From const* const row = begin + ((n * shape.d + d) * shape.h + h) * shape.w * shape.c;
                if (part.c == shape.c) {
                    out = std::copy_n(row + box.lo[3] * shape.c, part.w * shape.c, out);
                    continue;
                }
                for (Index w = box.lo[3]; w < box.hi[3]; ++w) {
                    out = std::copy_n(row + w * shape.c + box.lo[4], part.c, out);
                }
            }
        }
    }
}

}  // namespace

CachedDataset::CachedDataset(std::shared_ptr<Dataset const> inner, SampleSpec::Labels labels, SampleBoxes const& boxes)
    : inner_(std::move(inner)),
      labels_(labels),
      x_box_(box_of_sample(boxes.x, inner_->x_shape())),
      y_box_(box_of_sample(boxes.y, inner_->y_shape())),
      x_volume_(x_box_.shape().elements_per_sample()),
      y_volume_(y_box_.shape().elements_per_sample()) {
    auto const fitting = static_cast<std::int64_t>(run_target / sizeof(float)) / std::max<Index>(1, x_volume_);
    std::int64_t const chunk = inner_->run_length();
    run_length_ = std::max(chunk, fitting / chunk * chunk);
    run_length_ = std::clamp<std::int64_t>(run_length_, 1, samples());
    loaded_.resize(static_cast<std::size_t>((samples() + run_length_ - 1) / run_length_));
    // pages that are not read yet are not touched either
    auto const x_size = static_cast<std::size_t>(samples() * x_volume_),
               y_size = static_cast<std::size_t>(samples() * y_volume_);
    if (x_fits_bytes()) {
        x_bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(x_size);
        staging_.resize(static_cast<std::size_t>(run_length_ * x_volume_));
    } else if (x_is_wide()) {
        x_doubles_ = std::make_unique_for_overwrite<double[]>(x_size);
    } else {
        x_floats_ = std::make_unique_for_overwrite<float[]>(x_size);
    }
    if (labels_ == SampleSpec::Labels::classes) { classes_ = std::make_unique_for_overwrite<std::int32_t[]>(y_size); }
    if (labels_ == SampleSpec::Labels::values) { values_ = std::make_unique_for_overwrite<float[]>(y_size); }
}

std::size_t CachedDataset::bytes(Dataset const& inner, SampleSpec::Labels labels, SampleBoxes const& boxes) {
    auto const samples = static_cast<std::size_t>(inner.samples());
    std::size_t const element = inner.x_fits_bytes() ? 1 : inner.x_is_wide() ? sizeof(double) : sizeof(float);
    std::size_t const x =
        static_cast<std::size_t>(box_of_sample(boxes.x, inner.x_shape()).shape().elements_per_sample()) * element;
    std::size_t const y =
        labels == SampleSpec::Labels::none
            ? 0
            : static_cast<std::size_t>(box_of_sample(boxes.y, inner.y_shape()).shape().elements_per_sample()) * 4;
    return samples * (x + y);
}

std::size_t CachedDataset::buffer_bytes(std::int64_t /*run*/) const {
    return bytes(*inner_, labels_, {x_box_, y_box_}) + staging_.size() * sizeof(float) + loaded_.size() / 8 +
           inner_->buffer_bytes(run_length_);
}

void CachedDataset::load_run(std::int64_t run) const {
    std::int64_t const first = run * run_length_, count = std::min(run_length_, samples() - first);
    if (x_volume_ > 0) { load_images(first, count); }  // others are another rank's
    if (y_volume_ == 0) { return; }
    if (classes_) { inner_->read_classes(first, count, y_box_, classes_.get() + first * y_volume_); }
    if (values_) { inner_->read_values(first, count, y_box_, values_.get() + first * y_volume_); }
}

void CachedDataset::load_images(std::int64_t first, std::int64_t count) const {
    if (x_bytes_) {
        inner_->read_x(first, count, x_box_, staging_.data());
        std::transform(staging_.begin(), staging_.begin() + count * x_volume_, x_bytes_.get() + first * x_volume_,
                       [](float value) { return static_cast<std::uint8_t>(value); });
    } else if (x_doubles_) {
        inner_->read_x_wide(first, count, x_box_, x_doubles_.get() + first * x_volume_);
    } else {
        inner_->read_x(first, count, x_box_, x_floats_.get() + first * x_volume_);
    }
}

void CachedDataset::load(std::int64_t first, std::int64_t count) const {
    std::lock_guard const lock(mutex_);
    for (std::int64_t run = first / run_length_; run * run_length_ < first + count; ++run) {
        if (loaded_[static_cast<std::size_t>(run)]) { continue; }
        load_run(run);
        loaded_[static_cast<std::size_t>(run)] = true;
    }
}

void CachedDataset::read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    if (!is_kept(x_box_, box)) { return inner_->read_x(first, count, box, out); }
    load(first, count);
    if (x_bytes_) {
        copy_boxes(x_bytes_.get(), x_box_, first, count, box, out);
    } else if (x_doubles_) {
        copy_boxes(x_doubles_.get(), x_box_, first, count, box, out);
    } else {
        copy_boxes(x_floats_.get(), x_box_, first, count, box, out);
    }
}

void CachedDataset::read_x_wide(std::int64_t first, std::int64_t count, Box const& box, double* out) const {
    if (!is_kept(x_box_, box)) { return inner_->read_x_wide(first, count, box, out); }
    load(first, count);
    copy_boxes(x_doubles_.get(), x_box_, first, count, box, out);
}

void CachedDataset::read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const {
    if (!is_kept(y_box_, box)) { return inner_->read_classes(first, count, box, out); }
    load(first, count);
    copy_boxes(classes_.get(), y_box_, first, count, box, out);
}

void CachedDataset::read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    if (!is_kept(y_box_, box)) { return inner_->read_values(first, count, box, out); }
    load(first, count);
    copy_boxes(values_.get(), y_box_, first, count, box, out);
}

}  // namespace aureole
