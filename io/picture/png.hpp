#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor/dtype.hpp"

namespace aureole {

/// A picture of 8-bit pixels, rows from the top.
struct Picture {
    Index width = 0, height = 0;
    Index channels = 1;                ///< 1: grey, 3: red, green, blue
    std::vector<std::uint8_t> pixels;  ///< (height, width, channels)

    Picture(Index width, Index height, Index channels);
    [[nodiscard]] std::uint8_t* at(Index x, Index y) { return pixels.data() + (y * width + x) * channels; }
    [[nodiscard]] std::uint8_t const* at(Index x, Index y) const { return pixels.data() + (y * width + x) * channels; }
};

/// Pictures of one height beside each other, with a gap; grey ones become coloured if any is.
[[nodiscard]] Picture beside(std::vector<Picture> const& parts, Index gap);
/// Pictures of one width below each other.
[[nodiscard]] Picture below(std::vector<Picture> const& parts, Index gap);

/// Maps values to 0..255: `lo` to black, `hi` to white.
[[nodiscard]] std::uint8_t grey_level(double value, double lo, double hi);

/// Writes a PNG file; data_error if it cannot be written.
void write_png(std::string const& path, Picture const& picture);

}  // namespace aureole
