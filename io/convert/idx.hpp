#pragma once
#include <string>
#include <vector>

#include "io/convert/gzip_input.hpp"
#include "io/hdf5/dataset.hpp"

namespace aureole::convert {

/// An IDX file, plain or gzipped, read from start to end: as described by Y. LeCun with the MNIST database, two zero
/// bytes, a byte for the type, a byte for the number of axes, extents as big-endian u32, then the elements, big-endian,
/// last axis fastest. Headers that promise what the file cannot hold are an Error(data_error).
class IdxFile {
  public:
    explicit IdxFile(std::string const& path);

    [[nodiscard]] hdf5::Type type() const { return type_; }
    /// Samples come first; there is at least one.
    [[nodiscard]] hdf5::Extents const& shape() const { return shape_; }
    [[nodiscard]] std::size_t sample_bytes() const { return sample_bytes_; }
    /// The next samples, in native byte order.
    void read(Index count, std::vector<unsigned char>& buffer);
    /// Fails if something follows the last sample.
    void require_end();

  private:
    void read_type(unsigned char code);
    void require_room();

    GzipInput input_;
    hdf5::Type type_ = hdf5::Type::other;
    hdf5::Extents shape_;
    std::size_t sample_bytes_ = 0;
};

}  // namespace aureole::convert
