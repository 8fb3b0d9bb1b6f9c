#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/gzip_input.hpp"
#include "io/convert/sample_writer.hpp"

// The binary version of CIFAR-10 (A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009):
// records of one label byte and 3 x 32 x 32 bytes of red, green and blue planes.
namespace aureole::convert {

namespace {

constexpr std::int64_t side = 32, channels = 3, plane = side * side, record = 1 + channels * plane;
constexpr int classes = 10;

std::int64_t count_records(std::string const& path) {
    std::error_code error;
    auto const bytes = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    require(!error, ExitCode::data_error, "cannot open '{}' ({}): correct the name", path, error.message());
    require(
        bytes > 0 && bytes % record == 0, ExitCode::data_error,
        "'{}' is no binary CIFAR-10 batch ({} bytes are not a multiple of {}): name files such as data_batch_1.bin, or "
        "copy it again",
        path, bytes, record);
    return bytes / record;
}

std::vector<std::string> read_class_names(std::string const& batch) {
    std::ifstream in(std::filesystem::path(batch).parent_path() / "batches.meta.txt");
    std::vector<std::string> names;
    for (std::string line; names.size() < classes && std::getline(in, line);) {
        if (!line.empty()) { names.push_back(line); }
    }
    return names.size() == classes ? names : std::vector<std::string>{};
}

}  // namespace

Summary convert_cifar10(std::vector<std::string> const& files, Output const& output, Progress const& progress) {
    require(!files.empty(), ExitCode::bad_deck, "no CIFAR-10 batches are named: name files such as data_batch_1.bin");
    std::int64_t total = 0, done = 0;
    for (std::string const& file : files) { total += count_records(file); }
    SampleWriter writer(output, "cifar10", files);
    writer.create_x(hdf5::Type::u8, {total, side, side, channels});
    writer.create_y(hdf5::Type::u8, {total}, read_class_names(files[0]));
    constexpr std::int64_t block = 128;
    std::vector<unsigned char> records(block * record), x(block * channels * plane), y(block);
    for (std::string const& file : files) {
        GzipInput input(file);
        for (std::int64_t left = count_records(file); left > 0;) {
            std::int64_t const count = std::min(block, left);
            input.read(records.data(), static_cast<std::size_t>(count * record));
            unsigned char* out = x.data();
            for (std::int64_t i = 0; i < count; ++i) {
                unsigned char const* const in = records.data() + i * record;
                require(in[0] < classes, ExitCode::data_error,
                        "label {} of record {} in '{}' is no class: check the file", in[0], done + i, file);
                y[static_cast<std::size_t>(i)] = in[0];
                for (std::int64_t pixel = 0; pixel < plane; ++pixel) {
                    for (std::int64_t c = 0; c < channels; ++c) { *out++ = in[1 + c * plane + pixel]; }
                }
            }
            writer.append_x(count, x.data());
            writer.append_y(count, y.data());
            left -= count;
            done += count;
            progress(done, total);
        }
    }
    return writer.finish();
}

}  // namespace aureole::convert
