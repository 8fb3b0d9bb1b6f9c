#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor/box.hpp"
#include "io/data/axes.hpp"
#include "io/hdf5/dataset.hpp"

namespace aureole {

/// What a column of samples is made of.
struct ColumnSpec {
    std::vector<std::string> files;
    std::string dataset;
    std::string axes;     ///< empty: guessed
    Shape sample;         ///< wanted extents of one sample
    bool larger = false;  ///< stored samples may be larger
};

/// One dataset name over one or many HDF5 files: samples of all files one after the other, read as (n, d, h, w, c). A
/// file whose dataset has no axis n holds one sample.
class Column {
  public:
    explicit Column(ColumnSpec spec);

    [[nodiscard]] std::int64_t samples() const { return first_.back(); }
    [[nodiscard]] Shape const& sample_shape() const { return shape_; }
    [[nodiscard]] hdf5::Type type() const { return type_; }
    [[nodiscard]] std::size_t stored_element_bytes() const { return stored_element_bytes_; }
    [[nodiscard]] std::int64_t run_length() const { return run_length_; }
    /// Elements of the chunks that a box of a sample touches, over those of the box; 1 without chunks.
    [[nodiscard]] double overhead(Box const& box) const;
    /// "'x' of 'b.h5', entry 3"
    [[nodiscard]] std::string place(std::int64_t sample) const;
    /// Scratch for reordering and decompressed chunks, at most.
    [[nodiscard]] std::size_t buffer_bytes(std::int64_t run) const;

    /// Reads `box` of samples [first, first + count) as f32 or i32, both of 4 bytes; complex numbers as their
    /// magnitude.
    void read(std::int64_t first, std::int64_t count, Box const& box, hdf5::Type memory, void* out) const;

  private:
    [[nodiscard]] std::size_t file_of(std::int64_t sample) const;
    [[nodiscard]] hdf5::Dataset const& open(std::size_t file) const;
    void check_alike(hdf5::Dataset const& dataset) const;
    [[nodiscard]] std::int64_t samples_per_scratch(Index box_elements) const;
    void read_piece(hdf5::Dataset const& dataset, std::int64_t entry, std::int64_t count, Box const& box,
                    hdf5::Type memory, unsigned char* out) const;

    ColumnSpec spec_;
    AxisOrder order_;
    Shape shape_;
    std::optional<Shape> chunk_;
    hdf5::Type type_ = hdf5::Type::other;
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
