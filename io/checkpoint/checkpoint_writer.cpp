#include "io/checkpoint/checkpoint_writer.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "io/checkpoint/checksum.hpp"
#include "io/file/new_file.hpp"

namespace aureole {

CheckpointWriter::CheckpointWriter(std::string path) : path_(std::move(path)), file_(path_, O_WRONLY) {}

void CheckpointWriter::write_frame(CheckpointLayout const& layout) {
    int error = EINTR;
    while (error == EINTR) { error = ::posix_fallocate(file_.number(), 0, layout.bytes); }
    require(error == 0, ExitCode::data_error,
            "cannot write '{}' of {} bytes ({}): make room, or choose another train.checkpoint.folder", path_,
            layout.bytes, std::strerror(error));
    for (auto const& piece : layout.frame) { write_at(file_, piece.bytes, piece.offset, path_); }
}

void CheckpointWriter::write(PlacedBlock const& block, Source const& source) {
    Checksum sum;
    for (std::size_t first = 0; first < block.bytes; first += piece_bytes) {
        std::span<std::byte const> const piece = source(first, std::min(piece_bytes, block.bytes - first));
        sum.add(piece);
        write_at(file_, piece, block.offset + static_cast<std::int64_t>(first), path_);
    }
    std::uint64_t const value = sum.value();
    write_at(file_, std::as_bytes(std::span(&value, 1)), block.checksum, path_);
}

void CheckpointWriter::finish() {
    sync_file(file_, path_);
    file_.close(path_);
}

}  // namespace aureole
