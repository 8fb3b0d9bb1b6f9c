#include "io/data/column.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <optional>

#include "core/error.hpp"
#include "io/file/file_list.hpp"
#include "io/hdf5/file.hpp"

namespace aureole {

namespace {

constexpr std::size_t open_file_limit = 64;
constexpr std::size_t scratch_target = std::size_t{8} << 20U;  // bytes reordered at a time, if a sample allows it
constexpr std::size_t default_cache = std::size_t{1} << 20U;   // of the library
constexpr std::size_t largest_cache = std::size_t{64} << 20U;
constexpr std::string_view memory_order = "ndhwc";

/// Room for the chunks that one sample touches, so that the next sample in them need not decompress them again.
std::size_t cache_for(hdf5::Dataset const& dataset, AxisOrder const& order) {
    if (dataset.chunk().empty()) { return default_cache; }
    std::size_t bytes = dataset.stored_element_bytes();
    for (std::size_t i = 0; i < dataset.chunk().size(); ++i) {
        Index const chunk = dataset.chunk()[i], extent = dataset.shape()[i];
        bytes *= static_cast<std::size_t>(order.letters[i] == 'n' ? chunk : (extent + chunk - 1) / chunk * chunk);
    }
    return std::clamp(bytes, default_cache, largest_cache);
}

std::size_t chunk_bytes(hdf5::Dataset const& dataset) {
    std::size_t bytes = dataset.chunk().empty() ? 0 : dataset.stored_element_bytes();
    for (Index const extent : dataset.chunk()) { bytes *= static_cast<std::size_t>(extent); }
    return bytes;
}

constexpr Index largest_element = 8;  // bytes of f64, i64 and u64

/// Copies an array with axes in stored order into (n, d, h, w, c) order.
template <Index element>
struct Reorder {
    std::vector<Index> extents, strides;  // by stored axis; strides in the result

    Reorder(AxisOrder const& order, std::vector<Index> const& stored_extents) : extents(stored_extents) {
        Shape const shape = order.shape_of(extents);
        std::array<Index, axis_count> step{};
        Index stride = 1;
        for (std::size_t i = axis_count; i-- > 0;) {
            step[i] = stride;
            stride *= shape.extents()[i];
        }
        for (char const letter : order.letters) { strides.push_back(step[memory_order.find(letter)]); }
    }

    /// Returns the end of what was read.
    unsigned char const* run(std::size_t axis, unsigned char const* in, unsigned char* out) const {
        Index const stride = element * strides[axis];
        if (axis + 1 == extents.size()) {
            for (Index i = 0; i < extents[axis]; ++i) { std::memcpy(out + i * stride, in + i * element, element); }
            return in + extents[axis] * element;
        }
        for (Index i = 0; i < extents[axis]; ++i) { in = run(axis + 1, in, out + i * stride); }
        return in;
    }
};

/// Complex numbers -> their magnitudes, in place.
template <class T>
void take_magnitudes(unsigned char* data, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        double parts[2];
        std::memcpy(parts, data + i * sizeof(parts), sizeof(parts));
        auto const magnitude = static_cast<T>(std::hypot(parts[0], parts[1]));
        std::memcpy(data + i * sizeof(T), &magnitude, sizeof(T));
    }
}

}  // namespace

int Packing::find_fill(long double value) const {
    for (std::size_t i = 0; i < fills.size(); ++i) {
        if (value == fills[i] || (std::isnan(value) && std::isnan(fills[i]))) { return static_cast<int>(i); }
    }
    return -1;
}

bool Packing::is_like(Packing const& other) const {
    bool alike = fills.size() == other.fills.size() && scale == other.scale && offset == other.offset;
    for (long double const fill : fills) { alike = alike && other.find_fill(fill) >= 0; }
    return alike;
}

long double round_to_stored(long double value, hdf5::Type type) {
    if (!std::isfinite(value)) { return value; }
    switch (type) {
        case hdf5::Type::f16: {
            int const exponent = value == 0 ? 0 : std::max(std::ilogb(value), -14);
            long double const step = std::ldexp(1.0L, exponent - 10), rounded = std::nearbyint(value / step) * step;
            return std::abs(rounded) > 65504 ? std::copysign(std::numeric_limits<long double>::infinity(), value)
                                             : rounded;
        }
        case hdf5::Type::f32: return static_cast<float>(value);
        case hdf5::Type::f64: return static_cast<double>(value);
        default: return value;
    }
}

