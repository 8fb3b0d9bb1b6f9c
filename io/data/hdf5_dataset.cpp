#include "io/data/hdf5_dataset.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/error.hpp"
#include "core/ops/loss.hpp"

namespace aureole {

namespace {

/// A number as a person writes it.
std::string number_text(long double value) {
    bool const whole = std::floor(value) == value && std::abs(value) < 2e19L;
    return whole ? fmt::format("{:.0f}", value) : fmt::format("{}", static_cast<double>(value));
}

ColumnSpec image_column(SourceSpec const& source, SampleSpec const& sample, bool larger, FillRule fill) {
    return {source.files, source.x, source.x_axes, sample.x, larger, fill, source.outside};
}

bool is_mask(SampleSpec const& sample) {
    return sample.y.pixels_per_sample() > 1 && sample.y.d == sample.x.d && sample.y.h == sample.x.h &&
           sample.y.w == sample.x.w;
}

/// Masks have the size of the stored images, which may exceed the network's.
ColumnSpec label_column(SourceSpec const& source, SampleSpec const& sample, Shape const& stored_x, FillRule fill) {
    Shape wanted = sample.y;
    if (is_mask(sample)) { wanted = {1, stored_x.d, stored_x.h, stored_x.w, sample.y.c}; }
    return {source.y_files.empty() ? source.files : source.y_files,
            source.y,
            source.y_axes,
            wanted,
            false,
            fill,
            source.outside};
}

/// Who listens to what is bad reads elements that were never written, too.
FillRule storage_rule(SourceSpec const& source, bool listens) {
    return listens && source.fill == FillRule::error ? FillRule::keep : source.fill;
}

/// Index of the first NaN or infinity, or -1.
template <class T>
Index find_non_finite(T const* values, Index count) {
    bool found = false;
    for (Index i = 0; i < count; ++i) { found |= !(values[i] - values[i] == T{0}); }  // vectorises
    if (!found) { return -1; }
    for (Index i = 0; i < count; ++i) {
        if (!std::isfinite(values[i])) { return i; }
    }
    return -1;
}

/// Whether a stored value is the label that does not count.
bool is_ignored(SampleSpec const& sample, long double stored) {
    return sample.ignore_label && stored == static_cast<long double>(*sample.ignore_label);
}

/// The label that does not count as tensors of a type hold it.
template <class Label>
std::optional<Label> ignored_as(SampleSpec const& sample) {
    if (!sample.ignore_label) { return {}; }
    return static_cast<Label>(label_in(dtype_of<Label>, *sample.ignore_label));
}

/// Stored label values -> classes, or the label that does not count: true if the value is one. A label that is both
/// mapped and not to count is mapped.
struct ClassRule {
    SourceSpec const& source;
    SampleSpec const& sample;
    std::optional<std::int32_t> ignored = ignored_as<std::int32_t>(sample);

    template <class Stored>
    bool operator()(Stored stored, std::int32_t& label) const {
        auto const value = static_cast<long double>(stored);
        auto const known = source.label_map.find(value);
        bool const mapped = known != source.label_map.end();
        if (!mapped && is_ignored(sample, value)) {
            label = *ignored;
        } else if (source.label_threshold) {
            if (stored != stored) { return false; }
            label = static_cast<std::int32_t>((value > *source.label_threshold) != source.label_invert);
        } else if (!source.label_map.empty()) {
            if (!mapped) { return false; }
            label = known->second;
        } else {
            // compared as numbers first: casting a NaN or a large float to an integer is undefined
            if (!(value >= 0 && value < static_cast<long double>(sample.classes))) { return false; }
            label = static_cast<std::int32_t>(stored);
            return static_cast<Stored>(label) == stored;
        }
        return label == ignored || (label >= 0 && label < sample.classes);
    }
};

/// Stored label values -> targets, or the label that does not count: true if the loss can take the value.
struct TargetRule {
    SourceSpec const& source;
    SampleSpec const& sample;
    std::optional<float> ignored = ignored_as<float>(sample);

