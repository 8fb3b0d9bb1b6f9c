#include "io/checkpoint/tensor_file.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/tensor/arena.hpp"

namespace aureole {

namespace {

hdf5::Extents extents_of(Shape const& shape) {
    auto const e = shape.extents();
    return {e.begin(), e.end()};
}

/// Extents without those of 1.
hdf5::Extents squeezed(hdf5::Extents extents) {
    std::erase(extents, 1);
    return extents;
}

}  // namespace

hdf5::Type stored_type(DType dtype) {
    switch (dtype) {
        case DType::f64: return hdf5::Type::f64;
        case DType::f32:
        case DType::bf16: return hdf5::Type::f32;
        case DType::i32: return hdf5::Type::i32;
        case DType::u8: return hdf5::Type::u8;
    }
    return hdf5::Type::other;
}

bool has_extents(hdf5::Dataset const& dataset, Shape const& shape) {
    return squeezed(dataset.shape()) == squeezed(extents_of(shape));
}

TensorFileWriter::TensorFileWriter(std::string path)
    : new_file_(std::move(path)), file_(hdf5::File::create(new_file_.temporary())) {}

void TensorFileWriter::write(TensorEntry const& entry, void const* values) {
    hdf5::DatasetSpec spec;
    spec.type = stored_type(entry.dtype);
    spec.shape = extents_of(entry.shape);
    hdf5::Dataset dataset = file_.create_dataset(entry.path, spec);
    dataset.write(hdf5::Extents(spec.shape.size(), 0), spec.shape, spec.type, values);
    dataset.close();
}

void TensorFileWriter::write(std::string const& path, Tensor const& tensor) {
    TensorEntry const entry{path, tensor.dtype, tensor.shape};
    if (tensor.dtype == DType::bf16) {
        std::vector<double> const wide = read_values(tensor);
        std::vector<float> const values(wide.begin(), wide.end());
        write(entry, values.data());
        return;
    }
    std::vector<std::byte> bytes(tensor.bytes());
    copy_to_host(tensor, bytes.data());
    write(entry, bytes.data());
}

void TensorFileWriter::set_attribute(std::string const& key, hdf5::Attribute const& value) {
    file_.set_attribute("/", key, value);
}

void TensorFileWriter::commit() {
    file_.close();
    new_file_.commit();
}

hdf5::Dataset TensorFileReader::dataset(std::string const& path, Shape const& shape) const {
    hdf5::Dataset dataset = file_.dataset(path);
    require(has_extents(dataset, shape), ExitCode::data_error,
            "{} has the extents {} where the network has {}: give the file of the same network, or a map of names",
            dataset.place(), hdf5::to_string(dataset.shape()), to_string(shape));
    return dataset;
}

std::vector<double> TensorFileReader::read(std::string const& path, Shape const& shape) const {
    hdf5::Dataset const stored = dataset(path, shape);
    std::vector<double> values(static_cast<std::size_t>(shape.volume()));
    stored.read(hdf5::Extents(stored.shape().size(), 0), stored.shape(), stored_type(DType::f64), values.data());
    return values;
}

void TensorFileReader::read(std::string const& path, Tensor const& into) const {
    hdf5::Dataset const stored = dataset(path, into.shape);
    DType const dtype = into.dtype == DType::bf16 ? DType::f32 : into.dtype;
    std::vector<std::byte> bytes(static_cast<std::size_t>(into.shape.volume()) * size_of(dtype));
    stored.read(hdf5::Extents(stored.shape().size(), 0), stored.shape(), stored_type(dtype), bytes.data());
    if (into.dtype == DType::bf16) {
        write_values(reinterpret_cast<float const*>(bytes.data()), into);
    } else {
        copy_to_device(bytes.data(), into);
    }
}

Index TensorFileReader::integer(std::string const& key) const {
    auto const value = file_.attribute("/", key);
    auto const* const number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
    require(
        number != nullptr, ExitCode::data_error,
        "'{}' has no attribute '{}' (it is no checkpoint): give a file that a run wrote into its checkpoints folder",
        file_.path(), key);
    return *number;
}

}  // namespace aureole