bool can_occur(long double value, hdf5::Type type) {
    if (!std::isfinite(round_to_stored(value, type))) { return false; }
    if (!hdf5::is_integer(type)) { return true; }
    bool const with_sign =
        type == hdf5::Type::i8 || type == hdf5::Type::i16 || type == hdf5::Type::i32 || type == hdf5::Type::i64;
    int const bits = type == hdf5::Type::boolean ? 1 : static_cast<int>(8 * hdf5::size_of(type)) - (with_sign ? 1 : 0);
    long double const end = std::ldexp(1.0L, bits);
    return value == std::floor(value) && value < end && value >= (with_sign ? -end : 0.0L);
}

Column::Column(ColumnSpec spec) : spec_(std::move(spec)) {
    spec_.files = expand_patterns(spec_.files);
    require(!spec_.files.empty(), ExitCode::bad_deck,
            "no data files are named (dataset '{}'): name a file or a pattern", spec_.dataset);
    {
        hdf5::Dataset const first = hdf5::File::open(spec_.files[0], spec_.outside).dataset(spec_.dataset);
        type_ = first.type();
        require(type_ != hdf5::Type::other || first.fields().empty(), ExitCode::data_error,
                "{} holds records of the fields {} (complex numbers are r and i, real and imag, or re and im of one "
                "floating type): name one of the fields, such as '{}.FIELD'",
                first.place(), first.fields(), spec_.dataset);
        require(type_ != hdf5::Type::other, ExitCode::data_error,
                "{} does not hold numbers: name another dataset in the deck", first.place());
        packing_ = packing_of(first);
        require_stored(first);
        order_ = spec_.axes.empty() ? guess_axes(first.shape(), spec_.sample, spec_.larger, first.place())
                                    : parse_axes(spec_.axes, first.shape(), first.place());
        shape_ = order_.shape_of(first.shape());
        shape_.n = 1;
        stored_element_bytes_ = first.stored_element_bytes();
        if (!first.chunk().empty()) { chunk_ = order_.shape_of(first.chunk()); }
        cache_bytes_ = cache_for(first, order_);
        chunk_bytes_ = chunk_bytes(first);
        std::size_t const n = order_.letters.find('n');
        if (n != std::string::npos && !first.chunk().empty()) { run_length_ = first.chunk()[n]; }
    }
    bool const fits =
        shape_.c == spec_.sample.c &&
        (spec_.larger ? shape_.d >= spec_.sample.d && shape_.h >= spec_.sample.h && shape_.w >= spec_.sample.w
                      : shape_.d == spec_.sample.d && shape_.h == spec_.sample.h && shape_.w == spec_.sample.w);
    require(fits, ExitCode::data_error,
            "'{}' of '{}' holds samples of (d, h, w, c) = ({}, {}, {}, {}), the network takes ({}, {}, {}, {}): "
            "correct the "
            "sizes or the axes in the deck",
            spec_.dataset, spec_.files[0], shape_.d, shape_.h, shape_.w, shape_.c, spec_.sample.d, spec_.sample.h,
            spec_.sample.w, spec_.sample.c);
    first_.push_back(0);
    for (std::size_t file = 0; file < spec_.files.size(); ++file) {
        // files of one sample each can be many: they are opened when they are read
        std::int64_t const samples = order_.has('n') ? order_.shape_of(open(file).shape()).n : 1;
        first_.push_back(first_.back() + samples);
    }
}

std::size_t Column::file_of(std::int64_t sample) const {
    return static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end(), sample) - first_.begin() - 1);
}

std::string Column::place(std::int64_t sample) const {
    std::size_t const file = file_of(sample);
    std::string const name = fmt::format("'{}' of '{}'", spec_.dataset, spec_.files[file]);
    return order_.has('n') ? fmt::format("{}, entry {}", name, sample - first_[file]) : name;
}

