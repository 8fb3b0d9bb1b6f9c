#pragma once
#include <numeric>
#include <string>
#include <vector>

#include "io/data/dataset.hpp"
#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::testing {

/// 0, 1, 2, ...
template <class T>
std::vector<T> ramp(Index count, T first = T{0}) {
    std::vector<T> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), first);
    return values;
}

inline Index volume_of(hdf5::Extents const& shape) {
    return std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies<>());
}

/// Writes one dataset of the values 0, 1, 2, ... into a new file.
template <class T>
void write_ramp(std::string const& path, std::string const& name, hdf5::Extents const& shape) {
    hdf5::File::create(path).write<T>(name, shape, ramp<T>(volume_of(shape)));
}

/// A file "x" (n, h, w, c) of u8 ramp values modulo 251 with "y" (n): class = sample % classes.
inline void write_classes(std::string const& path, Index n, Index h, Index w, Index c, std::int64_t classes) {
    std::vector<std::uint8_t> x(static_cast<std::size_t>(n * h * w * c)), y(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < x.size(); ++i) { x[i] = static_cast<std::uint8_t>(i % 251); }
    for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = static_cast<std::uint8_t>(static_cast<std::int64_t>(i) % classes);
    }
    hdf5::File file = hdf5::File::create(path);
    file.write<std::uint8_t>("x", {n, h, w, c}, x);
    file.write<std::uint8_t>("y", {n}, y);
}

inline SourceSpec source(std::vector<std::string> files) {
    SourceSpec spec;
    spec.files = std::move(files);
    return spec;
}

inline SampleSpec unlabelled(Shape const& x) {
    SampleSpec spec;
    spec.x = x;
    spec.labels = SampleSpec::Labels::none;
    return spec;
}

inline SampleSpec classified(Shape const& x, std::int64_t classes) {
    SampleSpec spec;
    spec.x = x;
    spec.classes = classes;
    return spec;
}

inline SampleSpec masked(Shape const& x, std::int64_t classes) {
    SampleSpec spec = classified(x, classes);
    spec.y = {1, x.d, x.h, x.w, 1};
    return spec;
}

inline std::vector<float> read_x(Dataset const& dataset, std::int64_t first, std::int64_t count) {
    Shape const shape = dataset.x_shape();
    std::vector<float> x(static_cast<std::size_t>(count * shape.elements_per_sample()));
    dataset.read_x(first, count, Box::whole(shape), x.data());
    return x;
}

inline std::vector<std::int32_t> read_classes(Dataset const& dataset, std::int64_t first, std::int64_t count) {
    Shape const shape = dataset.y_shape();
    std::vector<std::int32_t> y(static_cast<std::size_t>(count * shape.elements_per_sample()));
    dataset.read_classes(first, count, Box::whole(shape), y.data());
    return y;
}

}  // namespace aureole::testing