    template <class Stored>
    bool operator()(Stored stored, float& target) const {
        auto const value = static_cast<long double>(stored);
        if (!std::isfinite(value)) { return false; }
        auto const known = source.label_map.find(value);
        bool const mapped = known != source.label_map.end();
        if (!mapped && is_ignored(sample, value)) {
            target = *ignored;
        } else if (source.label_threshold) {
            target = (value > *source.label_threshold) != source.label_invert ? 1.0F : 0.0F;
        } else if (!source.label_map.empty()) {
            if (!mapped) { return false; }
            target = static_cast<float>(known->second);
        } else {
            if (sample.probabilities && !(value >= 0 && value <= 1)) { return false; }
            target = static_cast<float>(stored);
        }
        return target == ignored ||
               (std::isfinite(target) && (!sample.probabilities || (target >= 0.0F && target <= 1.0F)));
    }
};

/// (d, h, w, c) of an element of a box of samples that has been read.
std::array<Index, 4> place_in_box(Box const& box, Index element) {
    Shape const shape = box.shape();
    Index const in_sample = element % shape.elements_per_sample(), pixel = in_sample / shape.c;
    return {box.lo[1] + pixel / (shape.h * shape.w), box.lo[2] + pixel / shape.w % shape.h, box.lo[3] + pixel % shape.w,
            box.lo[4] + in_sample % shape.c};
}

/// A label that is neither a class nor the label that does not count.
template <class Label>
Label no_label(SampleSpec const& sample) {
    if constexpr (std::is_floating_point_v<Label>) { return std::numeric_limits<Label>::quiet_NaN(); }
    return static_cast<Label>(ignored_as<Label>(sample) == Label{-1} ? -2 : -1);
}

/// Calls `visit` with an example of the type in which labels of a stored type are exact.
template <class Visit>
void visit_exact(Column const& column, Visit visit) {
    hdf5::Type const type = column.type();
    if (column.packing().is_scaled()) { return visit(double{}); }
    if (hdf5::fits_i32(type)) { return visit(std::int32_t{}); }
    if (hdf5::fits_f32(type)) { return visit(float{}); }
    if (type == hdf5::Type::u64) { return visit(std::uint64_t{}); }
    if (hdf5::is_integer(type)) { return visit(std::int64_t{}); }
    visit(double{});
}

/// Elements of a label column that are read beside their result, because they are wider.
std::size_t label_staging_bytes(Column const& column, std::int64_t count) {
    Shape const shape = column.sample_shape();
    std::size_t bytes = 0;
    visit_exact(column, [&]<class Stored>(Stored /*example*/) {
        if (sizeof(Stored) > sizeof(float)) { bytes = sizeof(Stored); }
    });
    return bytes * static_cast<std::size_t>(count * shape.elements_per_sample());
}

}  // namespace

Hdf5Dataset::Hdf5Dataset(SourceSpec const& source, SampleSpec const& sample, bool larger, BadValueListener listener)
    : source_(source),
      sample_(sample),
      x_(image_column(source, sample, larger, storage_rule(source, static_cast<bool>(listener)))),
      listener_(std::move(listener)) {
    if (sample.labels != SampleSpec::Labels::none) {
        require(!source.y.empty(), ExitCode::bad_deck,
                "the network is trained against labels, but data names none (y is empty): name the dataset of labels");
        y_.emplace(label_column(source, sample, x_.sample_shape(), storage_rule(source, static_cast<bool>(listener_))));
        require(x_.samples() == y_->samples(), ExitCode::data_error,
                "{} images in '{}' ({}, ...) but {} labels in '{}' ({}, ...): give each image one label", x_.samples(),
                source.x, source.files[0], y_->samples(), source.y,
                source.y_files.empty() ? source.files[0] : source.y_files[0]);
    }
    first_ = source.first.value_or(0);
    count_ = source.count.value_or(x_.samples() - first_);
    require(first_ >= 0 && count_ > 0 && first_ + count_ <= x_.samples(), ExitCode::data_error,
            "samples [{}, {}) are asked for, '{}' of '{}' has {}: correct first and count in the deck", first_,
            first_ + count_, source.x, source.files[0], x_.samples());
    if (y_) { prepare_label_map(); }
}

/// A key is compared as the labels are stored: 0.1 with an f32 is the f32 next to 0.1.
void Hdf5Dataset::prepare_label_map() {
    LabelMap stored;
    for (auto const& [key, label] : source_.label_map) {
        require(can_occur(key, y_->type()), ExitCode::data_error,
                "label_map has the key {}, which cannot occur ({} holds {} values): correct the key", number_text(key),
                y_->place(first_), name_of(y_->type()));
        bool const is_new = stored.emplace(round_to_stored(key, y_->type()), label).second;
        require(is_new, ExitCode::data_error,
                "label_map has two keys that are both {} in {} ({} values): keep one of them", number_text(key),
                y_->place(first_), name_of(y_->type()));
    }
    source_.label_map = std::move(stored);
}

bool Hdf5Dataset::x_fits_bytes() const {
    return (x_.type() == hdf5::Type::u8 || x_.type() == hdf5::Type::boolean) && !x_.packing().is_scaled();
}

std::string Hdf5Dataset::place_in(Column const& column, std::int64_t sample) const {
    return fmt::format("sample {} ({})", sample, column.place(first_ + sample));
}

std::string Hdf5Dataset::place(std::int64_t sample) const { return place_in(x_, sample); }

std::string Hdf5Dataset::label_place(std::int64_t sample) const { return place_in(labels(), sample); }

std::vector<std::string> Hdf5Dataset::absent_storage() const {
    std::vector<std::string> messages = x_.absent_storage();
    if (!y_) { return messages; }
    for (std::string& message : y_->absent_storage()) { messages.push_back(std::move(message)); }
    return messages;
}

/// Sample and (d, h, w, c) of an element of a read box.
std::string Hdf5Dataset::position(Column const& column, std::int64_t first, Box const& box, Index element) const {
    Shape const shape = box.shape();
    std::array<Index, 4> const at = place_in_box(box, element);
    return fmt::format("{} at (d, h, w, c) = ({}, {}, {}, {})",
                       place_in(column, first + element / shape.elements_per_sample()), at[0], at[1], at[2], at[3]);
}

/// Tells a listener of a bad value; false if there is none.
bool Hdf5Dataset::is_told(BadValue::Kind kind, std::int64_t first, Box const& box, Index element,
                          long double value) const {
    if (!listener_) { return false; }
    Shape const shape = box.shape();
    listener_({kind, first + element / shape.elements_per_sample(), place_in_box(box, element), value});
    return true;
}

Column const& Hdf5Dataset::labels() const {
    require(y_.has_value(), "labels of a data set without labels asked for");
    return *y_;
}

void Hdf5Dataset::count_bytes(Column const& column, std::int64_t count, Box const& box) const {
    Shape const shape = box.shape();
    bytes_read_ += static_cast<std::uint64_t>(count * shape.elements_per_sample()) * column.stored_element_bytes();
}

std::string Hdf5Dataset::fill_fault(Column const& column, std::int64_t first, Box const& box, Index element,
                                    long double value) const {
    return fmt::format(
        "{} in {} is the file's fill value (by its attribute _FillValue or missing_value: there is no datum): leave "
        "the "
        "sample out, or say by `fill: zero` or `fill: keep` of the data in the deck what it is to be",
        number_text(value), position(column, first, box, element));
}

/// Images in f32, or in f64 those that f32 does not hold.
template <class T>
void Hdf5Dataset::read_numbers(std::int64_t first, std::int64_t count, Box const& box, T* out) const {
    x_.read(first_ + first, count, box, hdf5::type_of<T>, out);
    count_bytes(x_, count, box);
    Shape const shape = box.shape();
    Index const size = count * shape.elements_per_sample();
    Packing const& packing = x_.packing();
    bool const may_be_absent = source_.fill != FillRule::keep && !packing.fills.empty();
    auto const is_absent = [&](T value) { return may_be_absent && packing.find_fill(value) >= 0; };
    if (x_.type() == hdf5::Type::i64 || x_.type() == hdf5::Type::u64) {
        constexpr double end = 9007199254740992.0;  // 2^53
        for (Index i = 0; i < size; ++i) {
            if (std::abs(static_cast<double>(out[i])) < end || is_absent(out[i])) { continue; }
            if (is_told(BadValue::Kind::inexact, first, box, i, out[i])) { continue; }
            fail(ExitCode::data_error,
                 "{} in {} is no number of f64 (integers of 2^53 and more would be rounded): subtract a constant and "
                 "write the images again",
                 out[i], position(x_, first, box, i));
        }
    }
    for (Index i = 0; i < size && (may_be_absent || packing.is_scaled() || listener_); ++i) {
        if (!is_absent(out[i])) {
            auto const stored = static_cast<double>(out[i]);
            out[i] = static_cast<T>(stored * packing.scale + packing.offset);
            if (!std::isfinite(out[i])) {
                static_cast<void>(is_told(BadValue::Kind::not_finite, first, box, i, stored));
            }
            continue;
        }
        bool const told = source_.fill == FillRule::error && is_told(BadValue::Kind::absent, first, box, i, out[i]);
        if (source_.fill == FillRule::error && !told) {
            fail(ExitCode::data_error, "{}", fill_fault(x_, first, box, i, out[i]));
        }
        out[i] = told ? std::numeric_limits<T>::quiet_NaN() : T{0};
    }
    if (listener_ || (hdf5::is_integer(x_.type()) && !packing.is_scaled())) { return; }
    Index const bad = find_non_finite(out, size);
    require(bad < 0, ExitCode::data_error, "{} in {}: replace it or leave the sample out", bad < 0 ? T{0} : out[bad],
            bad < 0 ? "" : position(x_, first, box, bad));
}

bool Hdf5Dataset::x_is_wide() const { return !hdf5::fits_f32(x_.type()) || x_.packing().is_scaled(); }

void Hdf5Dataset::read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    if (!x_is_wide()) { return read_numbers(first, count, box, out); }
    Shape const shape = box.shape();
    std::vector<double> exact(static_cast<std::size_t>(count * shape.elements_per_sample()));
    read_numbers(first, count, box, exact.data());
    std::transform(exact.begin(), exact.end(), out, [](double value) { return static_cast<float>(value); });
}