void Column::check_alike(hdf5::Dataset const& dataset) const {
    require(dataset.shape().size() == order_.letters.size(), ExitCode::data_error,
            "{} has shape {}, the first file '{}' has other axes ('{}'): make all files alike", dataset.place(),
            hdf5::to_string(dataset.shape()), spec_.files[0], order_.letters);
    Shape shape = order_.shape_of(dataset.shape());
    shape.n = 1;
    require(shape == shape_, ExitCode::data_error,
            "{} holds samples of {}, the first file '{}' of {}: make all files alike", dataset.place(),
            to_string(shape), spec_.files[0], to_string(shape_));
    require(dataset.type() == type_, ExitCode::data_error,
            "{} holds {} values, the first file '{}' {} values: make all files alike", dataset.place(),
            name_of(dataset.type()), spec_.files[0], name_of(type_));
    require(packing_of(dataset).is_like(packing_), ExitCode::data_error,
            "{} declares other numbers by its attributes than the first file '{}' (_FillValue, missing_value, "
            "scale_factor, add_offset): make all files alike",
            dataset.place(), spec_.files[0]);
}

void Column::require_stored(hdf5::Dataset const& dataset) const {
    dataset.require_stored(spec_.fill == FillRule::error ? hdf5::Unwritten::refuse : hdf5::Unwritten::allow);
}

Packing Column::packing_of(hdf5::Dataset const& dataset) const {
    Packing packing;
    for (char const* const key : {"_FillValue", "missing_value"}) {
        for (long double const value : dataset.attribute_numbers(key)) {
            packing.fills.push_back(round_to_stored(value, dataset.type()));
        }
    }
    // where absent elements become zero, the library's stand-in for those that were never written is one of them
    std::optional<long double> const stand_in = dataset.chosen_fill();
    if (spec_.fill == FillRule::zero && stand_in) { packing.fills.push_back(*stand_in); }
    auto const single = [&](char const* key, double fallback) {
        std::vector<long double> const values = dataset.attribute_numbers(key);
        require(values.size() < 2, ExitCode::data_error,
                "attribute '{}' of {} has {} values (one is for all elements): write the numbers that are meant", key,
                dataset.place(), values.size());
        return values.empty() ? fallback : static_cast<double>(values[0]);
    };
    packing.scale = single("scale_factor", 1);
    packing.offset = single("add_offset", 0);
    require(packing.scale != 0 && std::isfinite(packing.scale) && std::isfinite(packing.offset), ExitCode::data_error,
            "{} is packed with scale_factor {} and add_offset {}: write the numbers that are meant", dataset.place(),
            packing.scale, packing.offset);
    return packing;
}

hdf5::Dataset const& Column::open(std::size_t file) const {
    auto const found = std::find_if(open_.begin(), open_.end(), [&](OpenFile const& o) { return o.file == file; });
    if (found != open_.end()) {
        std::rotate(found, found + 1, open_.end());
    } else {
        auto dataset = std::make_unique<hdf5::Dataset>(
            hdf5::File::open(spec_.files[file], spec_.outside).dataset(spec_.dataset, cache_bytes_));
        check_alike(*dataset);
        require_stored(*dataset);
        if (open_.size() == open_file_limit) { open_.erase(open_.begin()); }
        open_.push_back({file, std::move(dataset)});
    }
    return *open_.back().dataset;
}

std::vector<std::string> Column::absent_storage() const {
    std::lock_guard const lock(mutex_);
    std::vector<std::string> messages;
    for (std::size_t file = 0; file < spec_.files.size(); ++file) {
        bool is_open = false;
        try {
            hdf5::Dataset const& dataset = open(file);
            is_open = true;
            dataset.require_stored(hdf5::Unwritten::refuse);
        } catch (Error const& error) {
            if (error.code() != ExitCode::data_error) { throw; }
            if (is_open) { messages.emplace_back(error.what()); }
        }
    }
    return messages;
}

std::int64_t Column::samples_per_scratch(Index box_elements) const {
    std::size_t const bytes = static_cast<std::size_t>(std::max<Index>(1, box_elements)) * largest_element;
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(scratch_target / bytes));
}

