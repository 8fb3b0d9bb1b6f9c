#pragma once
#include <optional>

#include "io/data/column.hpp"
#include "io/data/dataset.hpp"

namespace aureole {

/// Samples in HDF5 files: images and labels in the same file, in separate files, or one file per sample. Only the box
/// asked for is read.
class Hdf5Dataset : public Dataset {
  public:
    /// @param larger stored samples may be larger than the network's input
    /// @param listener told of all bad values, which are read as NaN or as a label that is none; elements that were
    ///     never written are then read as well, and absent_storage() tells of them
    Hdf5Dataset(SourceSpec const& source, SampleSpec const& sample, bool larger, BadValueListener listener = {});

    [[nodiscard]] std::int64_t samples() const override { return count_; }
    [[nodiscard]] Shape x_shape() const override { return x_.sample_shape(); }
    [[nodiscard]] Shape y_shape() const override { return y_ ? y_->sample_shape() : Shape{}; }
    [[nodiscard]] bool x_fits_bytes() const override;
    [[nodiscard]] bool x_is_wide() const override;
    [[nodiscard]] std::int64_t run_length() const override { return x_.run_length(); }
    void read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const override;
    void read_x_wide(std::int64_t first, std::int64_t count, Box const& box, double* out) const override;
    void read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const override;
    void read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const override;
    [[nodiscard]] double overhead(Box const& box) const override { return x_.overhead(box); }
    [[nodiscard]] std::string place(std::int64_t sample) const override;
    [[nodiscard]] std::string label_place(std::int64_t sample) const override;
    [[nodiscard]] std::size_t buffer_bytes(std::int64_t run) const override;
    [[nodiscard]] std::uint64_t bytes_read() const override { return bytes_read_; }
    [[nodiscard]] Column const& images() const { return x_; }
    [[nodiscard]] Column const& labels() const;
    /// A message for every file and dataset of which elements were never written.
    [[nodiscard]] std::vector<std::string> absent_storage() const;

  private:
    [[nodiscard]] std::string place_in(Column const& column, std::int64_t sample) const;
    [[nodiscard]] std::string position(Column const& column, std::int64_t first, Box const& box, Index element) const;
    template <class T>
    void read_numbers(std::int64_t first, std::int64_t count, Box const& box, T* out) const;
    template <class Stored, class Rule, class Label>
    void read_labels(std::int64_t first, std::int64_t count, Box const& box, Rule const& rule, Label* out) const;
    [[nodiscard]] std::string fill_fault(Column const& column, std::int64_t first, Box const& box, Index element,
                                         long double value) const;
    void prepare_label_map();
    void count_bytes(Column const& column, std::int64_t count, Box const& box) const;
    [[nodiscard]] bool is_told(BadValue::Kind kind, std::int64_t first, Box const& box, Index element,
                               long double value) const;

    SourceSpec source_;  ///< keys of label_map as the labels' stored type holds them
    SampleSpec sample_;
    Column x_;
    std::optional<Column> y_;
    std::int64_t first_ = 0, count_ = 0;
    BadValueListener listener_;
    mutable std::atomic<std::uint64_t> bytes_read_ = 0;
};

}  // namespace aureole
