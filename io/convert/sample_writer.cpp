#include "io/convert/sample_writer.hpp"

#include <algorithm>
#include <filesystem>

#include "core/error.hpp"
#include "core/version.hpp"

namespace aureole::convert {

namespace fs = std::filesystem;

hdf5::Extents default_chunk(hdf5::Extents const& shape, std::size_t element_bytes) {
    constexpr Index smallest = Index{1} << 16, largest = Index{1} << 20;  // bytes
    if (shape.empty() || std::find(shape.begin(), shape.end(), 0) != shape.end()) { return {}; }
    hdf5::Extents chunk = shape;
    chunk[0] = 1;
    auto const bytes = [&] {
        auto total = static_cast<Index>(element_bytes);
        for (Index const extent : chunk) { total *= extent; }
        return total;
    };
    while (bytes() > largest) {
        Index& longest = *std::max_element(chunk.begin(), chunk.end());
        longest = (longest + 1) / 2;
    }
    chunk[0] = std::clamp<Index>(smallest / bytes(), 1, shape[0]);
    return chunk;
}

hdf5::Extents chunk_of_x(Output const& output, hdf5::Extents const& shape, std::size_t element_bytes) {
    if (output.chunk.empty()) { return default_chunk(shape, element_bytes); }
    bool fits = output.chunk.size() == shape.size();
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
        fits = output.chunk[i] >= 1 && output.chunk[i] <= shape[i];
    }
    require(fits, ExitCode::bad_deck,
            "chunk {} does not fit '{}' of shape {}: give one extent per axis, of 1 to the axis's extent",
            hdf5::to_string(output.chunk), output.x, hdf5::to_string(shape));
    return output.chunk;
}

namespace {

/// The file to write, of options that make sense.
std::string const& file_of(Output const& output) {
    require(!output.file.empty(), ExitCode::bad_deck, "no file to write is named: name one with --output");
    require(output.x != output.y, ExitCode::bad_deck, "images and labels are both called '{}': give them two names",
            output.x);
    return output.file;
}

}  // namespace

void require_output(Output const& output, std::vector<std::string> const& sources) {
    aureole::require_output(file_of(output));
    require_apart(output.file, sources);
}

SampleWriter::SampleWriter(Output const& output, std::string const& origin, std::vector<std::string> const& sources)
    : output_(output), new_file_(file_of(output)), file_(hdf5::File::create(new_file_.temporary())) {
    file_.set_attribute("/", "origin", origin);
    file_.set_attribute("/", "source", sources);
    file_.set_attribute("/", "created_by", "aureole " + std::string(version()));
}

void SampleWriter::create_x(hdf5::Type type, hdf5::Extents const& shape) {
    hdf5::Extents const chunk = chunk_of_x(output_, shape, size_of(type));
    x_ = Part{file_.create_dataset(
        output_.x,
        {.type = type, .shape = shape, .chunk = chunk, .deflate = output_.deflate, .shuffle = output_.shuffle})};
    summary_.x_shape = shape;
    summary_.x_type = type;
}

void SampleWriter::create_y(hdf5::Type type, hdf5::Extents const& shape, std::vector<std::string> const& class_names) {
    hdf5::Extents const chunk = default_chunk(shape, size_of(type));
    y_ = Part{file_.create_dataset(
        output_.y,
        {.type = type, .shape = shape, .chunk = chunk, .deflate = output_.deflate, .shuffle = output_.shuffle})};
    if (!class_names.empty()) { file_.set_attribute(output_.y, "class_names", class_names); }
    summary_.y_shape = shape;
    summary_.y_type = type;
    summary_.class_names = class_names;
}

void SampleWriter::append(Part& part, std::int64_t count, void const* samples) {
    hdf5::Extents offset(part.dataset.shape().size(), 0), extent = part.dataset.shape();
    offset[0] = part.written;
    extent[0] = count;
    part.dataset.write(offset, extent, part.dataset.type(), samples);
    part.written += count;
}

void SampleWriter::append_x(std::int64_t count, void const* samples) { append(*x_, count, samples); }
void SampleWriter::append_y(std::int64_t count, void const* samples) { append(*y_, count, samples); }

Summary SampleWriter::finish() {
    for (auto* const part : {&x_, &y_}) {
        if (!*part) { continue; }
        bool const whole = (*part)->written == (*part)->dataset.shape()[0];
        require(whole, "conversion: not all samples of '{}' were written", output_.file);
        (*part)->dataset.close();
    }
    file_.close();
    new_file_.commit();
    std::error_code error;
    summary_.file_bytes = fs::file_size(output_.file, error);
    return summary_;
}

}  // namespace aureole::convert
