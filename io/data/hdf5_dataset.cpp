#include "io/data/hdf5_dataset.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.hpp"
#include "core/ops/loss.hpp"

namespace aureole {

namespace {

ColumnSpec image_column(SourceSpec const& source, SampleSpec const& sample, bool larger) {
    return {source.files, source.x, source.x_axes, sample.x, larger};
}

bool is_mask(SampleSpec const& sample) {
    return sample.y.pixels_per_sample() > 1 && sample.y.d == sample.x.d && sample.y.h == sample.x.h &&
           sample.y.w == sample.x.w;
}

/// Masks have the size of the stored images, which may exceed the network's.
ColumnSpec label_column(SourceSpec const& source, SampleSpec const& sample, Shape const& stored_x) {
    Shape wanted = sample.y;
    if (is_mask(sample)) { wanted = {1, stored_x.d, stored_x.h, stored_x.w, sample.y.c}; }
    return {source.y_files.empty() ? source.files : source.y_files, source.y, source.y_axes, wanted, false};
}

/// Index of the first NaN or infinity, or -1.
Index find_non_finite(float const* values, Index count) {
    constexpr std::uint32_t exponent = 0x7F800000U;
    std::uint32_t found = 0;
    for (Index i = 0; i < count; ++i) {
        found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(values[i]) & exponent) == exponent);
    }
    if (found == 0) { return -1; }
    for (Index i = 0; i < count; ++i) {
        if (!std::isfinite(values[i])) { return i; }
    }
    return -1;
}

/// The label that does not count, as a number of a type.
std::optional<double> ignored_in(DType type, SampleSpec const& sample) {
    if (!sample.ignore_label) { return {}; }
    return label_in(type, *sample.ignore_label);
}

/// Stored label values -> classes, or the label that does not count. Returns the index of the first value that is
/// neither, or -1.
class LabelRule {
  public:
    LabelRule(SourceSpec const& source, SampleSpec const& sample)
        : source_(source), sample_(sample), ignored_(ignored_in(DType::i32, sample)) {}

    template <class Stored>
    Index apply(std::int32_t* values, Index count) const {
        for (Index i = 0; i < count; ++i) {
            Stored stored;
            std::memcpy(&stored, values + i, sizeof(stored));
            if (!convert(stored, values[i])) {
                std::memcpy(values + i, &stored, sizeof(stored));
                return i;
            }
        }
        return -1;
    }

  private:
    template <class Stored>
    bool convert(Stored stored, std::int32_t& label) const {
        auto const known = source_.label_map.find(static_cast<double>(stored));
        bool const mapped = known != source_.label_map.end();
        if (!mapped && does_not_count(stored)) {
            label = static_cast<std::int32_t>(*ignored_);
        } else if (source_.label_threshold) {
            if (stored != stored) { return false; }
            label = static_cast<std::int32_t>((static_cast<double>(stored) > *source_.label_threshold) !=
                                              source_.label_invert);
        } else if (!source_.label_map.empty()) {
            if (!mapped) { return false; }
            label = known->second;
        } else {
            // compared as numbers first: casting a NaN or a large float to an integer is undefined
            if (!(stored >= Stored{0} && stored < static_cast<Stored>(sample_.classes))) { return false; }
            label = static_cast<std::int32_t>(stored);
            return static_cast<Stored>(label) == stored;
        }
        return label == ignored_ || (label >= 0 && label < sample_.classes);
    }
    template <class Stored>
    [[nodiscard]] bool does_not_count(Stored stored) const {
        constexpr DType type = std::is_integral_v<Stored> ? DType::i32 : DType::f32;
        return sample_.ignore_label && static_cast<double>(stored) == label_in(type, *sample_.ignore_label);
    }

    SourceSpec const& source_;
    SampleSpec const& sample_;
    std::optional<double> ignored_;
};

/// Stored label values -> targets, or the label that does not count. Returns the index of the first value that the loss
/// cannot take, or -1.
class ValueRule {
  public:
    ValueRule(SourceSpec const& source, SampleSpec const& sample)
        : source_(source), probabilities_(sample.probabilities), ignored_(ignored_in(DType::f32, sample)) {}

    Index apply(float* values, Index count) const {
        for (Index i = 0; i < count; ++i) {
            float& value = values[i];
            auto const known = source_.label_map.find(static_cast<double>(value));
            bool const mapped = known != source_.label_map.end();
            if (!mapped && value == ignored_) { continue; }
            if (source_.label_threshold) {
                value = (static_cast<double>(value) > *source_.label_threshold) != source_.label_invert ? 1.0F : 0.0F;
            } else if (!source_.label_map.empty()) {
                if (!mapped) { return i; }
                value = static_cast<float>(known->second);
            }
            if (probabilities_ && value != ignored_ && !(value >= 0.0F && value <= 1.0F)) { return i; }
        }
        return -1;
    }