void Hdf5Dataset::read_x_wide(std::int64_t first, std::int64_t count, Box const& box, double* out) const {
    read_numbers(first, count, box, out);
}

template <class Stored, class Rule, class Label>
void Hdf5Dataset::read_labels(std::int64_t first, std::int64_t count, Box const& box, Rule const& rule,
                              Label* out) const {
    Column const& column = labels();
    Shape const shape = box.shape();
    Index const size = count * shape.elements_per_sample();
    std::vector<Stored> wide(sizeof(Stored) > sizeof(Label) ? static_cast<std::size_t>(size) : 0);
    void* const read = wide.empty() ? static_cast<void*>(out) : wide.data();
    column.read(first_ + first, count, box, hdf5::type_of<Stored>, read);
    count_bytes(column, count, box);
    Packing const& packing = column.packing();
    auto const* const bytes = static_cast<unsigned char const*>(read);
    for (Index i = 0; i < size; ++i) {
        Stored stored;
        std::memcpy(&stored, bytes + static_cast<std::size_t>(i) * sizeof(Stored), sizeof(Stored));
        bool const checks_fill = !packing.fills.empty() && source_.fill != FillRule::keep;
        bool const has_meaning = source_.label_map.contains(stored) || is_ignored(sample_, stored);
        if (checks_fill && packing.find_fill(stored) >= 0 && !has_meaning) {
            if (source_.fill == FillRule::error) {
                if (is_told(BadValue::Kind::absent_label, first, box, i, stored)) {
                    out[i] = no_label<Label>(sample_);
                    continue;
                }
                fail(ExitCode::data_error, "{}", fill_fault(column, first, box, i, stored));
            }
            stored = Stored{0};
        } else if constexpr (std::is_same_v<Stored, double>) {
            stored = stored * packing.scale + packing.offset;
        }
        if (rule(stored, out[i])) { continue; }
        if (is_told(BadValue::Kind::label, first, box, i, stored)) {
            out[i] = no_label<Label>(sample_);
            continue;
        }
        std::string const place = position(column, first, box, i);
        if constexpr (std::is_same_v<Label, std::int32_t>) {
            fail(ExitCode::data_error,
                 "label {} in {} is not a class ({} classes: 0 to {}): correct the number of classes, map or threshold "
                 "the "
                 "labels, or name a label that does not count in data.ignore_label",
                 stored, place, sample_.classes, sample_.classes - 1);
        } else {
            require(std::isfinite(static_cast<double>(stored)), ExitCode::data_error,
                    "{} in {}: replace it or leave the sample out", stored, place);
            fail(ExitCode::data_error,
                 "target {} in {} is not between 0 and 1, as this loss wants it: set label_threshold (or label_map) of "
                 "the data in the deck",
                 stored, place);
        }
    }
}

void Hdf5Dataset::read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    TargetRule const rule{source_, sample_};
    visit_exact(labels(), [&]<class Stored>(Stored /*example*/) { read_labels<Stored>(first, count, box, rule, out); });
}

void Hdf5Dataset::read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const {
    ClassRule const rule{source_, sample_};
    visit_exact(labels(), [&]<class Stored>(Stored /*example*/) { read_labels<Stored>(first, count, box, rule, out); });
}

std::size_t Hdf5Dataset::buffer_bytes(std::int64_t run) const {
    return x_.buffer_bytes(run) + (y_ ? y_->buffer_bytes(run) + label_staging_bytes(*y_, run) : 0);
}

}  // namespace aureole
