#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstring>
#include <filesystem>

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
    /// In memory.
    [[nodiscard]] std::size_t pixel_bytes() const {
        return is_packed() ? 1 : static_cast<std::size_t>(channels) * bits / 8;
    }
    /// Several pixels in a byte.
    [[nodiscard]] bool is_packed() const { return bits < 8; }
    /// Of a row in the file, of this many pixels.
    [[nodiscard]] Extent row_bytes(std::uint32_t pixels) const {
        return is_packed() ? Extent((pixels * Index{bits} + 7) / 8)
                           : Extent(pixels) * static_cast<Index>(pixel_bytes());
    }
    [[nodiscard]] Extent row_bytes() const { return row_bytes(w); }
};

/// Times that any method of the library but its faxes packs at most.
constexpr Index densest = Index{1} << 16;

struct SampleKind {
    int format, bits;
    hdf5::Type type;
};

constexpr std::array<SampleKind, 14> sample_kinds{{{SAMPLEFORMAT_UINT, 1, hdf5::Type::u8},
                                                   {SAMPLEFORMAT_UINT, 2, hdf5::Type::u8},
                                                   {SAMPLEFORMAT_UINT, 4, hdf5::Type::u8},
                                                   {SAMPLEFORMAT_UINT, 8, hdf5::Type::u8},
                                                   {SAMPLEFORMAT_UINT, 16, hdf5::Type::u16},
                                                   {SAMPLEFORMAT_UINT, 32, hdf5::Type::u32},
                                                   {SAMPLEFORMAT_UINT, 64, hdf5::Type::u64},
                                                   {SAMPLEFORMAT_INT, 8, hdf5::Type::i8},
                                                   {SAMPLEFORMAT_INT, 16, hdf5::Type::i16},
                                                   {SAMPLEFORMAT_INT, 32, hdf5::Type::i32},
                                                   {SAMPLEFORMAT_INT, 64, hdf5::Type::i64},
                                                   {SAMPLEFORMAT_IEEEFP, 16, hdf5::Type::f16},
                                                   {SAMPLEFORMAT_IEEEFP, 32, hdf5::Type::f32},
                                                   {SAMPLEFORMAT_IEEEFP, 64, hdf5::Type::f64}}};

hdf5::Type type_of_layout(std::string const& path, Layout const& layout) {
    int const format = layout.format == SAMPLEFORMAT_VOID ? SAMPLEFORMAT_UINT : layout.format;
    for (SampleKind const& kind : sample_kinds) {
        bool const fits = kind.format == format && kind.bits == layout.bits;
        if (fits && (!layout.is_packed() || layout.channels == 1)) { return kind.type; }
    }
    fail_decoding(path, fmt::format("{} channels of {} bits of sample format {}; integers of 8, 16, 32 and 64 bits, "
                                    "floats of 16, 32 and 64, and single channels of 1, 2 and 4 bits are read",
                                    layout.channels, layout.bits, layout.format));
}

/// Whether strips or tiles lie within the file, and can hold the rows.
void require_rows(std::string const& path, TIFF* tiff, Layout const& layout) {
    std::error_code error;
    auto const present = std::filesystem::file_size(path, error);
    std::uint64_t *begins = nullptr, *sizes = nullptr;
    TIFFGetField(tiff, TIFFIsTiled(tiff) != 0 ? TIFFTAG_TILEOFFSETS : TIFFTAG_STRIPOFFSETS, &begins);
    TIFFGetField(tiff, TIFFIsTiled(tiff) != 0 ? TIFFTAG_TILEBYTECOUNTS : TIFFTAG_STRIPBYTECOUNTS, &sizes);
    std::uint32_t const parts = TIFFIsTiled(tiff) != 0 ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
    for (std::uint32_t i = 0; begins != nullptr && sizes != nullptr && !error && i < parts; ++i) {
        if (begins[i] > present || sizes[i] > present - begins[i]) {
            fail_decoding(path, "its pixels are to lie beyond the end of the file");
        }
    }
    std::uint16_t compression = COMPRESSION_NONE;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    constexpr Index fax_width = 1 << 17, rows_of_byte = 8;  // a fax takes a bit for a white row
    bool const is_fax = compression >= COMPRESSION_CCITTRLE && compression <= COMPRESSION_CCITTFAX4;
    if (is_fax && layout.w > fax_width) { fail_decoding(path, "a fax of more than 2^17 columns"); }
    require_room(path, is_fax ? Extent(layout.h) : layout.row_bytes() * layout.h,
                 is_fax                            ? rows_of_byte
                 : compression == COMPRESSION_NONE ? 1
                                                   : densest);
}

