#include "io/picture/png.hpp"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.hpp"
#include "io/file/new_file.hpp"

namespace aureole {

namespace {

constexpr std::uint8_t background = 255;

void paste(Picture const& from, Picture& into, Index left, Index top) {
    for (Index y = 0; y < from.height; ++y) {
        for (Index x = 0; x < from.width; ++x) {
            for (Index c = 0; c < into.channels; ++c) {
                into.at(left + x, top + y)[c] = from.at(x, y)[std::min(c, from.channels - 1)];
            }
        }
    }
}

Index most_channels(std::vector<Picture> const& parts) {
    Index most = 1;
    for (Picture const& part : parts) { most = std::max(most, part.channels); }
    return most;
}

}  // namespace

Picture::Picture(Index width, Index height, Index channels)
    : width(width),
      height(height),
      channels(channels),
      pixels(static_cast<std::size_t>(width * height * channels), background) {}

Picture beside(std::vector<Picture> const& parts, Index gap) {
    Index width = -gap, height = 0;
    for (Picture const& part : parts) {
        width += part.width + gap;
        height = std::max(height, part.height);
    }
    Picture result(std::max<Index>(width, 0), height, most_channels(parts));
    Index left = 0;
    for (Picture const& part : parts) {
        paste(part, result, left, 0);
        left += part.width + gap;
    }
    return result;
}

Picture below(std::vector<Picture> const& parts, Index gap) {
    Index width = 0, height = -gap;
    for (Picture const& part : parts) {
        width = std::max(width, part.width);
        height += part.height + gap;
    }
    Picture result(width, std::max<Index>(height, 0), most_channels(parts));
    Index top = 0;
    for (Picture const& part : parts) {
        paste(part, result, 0, top);
        top += part.height + gap;
    }
    return result;
}

std::uint8_t grey_level(double value, double lo, double hi) {
    double const share = hi > lo ? (value - lo) / (hi - lo) : 0.5;
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp(share, 0.0, 1.0)));
}

void write_png(std::string const& path, Picture const& picture) {
    png_image image;
    std::memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(picture.width);
    image.height = static_cast<png_uint_32>(picture.height);
    image.format = picture.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    NewFile file(path);
    // looks at every write and at the close
    int const written = png_image_write_to_file(&image, file.temporary().c_str(), 0, picture.pixels.data(), 0, nullptr);
    require(written != 0, ExitCode::data_error, "cannot write the picture '{}' ({}): check folder and space", path,
            static_cast<char const*>(image.message));
    file.commit();
}

}  // namespace aureole