double Column::overhead(Box const& box) const {
    double ratio = 1;
    for (std::size_t axis = 1; axis < axis_count && chunk_; ++axis) {
        Index const chunk = chunk_->extents()[axis], extent = box.hi[axis] - box.lo[axis];
        Index const touched = ((box.hi[axis] + chunk - 1) / chunk - box.lo[axis] / chunk) * chunk;
        ratio *= static_cast<double>(std::min(touched, shape_.extents()[axis])) / static_cast<double>(extent);
    }
    return ratio;
}

std::size_t Column::buffer_bytes(std::int64_t run) const {
    bool const complex = hdf5::is_complex(type_), small = hdf5::fits_f32(type_) && !packing_.is_scaled();
    std::size_t const element = complex ? sizeof(std::complex<double>) : small ? sizeof(float) : sizeof(double);
    bool const direct = order_.is_channels_last() && !complex;
    std::int64_t const at_once = order_.has('n') ? std::min(run, samples_per_scratch(shape_.volume())) : 1;
    std::size_t const scratch = direct ? 0 : static_cast<std::size_t>(at_once * shape_.volume()) * element;
    std::size_t const files = std::min(spec_.files.size(), open_file_limit);
    bool const filtered = chunk_bytes_ != 0;  // a chunk is unpacked beside its packed bytes
    return scratch + (filtered ? files * cache_bytes_ + 2 * chunk_bytes_ : 0);
}

void Column::read_piece(hdf5::Dataset const& dataset, std::int64_t entry, std::int64_t count, Box const& box,
                        hdf5::Type memory, unsigned char* out) const {
    std::vector<Index> offset, extent;
    Index volume = 1;
    for (char const letter : order_.letters) {
        std::size_t const axis = memory_order.find(letter);
        offset.push_back(letter == 'n' ? entry : box.lo[axis]);
        extent.push_back(letter == 'n' ? count : box.hi[axis] - box.lo[axis]);
        volume *= extent.back();
    }
    bool const complex = hdf5::is_complex(type_);
    bool const direct = order_.is_channels_last();
    std::size_t const element = hdf5::size_of(memory);
    if (!complex && direct) { return dataset.read(offset, extent, memory, out); }

    auto const size = static_cast<std::size_t>(volume);
    std::size_t const bytes = size * (complex ? sizeof(std::complex<double>) : element);
    if (scratch_.size() < bytes) {
        scratch_ = {};  // so that growing neither doubles nor copies
        scratch_.resize(bytes);
    }
    dataset.read(offset, extent, complex ? hdf5::Type::complex64 : memory, scratch_.data());
    if (complex) {
        require(memory == hdf5::Type::f32 || memory == hdf5::Type::f64, "magnitudes of '{}' asked for as integers",
                spec_.dataset);
        (memory == hdf5::Type::f32 ? take_magnitudes<float> : take_magnitudes<double>)(scratch_.data(), size);
    }
    if (direct) {
        std::memcpy(out, scratch_.data(), size * element);
    } else if (element == sizeof(float)) {
        Reorder<sizeof(float)>(order_, extent).run(0, scratch_.data(), out);
    } else {
        Reorder<sizeof(double)>(order_, extent).run(0, scratch_.data(), out);
    }
}

void Column::read(std::int64_t first, std::int64_t count, Box const& box, hdf5::Type memory, void* out) const {
    require(first >= 0 && count >= 0 && first + count <= samples(), "samples [{}, {}) of {} asked for", first,
            first + count, samples());
    std::lock_guard const lock(mutex_);
    Shape shape = box.shape();
    shape.n = 1;
    bool const direct = order_.is_channels_last() && !hdf5::is_complex(type_);
    auto* target = static_cast<unsigned char*>(out);
    while (count > 0) {
        std::size_t const file = file_of(first);
        std::int64_t piece = std::min(count, first_[file + 1] - first);
        if (!direct) { piece = std::min(piece, samples_per_scratch(shape.volume())); }
        read_piece(open(file), first - first_[file], piece, box, memory, target);
        target += piece * shape.volume() * static_cast<Index>(hdf5::size_of(memory));
        first += piece;
        count -= piece;
    }
}

}  // namespace aureole
