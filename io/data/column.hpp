#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor/box.hpp"
#include "io/data/axes.hpp"
#include "io/data/data_spec.hpp"
#include "io/hdf5/dataset.hpp"

namespace aureole {

/// What a column of samples is made of.
struct ColumnSpec {
    std::vector<std::string> files;
    std::string dataset;
    std::string axes;     ///< empty: guessed
    Shape sample;         ///< wanted extents of one sample
    bool larger = false;  ///< stored samples may be larger
    FillRule fill = FillRule::error;
    hdf5::Outside outside = hdf5::Outside::refuse;
};

/// What a file declares about its stored numbers by attributes of netCDF.
struct Packing {
    std::vector<long double> fills;  ///< `_FillValue` and `missing_value`: these stand for absent values
    double scale = 1, offset = 0;    ///< `scale_factor` and `add_offset`: the number meant is stored * scale + offset

    [[nodiscard]] bool is_scaled() const { return scale != 1 || offset != 0; }
    /// The index in `fills` of a number, or -1; NaN is equal to itself here.
    [[nodiscard]] int find_fill(long double value) const;
    [[nodiscard]] bool is_like(Packing const& other) const;
};

/// A number as a stored type holds it: rounded to a narrower float. Integers are left as they are.
[[nodiscard]] long double round_to_stored(long double value, hdf5::Type type);
/// True if elements of a stored type can have this value (rounded, for floats).
[[nodiscard]] bool can_occur(long double value, hdf5::Type type);

/// One dataset name over one or many HDF5 files: samples of all files one after the other, read as (n, d, h, w, c). A
/// file whose dataset has no axis n holds one sample.
class Column {
  public:
    explicit Column(ColumnSpec spec);

    [[nodiscard]] std::int64_t samples() const { return first_.back(); }
    [[nodiscard]] Shape const& sample_shape() const { return shape_; }
    [[nodiscard]] hdf5::Type type() const { return type_; }
    [[nodiscard]] Packing const& packing() const { return packing_; }
    [[nodiscard]] std::size_t files() const { return spec_.files.size(); }
    [[nodiscard]] std::size_t stored_element_bytes() const { return stored_element_bytes_; }
    [[nodiscard]] std::int64_t run_length() const { return run_length_; }
    /// Elements of the chunks that a box of a sample touches, over those of the box; 1 without chunks.
    [[nodiscard]] double overhead(Box const& box) const;
    /// A message for every file whose dataset was not written to its end. Files that cannot be opened are left out:
    /// reading them tells why.
    [[nodiscard]] std::vector<std::string> absent_storage() const;
    /// "'x' of 'b.h5', entry 3"
    [[nodiscard]] std::string place(std::int64_t sample) const;
    /// Scratch for reordering and decompressed chunks, at most.
    [[nodiscard]] std::size_t buffer_bytes(std::int64_t run) const;

    /// Reads `box` of samples [first, first + count) as f32, i32, f64, i64 or u64; complex numbers as their magnitude.
    void read(std::int64_t first, std::int64_t count, Box const& box, hdf5::Type memory, void* out) const;

  private:
    [[nodiscard]] std::size_t file_of(std::int64_t sample) const;
    [[nodiscard]] hdf5::Dataset const& open(std::size_t file) const;
    void check_alike(hdf5::Dataset const& dataset) const;
    [[nodiscard]] Packing packing_of(hdf5::Dataset const& dataset) const;
    void require_stored(hdf5::Dataset const& dataset) const;
    [[nodiscard]] std::int64_t samples_per_scratch(Index box_elements) const;
    void read_piece(hdf5::Dataset const& dataset, std::int64_t entry, std::int64_t count, Box const& box,
                    hdf5::Type memory, unsigned char* out) const;

    ColumnSpec spec_;
    AxisOrder order_;
    Shape shape_;
    std::optional<Shape> chunk_;
    hdf5::Type type_ = hdf5::Type::other;
    Packing packing_;
    std::size_t stored_element_bytes_ = 0, cache_bytes_ = 0, chunk_bytes_ = 0;
    std::int64_t run_length_ = 1;
    std::vector<std::int64_t> first_;  ///< first sample of each file, and the total

    struct OpenFile {
        std::size_t file;
        std::unique_ptr<hdf5::Dataset> dataset;
    };
    mutable std::mutex mutex_;            ///< of what follows
    mutable std::vector<OpenFile> open_;  ///< the one used last comes last
    mutable std::vector<unsigned char> scratch_;
};

}  // namespace aureole
