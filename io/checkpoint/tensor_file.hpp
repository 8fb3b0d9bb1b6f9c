#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/tensor/tensor.hpp"
#include "io/file/new_file.hpp"
#include "io/hdf5/file.hpp"

namespace aureole {

/// A tensor in a file: its path there and what it holds. Files keep the five axes (n, d, h, w, c), or (t, r, s, c, k)
/// of weights; bf16 is widened to f32.
struct TensorEntry {
    std::string path;
    DType dtype = DType::f32;
    Shape shape;
};

/// Element type of a tensor in a file.
[[nodiscard]] hdf5::Type stored_type(DType dtype);

/// Whether a dataset has the extents of a tensor, up to axes of extent 1.
[[nodiscard]] bool has_extents(hdf5::Dataset const& dataset, Shape const& shape);

/// Writes a new HDF5 file beside its name, which it gets when it is complete: a reader never sees half of it. See
/// NewFile. Without commit() nothing is left.
class TensorFileWriter {
  public:
    explicit TensorFileWriter(std::string path);

    /// `values`: host memory of the stored type.
    void write(TensorEntry const& entry, void const* values);
    /// A device tensor, copied through host memory.
    void write(std::string const& path, Tensor const& tensor);
    void set_attribute(std::string const& key, hdf5::Attribute const& value);
    /// Hands the file to the disk and gives it its name.
    void commit();

  private:
    NewFile new_file_;
    hdf5::File file_;
};

/// Reads tensors of a file written by the class above, or by anyone.
class TensorFileReader {
  public:
    explicit TensorFileReader(std::string const& path) : file_(hdf5::File::open(path)) {}
    [[nodiscard]] hdf5::File const& file() const { return file_; }
    [[nodiscard]] bool contains(std::string const& path) const { return file_.contains(path); }
    /// Fills a device tensor. The stored extents must be the tensor's, up to leading or inserted axes of extent 1.
    void read(std::string const& path, Tensor const& into) const;
    /// Values of a tensor of that shape; the same holds for its extents.
    [[nodiscard]] std::vector<double> read(std::string const& path, Shape const& shape) const;
    /// The integer attribute of the file; data_error if it is absent.
    [[nodiscard]] Index integer(std::string const& key) const;

  private:
    hdf5::File file_;

    [[nodiscard]] hdf5::Dataset dataset(std::string const& path, Shape const& shape) const;
};

}  // namespace aureole
