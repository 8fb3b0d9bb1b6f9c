#pragma once
#include <optional>

#include "io/convert/convert.hpp"
#include "io/file/new_file.hpp"
#include "io/hdf5/file.hpp"

namespace aureole::convert {

/// The file that a conversion writes, sample by sample. Without finish() nothing is left behind.
class SampleWriter {
  public:
    /// @param origin kind of source, for the attributes
    SampleWriter(Output const& output, std::string const& origin, std::vector<std::string> const& sources);

    void create_x(hdf5::Type type, hdf5::Extents const& shape);
    void create_y(hdf5::Type type, hdf5::Extents const& shape, std::vector<std::string> const& class_names);
    /// Writes `count` samples behind those written before. Memory is of the type given at creation.
    void append_x(std::int64_t count, void const* samples);
    void append_y(std::int64_t count, void const* samples);
    [[nodiscard]] hdf5::File& file() { return file_; }

    /// Hands the file to the disk and gives it its name.
    Summary finish();

  private:
    struct Part {
        hdf5::Dataset dataset;
        std::int64_t written = 0;
    };
    void append(Part& part, std::int64_t count, void const* samples);

    Output output_;
    NewFile new_file_;
    hdf5::File file_;
    std::optional<Part> x_, y_;
    Summary summary_;
};

/// The chunk of the output's x: the one asked for, checked against the shape, or the default.
[[nodiscard]] hdf5::Extents chunk_of_x(Output const& output, hdf5::Extents const& shape, std::size_t element_bytes);

}  // namespace aureole::convert
