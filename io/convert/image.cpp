#include "io/convert/image.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "core/error.hpp"

namespace aureole::convert {

namespace {

enum class Format : std::uint8_t { png, jpeg, tiff };

FilePointer open_file(std::string const& path) {
    FilePointer file(std::fopen(path.c_str(), "rb"));
    require(file != nullptr, ExitCode::data_error, "cannot open '{}' ({}): correct the name", path,
            std::strerror(errno));
    return file;
}

Format format_of(std::string const& path, std::FILE* file) {
    std::array<unsigned char, 4> head{};
    bool const enough = std::fread(head.data(), 1, head.size(), file) == head.size();
    std::rewind(file);
    if (enough && std::memcmp(head.data(), "\x89PNG", 4) == 0) { return Format::png; }
    if (enough && std::memcmp(head.data(), "\xFF\xD8\xFF", 3) == 0) { return Format::jpeg; }
    bool const tiff = std::memcmp(head.data(), "II", 2) == 0 || std::memcmp(head.data(), "MM", 2) == 0;
    if (enough && tiff) { return Format::tiff; }
    fail(ExitCode::data_error, "'{}' is no PNG, JPEG or TIFF file (by its first bytes): convert or remove it", path);
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

void fail_decoding(std::string const& path, std::string const& reason) {
    fail(ExitCode::data_error, "cannot decode '{}' ({}): copy the file again, or remove it", path, reason);
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
