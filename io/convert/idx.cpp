#include "io/convert/idx.hpp"

#include <array>
#include <filesystem>
#include <optional>

#include "core/error.hpp"
#include "core/tensor/extent.hpp"
#include "io/convert/byte_order.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/room.hpp"
#include "io/convert/sample_writer.hpp"

namespace aureole::convert {

IdxFile::IdxFile(std::string const& path) : input_(path) {
    std::array<unsigned char, 4> head{};
    input_.read(head.data(), head.size());
    require(head[0] == 0 && head[1] == 0 && head[3] >= 1 && head[3] <= 8, ExitCode::data_error,
            "'{}' is not an IDX file (its first bytes are {:#04x} {:#04x} {:#04x} {:#04x}): name one such as "
            "train-images-idx3-ubyte",
            path, head[0], head[1], head[2], head[3]);
    read_type(head[2]);
    for (int i = 0; i < head[3]; ++i) {
        std::array<unsigned char, 4> bytes{};
        input_.read(bytes.data(), bytes.size());
        shape_.push_back(static_cast<Index>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
    }
    require_room();
    require(shape_[0] > 0 && sample_bytes_ > 0, ExitCode::data_error, "'{}' holds no samples (shape {}): name another",
            path, hdf5::to_string(shape_));
}

void IdxFile::read_type(unsigned char code) {
    switch (code) {
        case 0x08: type_ = hdf5::Type::u8; break;
        case 0x09: type_ = hdf5::Type::i8; break;
        case 0x0B: type_ = hdf5::Type::i16; break;
        case 0x0C: type_ = hdf5::Type::i32; break;
        case 0x0D: type_ = hdf5::Type::f32; break;
        case 0x0E: type_ = hdf5::Type::f64; break;
        default:
            fail(ExitCode::data_error, "'{}' has element type {:#04x} (IDX knows 8 9 b c d e): check the file",
                 input_.path(), code);
    }
}

/// Counts the bytes of a sample, and compares all of them with what the file can hold, packed or not.
void IdxFile::require_room() {
    std::error_code error;
    auto const present = static_cast<Index>(std::filesystem::file_size(input_.path(), error));
    Extent sample = static_cast<Index>(size_of(type_));
    for (std::size_t i = 1; i < shape_.size(); ++i) { sample = sample * shape_[i]; }
    Extent const all = sample * shape_[0];
    require(all.is_known() && (error || can_hold(present, all, deflate_ratio)), ExitCode::data_error,
            "'{}' has {} bytes, its header promises elements of shape {} (more than such a file can hold): it is "
            "truncated or damaged, copy it again",
            input_.path(), present, hdf5::to_string(shape_));
    sample_bytes_ = static_cast<std::size_t>(sample.value("a sample's bytes"));
}

void IdxFile::read(Index count, std::vector<unsigned char>& buffer) {
    buffer.resize(static_cast<std::size_t>(count) * sample_bytes_);
    input_.read(buffer.data(), buffer.size());
    if constexpr (std::endian::native == std::endian::little) { swap_bytes(buffer, size_of(type_)); }
}

void IdxFile::require_end() {
    require(input_.at_end(), ExitCode::data_error, "'{}' goes on behind its {} samples: it is damaged, copy it again",
            input_.path(), shape_[0]);
}

Summary convert_idx(std::string const& images, std::string const& labels, Output const& output,
                    Progress const& progress) {
    constexpr std::int64_t block_bytes = 1 << 20;
    IdxFile x(images);
    std::optional<IdxFile> y;
    std::vector<std::string> sources{images};
    if (!labels.empty()) {
        y.emplace(labels);
        sources.push_back(labels);
        require(x.shape()[0] == y->shape()[0], ExitCode::data_error,
                "'{}' holds {} images, '{}' {} labels: name two files that belong together", images, x.shape()[0],
                labels, y->shape()[0]);
    }
    SampleWriter writer(output, "idx", sources);
    writer.create_x(x.type(), x.shape());
    if (y) { writer.create_y(y->type(), y->shape(), {}); }
    std::int64_t const total = x.shape()[0];
    std::int64_t const block = std::max<std::int64_t>(1, block_bytes / static_cast<std::int64_t>(x.sample_bytes()));
    std::vector<unsigned char> buffer;
    for (std::int64_t done = 0; done < total;) {
        std::int64_t const count = std::min(block, total - done);
        x.read(count, buffer);
        writer.append_x(count, buffer.data());
        if (y) {
            y->read(count, buffer);
            writer.append_y(count, buffer.data());
        }
        done += count;
        progress(done, total);
    }
    x.require_end();
    if (y) { y->require_end(); }
    return writer.finish();
}

}  // namespace aureole::convert
