#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint/checkpoint_layout.hpp"
#include "io/checkpoint/tensor_file.hpp"

namespace aureole {

/// Reads a checkpoint, and compares every tensor with its checksums; files of format 1 have none. What is damaged,
/// missing or of other extents is Error(data_error).
class CheckpointReader {
  public:
    explicit CheckpointReader(std::string const& path);
    [[nodiscard]] std::string const& path() const { return file_.file().path(); }
    /// 1 or 2.
    [[nodiscard]] Index format() const { return format_; }
    [[nodiscard]] bool contains(std::string const& path) const { return file_.contains(path); }

    /// Throws if a record of the run, "run/...", is damaged.
    void require_whole_records() const;

    /// The values of a tensor of that shape.
    [[nodiscard]] std::vector<double> read(std::string const& path, Shape const& shape) const;
    /// A list of numbers of any length.
    [[nodiscard]] std::vector<double> numbers(std::string const& path) const;
    [[nodiscard]] double number(std::string const& path) const;
    [[nodiscard]] std::string text(std::string const& path) const;
    /// An attribute of the root; format 1 keeps the step there.
    [[nodiscard]] Index attribute(std::string const& key) const { return file_.integer(key); }
    [[nodiscard]] std::string text_attribute(std::string const& key) const;

  private:
    struct Block {
        Index first = 0, count = 0;
        std::uint64_t checksum = 0;
    };
    TensorFileReader file_;
    Index format_ = 0;
    std::map<std::string, std::vector<Block>> blocks_;  ///< by path; none in format 1

    void read_blocks();
    void verify(std::string const& path, std::span<std::byte const> bytes, std::size_t element_bytes) const;
    [[nodiscard]] std::vector<double> read_all(hdf5::Dataset const& dataset, std::string const& path) const;
};

}  // namespace aureole