/// Numbers of few bits, most significant first, as bytes.
void unpack_row(unsigned char const* packed, unsigned bits, std::uint32_t count, unsigned char* out) {
    unsigned const mask = (1U << bits) - 1;
    for (std::uint32_t i = 0; i < count; ++i) {
        std::size_t const bit = static_cast<std::size_t>(i) * bits;
        out[i] = static_cast<unsigned char>(packed[bit / 8] >> (8 - bits - bit % 8) & mask);
    }
}

/// All rows, whole pixels of layout.channels samples, one after the other.
void read_strips(std::string const& path, TIFF* tiff, Layout const& layout, unsigned char* out) {
    auto const row_bytes = static_cast<std::size_t>(layout.row_bytes().value("a row's bytes"));
    if (static_cast<std::size_t>(TIFFScanlineSize64(tiff)) != row_bytes) { fail_decoding(path, "unusual rows"); }
    std::vector<unsigned char> packed(layout.is_packed() ? row_bytes : 0);
    for (std::size_t h = 0; h < layout.h; ++h) {
        unsigned char* const row = layout.is_packed() ? packed.data() : out + h * row_bytes;
        if (TIFFReadScanline(tiff, row, static_cast<std::uint32_t>(h)) < 0) { fail_decoding(path, last_error); }
        if (layout.is_packed()) { unpack_row(row, layout.bits, layout.w, out + h * layout.w); }
    }
}

void read_tiles(std::string const& path, TIFF* tiff, Layout const& layout, unsigned char* out) {
    std::uint32_t tile_h = 0, tile_w = 0;
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_h);
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_w);
    std::size_t const pixel = layout.pixel_bytes();
    constexpr Index most = Index{1} << 30;  // bytes; tiles are a few hundred pixels wide
    Extent const bytes = layout.row_bytes(tile_w) * static_cast<Index>(tile_h);
    bool const usual = bytes.is_at_most(most) && bytes.known() == static_cast<Index>(TIFFTileSize64(tiff));
    if (!usual || bytes.known() == 0) { fail_decoding(path, "unusual tiles"); }
    require_room(path, bytes, densest);
    std::vector<unsigned char> tile(static_cast<std::size_t>(*bytes.known()));
    for (std::uint64_t y = 0; y < layout.h; y += tile_h) {
        for (std::uint64_t x = 0; x < layout.w; x += tile_w) {
            auto const column = static_cast<std::uint32_t>(x), line = static_cast<std::uint32_t>(y);
            if (TIFFReadTile(tiff, tile.data(), column, line, 0, 0) < 0) { fail_decoding(path, last_error); }
            std::uint32_t const rows = std::min(tile_h, layout.h - line), columns = std::min(tile_w, layout.w - column);
            for (std::uint32_t row = 0; row < rows; ++row) {
                unsigned char* const to = out + ((y + row) * static_cast<std::size_t>(layout.w) + x) * pixel;
                unsigned char const* const from = tile.data() + row * (tile.size() / tile_h);
                if (layout.is_packed()) {
                    unpack_row(from, layout.bits, columns, to);
                } else {
                    std::memcpy(to, from, columns * pixel);
                }
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

/// Greys of which 0 is white, the other way round. Signed numbers and floats stay as they are.
void invert(Image& image, unsigned bits) {
    bool const is_unsigned = image.type == hdf5::Type::u8 || image.type == hdf5::Type::u16 ||
                             image.type == hdf5::Type::u32 || image.type == hdf5::Type::u64;
    if (!is_unsigned) { return; }
    unsigned const largest = bits < 8 ? (1U << bits) - 1 : 0xFFU;
    for (unsigned char& byte : image.bytes) { byte = static_cast<unsigned char>(byte ^ largest); }
}

/// Greys of few bits -> full range.
void spread(Image& image, unsigned bits) {
    unsigned const factor = 0xFFU / ((1U << bits) - 1);
    for (unsigned char& byte : image.bytes) { byte = static_cast<unsigned char>(byte * factor); }
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
    require_rows(path, tiff.get(), layout);
    image.bytes.resize(static_cast<std::size_t>(image.h) * image.row_bytes());
    bool const tiled = TIFFIsTiled(tiff.get()) != 0;
    (tiled ? read_tiles : read_strips)(path, tiff.get(), layout, image.bytes.data());
    if (layout.alpha && image.c > 1) { drop_last_channel(image); }
    if (layout.photometric == PHOTOMETRIC_PALETTE && purpose == Purpose::image) {
        apply_palette(path, tiff.get(), image);
    }
    if (layout.photometric == PHOTOMETRIC_MINISWHITE) { invert(image, layout.bits); }
    bool const is_grey = layout.photometric != PHOTOMETRIC_PALETTE;
    if (layout.is_packed() && is_grey && purpose == Purpose::image) { spread(image, layout.bits); }
    std::uint16_t orientation = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
    apply_orientation(image, orientation);
}

}  // namespace aureole::convert
