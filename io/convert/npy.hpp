#pragma once
#include <string>

#include "io/hdf5/dataset.hpp"

namespace aureole::convert {

/// A NumPy array file (format versions 1 to 3, numpy.lib.format), mapped into memory, so that only what is read is
/// loaded.
class NpyFile {
  public:
    explicit NpyFile(std::string const& path);
    NpyFile(NpyFile const&) = delete;
    NpyFile& operator=(NpyFile const&) = delete;
    ~NpyFile();

    [[nodiscard]] hdf5::Type type() const { return type_; }
    [[nodiscard]] hdf5::Extents const& shape() const { return shape_; }
    [[nodiscard]] std::size_t sample_bytes() const;
    /// Samples [first, first + count) along the first axis in C order and native byte order.
    void read(Index first, Index count, std::vector<unsigned char>& out) const;

  private:
    void parse_header(std::string const& header);

    std::string path_;
    unsigned char const* map_ = nullptr;
    std::size_t map_bytes_ = 0, data_ = 0;
    hdf5::Type type_ = hdf5::Type::other;
    hdf5::Extents shape_;
    bool swapped_ = false, fortran_ = false;
};

}  // namespace aureole::convert
