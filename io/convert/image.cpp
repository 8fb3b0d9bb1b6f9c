#include "io/convert/image.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.hpp"
#include "io/convert/room.hpp"
#include "io/file/link.hpp"

namespace aureole::convert {

namespace {

enum class Format : std::uint8_t { png, jpeg, tiff };

FilePointer open_file(std::string const& path) {
    FilePointer file(std::fopen(path.c_str(), "rb"));
    if (file != nullptr) { return file; }
    std::string const reason = std::strerror(errno), link = describe_dangling_link(path);
    throw DamagedImage(
        fmt::format("cannot open '{}' ({}): correct the name or mend the link", path, link.empty() ? reason : link));
}

Format format_of(std::string const& path, std::FILE* file) {
    std::array<unsigned char, 4> head{};
    bool const enough = std::fread(head.data(), 1, head.size(), file) == head.size();
    std::rewind(file);
    if (enough && std::memcmp(head.data(), "\x89PNG", 4) == 0) { return Format::png; }
    if (enough && std::memcmp(head.data(), "\xFF\xD8\xFF", 3) == 0) { return Format::jpeg; }
    bool const tiff = std::memcmp(head.data(), "II", 2) == 0 || std::memcmp(head.data(), "MM", 2) == 0;
    if (enough && tiff) { return Format::tiff; }
    throw DamagedImage(
        fmt::format("'{}' is no PNG, JPEG or TIFF file (by its first bytes): convert or remove it", path));
}

/// Three equal channels -> one; false if they differ anywhere.
bool merge_equal_channels(Image& image) {
    std::size_t const element = size_of(image.type), pixels = static_cast<std::size_t>(image.h * image.w);
    auto const channels = static_cast<std::size_t>(image.c);
    unsigned char* const bytes = image.bytes.data();
    for (std::size_t i = 0; i < pixels; ++i) {
        unsigned char const* const pixel = bytes + i * channels * element;
        for (std::size_t c = 1; c < channels; ++c) {
            if (std::memcmp(pixel, pixel + c * element, element) != 0) { return false; }
        }
        std::memmove(bytes + i * element, pixel, element);
    }
    image.c = 1;
    image.bytes.resize(pixels * element);
    return true;
}

}  // namespace

int exif_orientation(unsigned char const* exif, std::size_t bytes) {
    constexpr std::size_t head = 8, entry_bytes = 12;
    constexpr unsigned tag = 0x0112;
    if (exif == nullptr || bytes < head + 2) { return 1; }
    bool const big = exif[0] == 'M';
    auto const number = [&](std::size_t at, std::size_t width) {
        std::size_t value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            value |= static_cast<std::size_t>(exif[at + i]) << 8 * (big ? width - 1 - i : i);
        }
        return value;
    };
    std::size_t const directory = number(4, 4);
    if (directory > bytes - 2) { return 1; }
    std::size_t const entries = number(directory, 2);
    for (std::size_t i = 0; i < entries; ++i) {
        std::size_t const entry = directory + 2 + i * entry_bytes;
        if (entry + entry_bytes > bytes) { return 1; }
        if (number(entry, 2) != tag) { continue; }
        std::size_t const value = number(entry + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

void apply_orientation(Image& image, int orientation) {
    if (orientation <= 1 || orientation > 8) { return; }
    // 2 to 4 mirror and turn upside down; 5 to 8 swap rows and columns first
    bool const swaps = orientation >= 5;
    bool const flips_h = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    bool const flips_w = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    std::size_t const pixel = static_cast<std::size_t>(image.c) * size_of(image.type);
    Index const h = swaps ? image.w : image.h, w = swaps ? image.h : image.w;
    std::vector<unsigned char> turned(image.bytes.size());
    unsigned char* out = turned.data();
    for (Index y = 0; y < h; ++y) {
        for (Index x = 0; x < w; ++x, out += pixel) {
            Index const row = flips_h ? h - 1 - y : y, column = flips_w ? w - 1 - x : x;
            Index const from = swaps ? column * image.w + row : row * image.w + column;
            std::memcpy(out, image.bytes.data() + static_cast<std::size_t>(from) * pixel, pixel);
        }
    }
    image.bytes = std::move(turned);
    image.h = h;
    image.w = w;
}

void require_room(std::string const& path, Extent bytes, Index densest) {
    std::error_code error;
    auto const present = static_cast<Index>(std::filesystem::file_size(path, error));
    if (error || can_hold(present, bytes, densest)) { return; }
    fail_decoding(path, fmt::format("its header promises more pixels than a file of {} bytes can hold", present));
}

void fail_decoding(std::string const& path, std::string const& reason) {
    throw DamagedImage(fmt::format("cannot decode '{}' ({}): copy the file again, or remove it", path, reason));
}

bool is_image_name(std::string const& path) {
    std::string extension = path.substr(std::min(path.size(), path.rfind('.')));
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".tif" ||
           extension == ".tiff";
}

std::int64_t count_pages(std::string const& path) {
    FilePointer const file = open_file(path);
    return format_of(path, file.get()) == Format::tiff ? count_tiff_pages(path) : 1;
}

void read_image(std::string const& path, std::int64_t page, Purpose purpose, Image& image) {
    FilePointer const file = open_file(path);
    switch (format_of(path, file.get())) {
        case Format::png: read_png(path, file.get(), purpose, image); break;
        case Format::jpeg: read_jpeg(path, file.get(), image); break;
        case Format::tiff: read_tiff(path, page, purpose, image); break;
    }
    require(purpose == Purpose::image || image.c == 1 || merge_equal_channels(image), ExitCode::data_error,
            "mask '{}' has {} different channels: save masks as grey or palette images", path, image.c);
}

}  // namespace aureole::convert