  private:
    SourceSpec const& source_;
    bool probabilities_;
    std::optional<double> ignored_;
};

}  // namespace

Hdf5Dataset::Hdf5Dataset(SourceSpec const& source, SampleSpec const& sample, bool larger)
    : source_(source), sample_(sample), x_(image_column(source, sample, larger)) {
    if (sample.labels != SampleSpec::Labels::none) {
        require(!source.y.empty(), ExitCode::bad_deck,
                "the network is trained against labels, but data names none (y is empty): name the dataset of labels");
        y_.emplace(label_column(source, sample, x_.sample_shape()));
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
}

bool Hdf5Dataset::x_fits_bytes() const { return x_.type() == hdf5::Type::u8 || x_.type() == hdf5::Type::boolean; }

std::string Hdf5Dataset::place_in(Column const& column, std::int64_t sample) const {
    return fmt::format("sample {} ({})", sample, column.place(first_ + sample));
}

std::string Hdf5Dataset::place(std::int64_t sample) const { return place_in(x_, sample); }

/// Sample and (d, h, w, c) of an element of a read box.
std::string Hdf5Dataset::position(Column const& column, std::int64_t first, Box const& box, Index element) const {
    Shape const shape = box.shape();
    Index const volume = shape.pixels_per_sample() * shape.c, in_sample = element % volume;
    Index const pixel = in_sample / shape.c;
    return fmt::format("{} at (d, h, w, c) = ({}, {}, {}, {})", place_in(column, first + element / volume),
                       box.lo[1] + pixel / (shape.h * shape.w), box.lo[2] + pixel / shape.w % shape.h,
                       box.lo[3] + pixel % shape.w, box.lo[4] + in_sample % shape.c);
}

Column const& Hdf5Dataset::labels() const {
    require(y_.has_value(), "labels of a data set without labels asked for");
    return *y_;
}

void Hdf5Dataset::count_bytes(Column const& column, std::int64_t count, Box const& box) const {
    Shape const shape = box.shape();
    bytes_read_ +=
        static_cast<std::uint64_t>(count * shape.pixels_per_sample() * shape.c) * column.stored_element_bytes();
}

void Hdf5Dataset::read_floats(Column const& column, std::int64_t first, std::int64_t count, Box const& box,
                              float* out) const {
    column.read(first_ + first, count, box, hdf5::Type::f32, out);
    count_bytes(column, count, box);
    if (hdf5::is_integer(column.type())) { return; }
    Shape const shape = box.shape();
    Index const bad = find_non_finite(out, count * shape.pixels_per_sample() * shape.c);
    require(bad < 0, ExitCode::data_error, "{} in {}: replace it or leave the sample out", bad < 0 ? 0.0F : out[bad],
            bad < 0 ? "" : position(column, first, box, bad));
}

void Hdf5Dataset::read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    read_floats(x_, first, count, box, out);
}

void Hdf5Dataset::read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    Column const& column = labels();
    read_floats(column, first, count, box, out);
    Shape const shape = box.shape();
    Index const size = count * shape.pixels_per_sample() * shape.c;
    Index const bad = ValueRule(source_, sample_).apply(out, size);
    require(bad < 0, ExitCode::data_error,
            "target {} in {} is not between 0 and 1, as this loss wants it: set label_threshold (or label_map) of the "
            "data in "
            "the deck",
            bad < 0 ? 0.0F : out[bad], bad < 0 ? "" : position(column, first, box, bad));
}

void Hdf5Dataset::read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const {
    Column const& column = labels();
    bool const integer = hdf5::is_integer(column.type());
    column.read(first_ + first, count, box, integer ? hdf5::Type::i32 : hdf5::Type::f32, out);
    count_bytes(column, count, box);
    Shape const shape = box.shape();
    Index const size = count * shape.pixels_per_sample() * shape.c;
    LabelRule const rule(source_, sample_);
    Index const bad = integer ? rule.apply<std::int32_t>(out, size) : rule.apply<float>(out, size);
    if (bad < 0) { return; }
    std::string const value = integer ? fmt::format("{}", out[bad]) : fmt::format("{}", std::bit_cast<float>(out[bad]));
    fail(ExitCode::data_error,
         "label {} in {} is not a class ({} classes: 0 to {}): correct the number of classes, map or threshold the "
         "labels, or name a label that does not count in data.ignore_label",
         value, position(column, first, box, bad), sample_.classes, sample_.classes - 1);
}

std::size_t Hdf5Dataset::buffer_bytes(std::int64_t run) const {
    return x_.buffer_bytes(run) + (y_ ? y_->buffer_bytes(run) : 0);
}

}  // namespace aureole
