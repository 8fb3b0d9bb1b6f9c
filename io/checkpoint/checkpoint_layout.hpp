#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor/dtype.hpp"
#include "io/hdf5/dataset.hpp"

namespace aureole {

/// Consecutive elements of a dataset, in row-major order: what one rank writes of it, and what has a checksum.
struct CheckpointBlock {
    std::string path;
    DType dtype = DType::f32;  ///< f64, f32 or u8
    hdf5::Extents extents;     ///< of the dataset
    Index first = 0, count = 0;
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(count) * size_of(dtype); }
};

/// Where the blocks of a checkpoint lie in its file, and what the file holds beside them. It depends on the blocks
/// only, so it is computed once and serves for every checkpoint of a run.
///
/// The file is HDF5: a contiguous dataset per tensor, whose blocks follow each other; "run/blocks", a text with a line
/// "<first element> <elements> <path>" per block; "run/checksums", the XXH3 (64 bits) of the bytes of every block in
/// that order. The library's own structures carry checksums themselves.
struct CheckpointLayout {
    struct Piece {
        std::int64_t offset = 0;
        std::vector<std::byte> bytes;
    };
    std::int64_t bytes = 0;             ///< of the file
    std::vector<Piece> frame;           ///< all of the file but blocks and their checksums
    std::vector<std::int64_t> offsets;  ///< of each block
    std::int64_t checksums = 0;         ///< offset of the first of them; 8 bytes each
};

/// Format of the files that this program writes: attribute "format" of the root. Format 1 had no checksums.
inline constexpr Index checkpoint_format = 2;
inline constexpr char const* checkpoint_blocks = "run/blocks";
inline constexpr char const* checkpoint_checksums = "run/checksums";

/// `seed`: that of the run, an attribute of the root beside format and version of the program. `draft`: a file for the
/// layout, which takes next to no room and is removed.
[[nodiscard]] CheckpointLayout lay_out_checkpoint(std::vector<CheckpointBlock> const& blocks, Index seed,
                                                  std::string const& draft);

}  // namespace aureole
