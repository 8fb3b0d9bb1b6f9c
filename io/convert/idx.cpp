#include <array>
#include <filesystem>
#include <optional>

#include "core/error.hpp"
#include "io/convert/byte_order.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/gzip_input.hpp"
#include "io/convert/sample_writer.hpp"

// The IDX format as described by Y. LeCun with the MNIST database: two zero bytes, a byte for the type, a byte for the
// number of axes, extents as big-endian u32, then the elements, big-endian, last axis fastest.
namespace aureole::convert {

namespace {

struct IdxFile {
    GzipInput input;
    hdf5::Type type = hdf5::Type::other;
    hdf5::Extents shape;
    std::size_t sample_bytes = 0;

    explicit IdxFile(std::string const& path) : input(path) {
        std::array<unsigned char, 4> head{};
        input.read(head.data(), head.size());
        require(head[0] == 0 && head[1] == 0 && head[3] >= 1 && head[3] <= 8, ExitCode::data_error,
                "'{}' is not an IDX file (its first bytes are {:#04x} {:#04x} {:#04x} {:#04x}): name one such as "
                "train-images-idx3-ubyte",
                path, head[0], head[1], head[2], head[3]);
        switch (head[2]) {
            case 0x08: type = hdf5::Type::u8; break;
            case 0x09: type = hdf5::Type::i8; break;
            case 0x0B: type = hdf5::Type::i16; break;
            case 0x0C: type = hdf5::Type::i32; break;
            case 0x0D: type = hdf5::Type::f32; break;
            case 0x0E: type = hdf5::Type::f64; break;
            default:
                fail(ExitCode::data_error, "'{}' has element type {:#04x} (IDX knows 8 9 b c d e): check the file",
                     path, head[2]);
        }
        sample_bytes = size_of(type);
        for (int i = 0; i < head[3]; ++i) {
            std::array<unsigned char, 4> bytes{};
            input.read(bytes.data(), bytes.size());
            shape.push_back(static_cast<Index>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
        }
        require_room(path);
        require(shape[0] > 0 && sample_bytes > 0, ExitCode::data_error,
                "'{}' holds no samples (shape {}): name another", path, hdf5::to_string(shape));
    }

    /// Counts the bytes of a sample, and compares all of them with what the file can hold, packed or not.
    void require_room(std::string const& path) {
        constexpr std::size_t densest = 1040;  // times that deflate packs at most
        std::error_code error;
        auto const present = static_cast<std::size_t>(std::filesystem::file_size(path, error));
        std::size_t needed = sample_bytes;
        bool fits = true;
        for (Index const extent : shape) {
            fits = fits && !__builtin_mul_overflow(needed, static_cast<std::size_t>(extent), &needed);
        }
        require(fits && (error || needed / densest <= present), ExitCode::data_error,
                "'{}' has {} bytes, its header promises elements of shape {} (more than such a file can hold): it is "
                "truncated or damaged, copy it again",
                path, present, hdf5::to_string(shape));
        for (std::size_t i = 1; i < shape.size(); ++i) { sample_bytes *= static_cast<std::size_t>(shape[i]); }
    }

    void read(std::int64_t count, std::vector<unsigned char>& buffer) {
        buffer.resize(static_cast<std::size_t>(count) * sample_bytes);
        input.read(buffer.data(), buffer.size());
        if constexpr (std::endian::native == std::endian::little) { swap_bytes(buffer, size_of(type)); }
    }

    void require_end() {
        require(input.at_end(), ExitCode::data_error,
                "'{}' goes on behind its {} samples: it is damaged, copy it again", input.path(), shape[0]);
    }
};

}  // namespace

Summary convert_idx(std::string const& images, std::string const& labels, Output const& output,
                    Progress const& progress) {
    constexpr std::int64_t block_bytes = 1 << 20;
    IdxFile x(images);
    std::optional<IdxFile> y;
    std::vector<std::string> sources{images};
    if (!labels.empty()) {
        y.emplace(labels);
        sources.push_back(labels);
        require(x.shape[0] == y->shape[0], ExitCode::data_error,
                "'{}' holds {} images, '{}' {} labels: name two files that belong together", images, x.shape[0], labels,
                y->shape[0]);
    }
    SampleWriter writer(output, "idx", sources);
    writer.create_x(x.type, x.shape);
    if (y) { writer.create_y(y->type, y->shape, {}); }
    std::int64_t const total = x.shape[0];
    std::int64_t const block = std::max<std::int64_t>(1, block_bytes / static_cast<std::int64_t>(x.sample_bytes));
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
