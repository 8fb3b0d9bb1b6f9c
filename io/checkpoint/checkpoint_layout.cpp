#include "io/checkpoint/checkpoint_layout.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "core/error.hpp"
#include "core/version.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/file/descriptor.hpp"

namespace aureole {

namespace {

struct Range {
    std::int64_t begin = 0, end = 0;
};

/// Bytes [begin, end) of a file.
CheckpointLayout::Piece read_piece(Descriptor const& file, std::string const& path, Range const& range) {
    CheckpointLayout::Piece piece{range.begin,
                                  std::vector<std::byte>(static_cast<std::size_t>(range.end - range.begin))};
    for (std::size_t done = 0; done < piece.bytes.size();) {
        ::ssize_t const got = ::pread(file.number(), piece.bytes.data() + done, piece.bytes.size() - done,
                                      range.begin + static_cast<std::int64_t>(done));
        if (got < 0 && errno == EINTR) { continue; }
        require(got > 0, ExitCode::data_error, "cannot read '{}' ({}): check the disk", path, std::strerror(errno));
        done += static_cast<std::size_t>(got);
    }
    return piece;
}

/// A file that is mostly a hole, and only there to be read again.
class Draft {
  public:
    explicit Draft(std::string path) : path_(std::move(path)) {}
    Draft(Draft const&) = delete;
    Draft& operator=(Draft const&) = delete;
    ~Draft() { std::remove(path_.c_str()); }
    [[nodiscard]] std::string const& path() const { return path_; }

  private:
    std::string path_;
};

hdf5::DatasetSpec placed(hdf5::Type type, hdf5::Extents shape) {
    hdf5::DatasetSpec spec;
    spec.type = type;
    spec.shape = std::move(shape);
    spec.has_place = true;
    return spec;
}

std::string list_of(std::vector<CheckpointBlock> const& blocks) {
    std::string list;
    for (CheckpointBlock const& block : blocks) {
        list += fmt::format("{} {} {}\n", block.first, block.count, block.path);
    }
    return list;
}

}  // namespace

CheckpointLayout lay_out_checkpoint(std::vector<CheckpointBlock> const& blocks, Index seed, std::string const& path) {
    CheckpointLayout layout;
    Draft const draft(path);
    std::vector<Range> elsewhere;  // bytes that others write
    {
        hdf5::File file = hdf5::File::create_checked(draft.path());
        file.set_attribute("/", "format", checkpoint_format);
        file.set_attribute("/", "seed", seed);
        file.set_attribute("/", "version", fmt::format("{} ({})", version(), git_hash()));
        std::string const list = list_of(blocks);
        file.write<std::uint8_t>(checkpoint_blocks, {static_cast<Index>(list.size())},
                                 {reinterpret_cast<std::uint8_t const*>(list.data()), list.size()});
        auto const number = static_cast<Index>(blocks.size());
        layout.checksums = file.create_dataset(checkpoint_checksums, placed(hdf5::Type::u64, {number})).offset();
        elsewhere.push_back({layout.checksums, layout.checksums + 8 * number});
        std::map<std::string, std::int64_t> begins;
        for (CheckpointBlock const& block : blocks) {
            auto [found, is_new] = begins.try_emplace(block.path, 0);
            if (is_new) {
                found->second =
                    file.create_dataset(block.path, placed(stored_type(block.dtype), block.extents)).offset();
            }
            std::int64_t const offset = found->second + block.first * static_cast<Index>(size_of(block.dtype));
            layout.offsets.push_back(offset);
            elsewhere.push_back({offset, offset + static_cast<std::int64_t>(block.bytes())});
        }
        file.close();
    }
    std::sort(elsewhere.begin(), elsewhere.end(), [](auto const& a, auto const& b) { return a.begin < b.begin; });
    Descriptor const file(draft.path(), O_RDONLY);
    layout.bytes = ::lseek(file.number(), 0, SEEK_END);
    elsewhere.push_back({layout.bytes, layout.bytes});
    std::int64_t at = 0;
    for (Range const& range : elsewhere) {
        if (range.begin > at) { layout.frame.push_back(read_piece(file, draft.path(), {at, range.begin})); }
        at = std::max(at, range.end);
    }
    return layout;
}

}  // namespace aureole
