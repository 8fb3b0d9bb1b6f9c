#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>

#include "core/error.hpp"
#include "io/convert/image.hpp"

namespace aureole::convert {

namespace {

thread_local std::string last_error;

void keep_error(char const* /*module*/, char const* format, va_list arguments) {
    char text[512];
    std::vsnprintf(text, sizeof(text), format, arguments);
    last_error = text;
}

struct CloseTiff {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using TiffPointer = std::unique_ptr<TIFF, CloseTiff>;

TiffPointer open_tiff(std::string const& path) {
    TIFFSetErrorHandler(keep_error);
    TIFFSetWarningHandler(nullptr);
    last_error = "damaged file";
    TiffPointer tiff(TIFFOpen(path.c_str(), "r"));
    if (!tiff) { fail_decoding(path, last_error); }
    return tiff;
}

/// How the samples of a page lie in the file.
struct Layout {
    std::uint32_t h = 0, w = 0;
    std::uint16_t bits = 1, channels = 1, format = SAMPLEFORMAT_UINT, planes = PLANARCONFIG_CONTIG, photometric = 0;
    bool alpha = false;

    explicit Layout(TIFF* tiff) {
        TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &h);
        TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &w);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &channels);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
        TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
        TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
        std::uint16_t extra = 0, *kinds = nullptr;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
        alpha = extra == 1 && kinds != nullptr && kinds[0] != EXTRASAMPLE_UNSPECIFIED;
    }
    [[nodiscard]] std::size_t pixel_bytes() const { return static_cast<std::size_t>(channels) * bits / 8; }
};

hdf5::Type type_of_layout(std::string const& path, Layout const& layout) {
    bool const whole = layout.format == SAMPLEFORMAT_UINT || layout.format == SAMPLEFORMAT_VOID;
    if (whole && layout.bits == 8) { return hdf5::Type::u8; }
    if (whole && layout.bits == 16) { return hdf5::Type::u16; }
    if (layout.format == SAMPLEFORMAT_IEEEFP && layout.bits == 32) { return hdf5::Type::f32; }
    fail_decoding(path, fmt::format("{} bits per sample of format {}; 8, 16 and 32-bit float are read", layout.bits,
                                    layout.format));
}

/// All rows, whole pixels of layout.channels samples, one after the other.
void read_strips(std::string const& path, TIFF* tiff, Layout const& layout, unsigned char* out) {
    std::size_t const row_bytes = layout.w * layout.pixel_bytes();
    if (static_cast<std::size_t>(TIFFScanlineSize64(tiff)) != row_bytes) { fail_decoding(path, "unusual rows"); }
    for (std::uint32_t h = 0; h < layout.h; ++h) {
        if (TIFFReadScanline(tiff, out + h * row_bytes, h) < 0) { fail_decoding(path, last_error); }
    }
}

void read_tiles(std::string const& path, TIFF* tiff, Layout const& layout, unsigned char* out) {
    std::uint32_t tile_h = 0, tile_w = 0;
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_h);
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_w);
    std::size_t const pixel = layout.pixel_bytes();
    std::vector<unsigned char> tile(static_cast<std::size_t>(TIFFTileSize64(tiff)));
    if (tile.size() != tile_h * tile_w * pixel || tile.empty()) { fail_decoding(path, "unusual tiles"); }
    for (std::uint32_t y = 0; y < layout.h; y += tile_h) {
        for (std::uint32_t x = 0; x < layout.w; x += tile_w) {
            if (TIFFReadTile(tiff, tile.data(), x, y, 0, 0) < 0) { fail_decoding(path, last_error); }
            std::uint32_t const rows = std::min(tile_h, layout.h - y), columns = std::min(tile_w, layout.w - x);
            for (std::uint32_t row = 0; row < rows; ++row) {
                std::memcpy(out + ((y + row) * static_cast<std::size_t>(layout.w) + x) * pixel,
                            tile.data() + static_cast<std::size_t>(row) * tile_w * pixel, columns * pixel);
            }
        }
    }
}

void drop_last_channel(Image& image) {
    std::size_t const element = size_of(image.type), from = static_cast<std::size_t>(image.c) * element,
                      to = from - element;
    auto const pixels = static_cast<std::size_t>(image.h * image.w);
    for (std::size_t i = 0; i < pixels; ++i) {
        std::memmove(image.bytes.data() + i * to, image.bytes.data() + i * from, to);
    }
    --image.c;
    image.bytes.resize(pixels * to);
}

/// Palette numbers -> 8-bit colours. Palettes hold 16 bits per colour.
void apply_palette(std::string const& path, TIFF* tiff, Image& image) {
    std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    if (image.type != hdf5::Type::u8 || TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue) == 0) {
        fail_decoding(path, "no palette of 8 bits");
    }
    std::vector<unsigned char> colours;
    colours.reserve(3 * image.bytes.size());
    for (unsigned char const number : image.bytes) {
        for (std::uint16_t const* const part : {red, green, blue}) {
            colours.push_back(static_cast<unsigned char>(part[number] >> 8U));
        }
    }
    image.bytes = std::move(colours);
    image.c = 3;
}

void invert(Image& image) {
    if (image.type == hdf5::Type::f32) { return; }
    for (unsigned char& byte : image.bytes) { byte = static_cast<unsigned char>(~byte); }
}

}  // namespace

std::int64_t count_tiff_pages(std::string const& path) {
    TiffPointer const tiff = open_tiff(path);
    std::int64_t directories = 0, pages = 0;
    do {
        std::uint32_t kind = 0;
        TIFFGetField(tiff.get(), TIFFTAG_SUBFILETYPE, &kind);
        ++directories;
        if ((kind & FILETYPE_REDUCEDIMAGE) == 0) { pages = directories; }  // smaller copies at the end are no pages
    } while (TIFFReadDirectory(tiff.get()) != 0);
    return std::max<std::int64_t>(1, pages);
}

void read_tiff(std::string const& path, std::int64_t page, Purpose purpose, Image& image) {
    TiffPointer const tiff = open_tiff(path);
    // the argument's width differs between versions of the library
    using Page = decltype(TIFFCurrentDirectory(tiff.get()));
    if (TIFFSetDirectory(tiff.get(), static_cast<Page>(page)) == 0) { fail_decoding(path, last_error); }
    Layout const layout(tiff.get());
    image.type = type_of_layout(path, layout);
    image.h = layout.h;
    image.w = layout.w;
    image.c = layout.channels;
    if (image.h == 0 || image.w == 0 || image.c == 0) { fail_decoding(path, "no pixels"); }
    if (layout.planes != PLANARCONFIG_CONTIG && layout.channels > 1) {
        fail_decoding(path, "channels in separate planes; save it with interleaved channels");
    }
    if (layout.photometric == PHOTOMETRIC_YCBCR) { TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB); }
    image.bytes.resize(static_cast<std::size_t>(image.h) * image.row_bytes());
    bool const tiled = TIFFIsTiled(tiff.get()) != 0;
    (tiled ? read_tiles : read_strips)(path, tiff.get(), layout, image.bytes.data());
    if (layout.alpha && image.c > 1) { drop_last_channel(image); }
    if (layout.photometric == PHOTOMETRIC_PALETTE && purpose == Purpose::image) {
        apply_palette(path, tiff.get(), image);
    }
    if (layout.photometric == PHOTOMETRIC_MINISWHITE) { invert(image); }
    std::uint16_t orientation = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
    apply_orientation(image, orientation);
}

}  // namespace aureole::convert
