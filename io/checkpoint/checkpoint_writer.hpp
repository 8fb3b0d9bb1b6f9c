#pragma once
#include <functional>
#include <span>

#include "io/checkpoint/checkpoint_layout.hpp"
#include "io/file/descriptor.hpp"

namespace aureole {

/// Where a block lies in a file that was laid out, and where its checksum does.
struct PlacedBlock {
    std::int64_t offset = 0, checksum = 0;
    std::size_t bytes = 0;
};

/// Writes one rank's part of a checkpoint into a file that other ranks write at the same time, and that is there: a
/// rank that does not see it must not make another. Needs neither MPI nor HDF5, so any thread may use it. Failures are
/// Error(data_error) with the system's reason.
class CheckpointWriter {
  public:
    explicit CheckpointWriter(std::string path);

    /// All that is nobody's block, and room on the disk for the whole file: of one rank.
    void write_frame(CheckpointLayout const& layout);
    /// Bytes [first, first + count) of a block; valid until the next call.
    using Source = std::function<std::span<std::byte const>(std::size_t first, std::size_t count)>;
    /// Asks for the bytes piece by piece, in order; writes them and their checksum.
    void write(PlacedBlock const& block, Source const& source);
    /// Waits until everything has reached the disk.
    void finish();

    /// Bytes that write() asks for at a time, at most.
    static constexpr std::size_t piece_bytes = std::size_t{4} << 20U;

  private:
    std::string path_;
    Descriptor file_;
};

}  // namespace aureole
