#include "unit_tests/io/convert/image_files.hpp"

#include <png.h>
#include <tiffio.h>

#include <cstdio>

#include <jpeglib.h>

#include "core/error.hpp"

namespace aureole::testing {

namespace {

/// Elements as bytes in native order.
std::vector<unsigned char> native_bytes(Picture const& picture) {
    std::vector<unsigned char> bytes;
    for (std::uint16_t const value : picture.values) {
        if (picture.bits <= 8) {
            bytes.push_back(static_cast<unsigned char>(value));
        } else {
            bytes.push_back(static_cast<unsigned char>(value & 255U));
            bytes.push_back(static_cast<unsigned char>(value >> 8U));
        }
    }
    return bytes;
}

void write_png_of(std::string const& path, Picture const& picture, int colour) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    require(file != nullptr, "cannot write {}", path);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, picture.w, picture.h, picture.bits, colour, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color const palette[3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
    if (colour == PNG_COLOR_TYPE_PALETTE) { png_set_PLTE(png, info, palette, 3); }
    png_write_info(png, info);
    if (picture.bits == 16) { png_set_swap(png); }
    if (picture.bits < 8) { png_set_packing(png); }
    std::vector<unsigned char> bytes = native_bytes(picture);
    std::size_t const row = bytes.size() / picture.h;
    for (std::uint32_t h = 0; h < picture.h; ++h) { png_write_row(png, bytes.data() + h * row); }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    std::fclose(file);
}

}  // namespace

Picture make_picture(std::uint32_t h, std::uint32_t w, std::uint32_t channels, int bits, unsigned step,
                     unsigned first) {
    Picture picture{h, w, channels, bits, {}};
    for (unsigned i = 0; i < h * w * channels; ++i) {
        picture.values.push_back(static_cast<std::uint16_t>((first + i * step) % (1U << static_cast<unsigned>(bits))));
    }
    return picture;
}

void write_png(std::string const& path, Picture const& picture) {
    int const colours[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                           PNG_COLOR_TYPE_RGB_ALPHA};
    write_png_of(path, picture, colours[picture.channels - 1]);
}

void write_palette_png(std::string const& path, Picture const& picture) {
    write_png_of(path, picture, PNG_COLOR_TYPE_PALETTE);
}

void write_jpeg(std::string const& path, Picture const& picture, int quality) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    require(file != nullptr, "cannot write {}", path);
    jpeg_compress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_height = picture.h;
    jpeg.image_width = picture.w;
    jpeg.input_components = static_cast<int>(picture.channels);
    jpeg.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    std::vector<unsigned char> bytes = native_bytes(picture);
    for (std::uint32_t h = 0; h < picture.h; ++h) {
        JSAMPROW row = bytes.data() + h * (bytes.size() / picture.h);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    std::fclose(file);
}

void write_tiff(std::string const& path, std::vector<Picture> const& pages, TiffKind kind) {
    TIFF* const tiff = TIFFOpen(path.c_str(), "w");
    require(tiff != nullptr, "cannot write {}", path);
    for (Picture const& page : pages) {
        bool const is_float = kind == TiffKind::float_strips;
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, page.h);
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, page.w);
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, is_float ? 32 : page.bits);
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, page.channels);
        TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, is_float ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
        TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, page.channels >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
        std::uint16_t const alpha = EXTRASAMPLE_UNASSALPHA;
        if (page.channels == 2 || page.channels == 4) { TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &alpha); }
        std::vector<unsigned char> bytes = native_bytes(page);
        if (is_float) {
            std::vector<float> const floats(page.values.begin(), page.values.end());
            auto const* const begin = reinterpret_cast<unsigned char const*>(floats.data());
            bytes.assign(begin, begin + 4 * floats.size());
        }
        std::size_t const row = bytes.size() / page.h, pixel = row / page.w;
        if (kind == TiffKind::tiles) {
            constexpr std::uint32_t side = 16;
            TIFFSetField(tiff, TIFFTAG_TILELENGTH, side);
            TIFFSetField(tiff, TIFFTAG_TILEWIDTH, side);
            for (std::uint32_t y = 0; y < page.h; y += side) {
                for (std::uint32_t x = 0; x < page.w; x += side) {
                    std::vector<unsigned char> tile(side * side * pixel);
                    for (std::uint32_t i = 0; i < side && y + i < page.h; ++i) {
                        for (std::size_t j = 0; j < side * pixel && x * pixel + j < row; ++j) {
                            tile[i * side * pixel + j] = bytes[(y + i) * row + x * pixel + j];
                        }
                    }
                    TIFFWriteTile(tiff, tile.data(), x, y, 0, 0);
                }
            }
        } else {
            TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 4);
            for (std::uint32_t h = 0; h < page.h; ++h) { TIFFWriteScanline(tiff, bytes.data() + h * row, h, 0); }
        }
        TIFFWriteDirectory(tiff);
    }
    TIFFClose(tiff);
}

void write_bit_tiff(std::string const& path, Picture const& picture, TiffKind kind, bool white) {
    TIFF* const tiff = TIFFOpen(path.c_str(), "w");
    require(tiff != nullptr, "cannot write {}", path);
    constexpr std::uint32_t side = 16;
    bool const tiled = kind == TiffKind::tiles;
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, picture.h);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, picture.w);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, white ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_MINISBLACK);
    if (tiled) {
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, side);
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, side);
    } else {
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, picture.h);
    }
    std::uint32_t const columns = tiled ? side : picture.w, rows = tiled ? side : 1;
    for (std::uint32_t y = 0; y < picture.h; y += rows) {
        for (std::uint32_t x = 0; x < picture.w; x += columns) {
            std::vector<unsigned char> bits(rows * ((columns + 7) / 8));
            for (std::uint32_t i = 0; i < rows && y + i < picture.h; ++i) {
                for (std::uint32_t j = 0; j < columns && x + j < picture.w; ++j) {
                    unsigned const bit = picture.values[(y + i) * picture.w + x + j] & 1U;
                    bits[i * ((columns + 7) / 8) + j / 8] |= static_cast<unsigned char>(bit << (7 - j % 8));
                }
            }
            tiled ? TIFFWriteTile(tiff, bits.data(), x, y, 0, 0) : TIFFWriteScanline(tiff, bits.data(), y, 0);
        }
    }
    TIFFClose(tiff);
}

void write_raw_tiff(std::string const& path, Picture const& shape, int bits, int format, void const* values) {
    TIFF* const tiff = TIFFOpen(path.c_str(), "w");
    require(tiff != nullptr, "cannot write {}", path);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, shape.h);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, shape.w);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, shape.channels);
    TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, format);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, shape.h);
    std::size_t const row = static_cast<std::size_t>(shape.w) * shape.channels * static_cast<std::size_t>(bits) / 8;
    std::vector<unsigned char> bytes(static_cast<unsigned char const*>(values),
                                     static_cast<unsigned char const*>(values) + row * shape.h);
    for (std::uint32_t h = 0; h < shape.h; ++h) { TIFFWriteScanline(tiff, bytes.data() + h * row, h, 0); }
    TIFFClose(tiff);
}

}  // namespace aureole::testing
