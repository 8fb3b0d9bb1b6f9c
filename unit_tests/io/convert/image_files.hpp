#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace aureole::testing {

/// A picture of one of the kinds that the converters read: values of 8 or 16 bits, channels 1 to 4 (the fourth is
/// alpha; of two, the second).
struct Picture {
    std::uint32_t h = 1, w = 1, channels = 1;
    int bits = 8;
    std::vector<std::uint16_t> values;
};

/// Values i * step + first for element i, within the bits.
Picture make_picture(std::uint32_t h, std::uint32_t w, std::uint32_t channels, int bits, unsigned step,
                     unsigned first = 0);

void write_png(std::string const& path, Picture const& picture);
/// Indices 0 .. 2 of a palette red, green, blue.
void write_palette_png(std::string const& path, Picture const& picture);
void write_jpeg(std::string const& path, Picture const& picture, int quality);

enum class TiffKind : std::uint8_t { strips, tiles, float_strips };
void write_tiff(std::string const& path, std::vector<Picture> const& pages, TiffKind kind);
/// Of one bit, in strips or tiles; `white`: 0 is white.
void write_bit_tiff(std::string const& path, Picture const& picture, TiffKind kind, bool white);
/// Of two bytes or eight an element, as they are.
void write_raw_tiff(std::string const& path, Picture const& shape, int bits, int format, void const* values);

}  // namespace aureole::testing
