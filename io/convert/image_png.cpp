#include <png.h>

#include <bit>
#include <csetjmp>

#include "io/convert/image.hpp"
#include "io/convert/room.hpp"

// libpng leaves by longjmp on errors. The two functions that it may jump out of hold nothing that would have to be
// destroyed: all memory belongs to their caller.
namespace aureole::convert {

namespace {

struct Reader {
    png_structp png = nullptr;
    png_infop info = nullptr;
    char message[256] = "damaged file";

    Reader() {
        png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
        info = png_create_info_struct(png);
    }
    Reader(Reader const&) = delete;
    Reader& operator=(Reader const&) = delete;
    ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }

    static void on_error(png_structp png, png_const_charp text) {
        auto* const reader = static_cast<Reader*>(png_get_error_ptr(png));
        std::snprintf(reader->message, sizeof(reader->message), "%s", text);
        png_longjmp(png, 1);
    }
    static void on_warning(png_structp /*png*/, png_const_charp /*text*/) {}
};

void set_transforms(Reader const& reader, Purpose purpose) {
    int const colour = png_get_color_type(reader.png, reader.info), depth = png_get_bit_depth(reader.png, reader.info);
    if (purpose == Purpose::labels) {
        png_set_packing(reader.png);  // few bits become one byte, the number kept
    } else {
        if (colour == PNG_COLOR_TYPE_PALETTE) { png_set_palette_to_rgb(reader.png); }
        if (depth < 8) { png_set_expand_gray_1_2_4_to_8(reader.png); }
    }
    png_set_strip_alpha(reader.png);
    if (depth == 16 && std::endian::native == std::endian::little) { png_set_swap(reader.png); }
}

/// `stored`: bytes of a row as the file has it.
bool read_header(Reader& reader, std::FILE* file, Purpose purpose, Image& image, Index& stored) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) { return false; }
    png_init_io(reader.png, file);
    png_read_info(reader.png, reader.info);
    stored = static_cast<Index>(png_get_rowbytes(reader.png, reader.info));
    set_transforms(reader, purpose);
    png_set_interlace_handling(reader.png);
    png_read_update_info(reader.png, reader.info);
    image.h = png_get_image_height(reader.png, reader.info);
    image.w = png_get_image_width(reader.png, reader.info);
    image.c = png_get_channels(reader.png, reader.info);
    image.type = png_get_bit_depth(reader.png, reader.info) == 16 ? hdf5::Type::u16 : hdf5::Type::u8;
    return true;
}

bool read_rows(Reader& reader, png_bytepp rows) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) { return false; }
    png_read_image(reader.png, rows);
    png_read_end(reader.png, nullptr);
    return true;
}

}  // namespace

void read_png(std::string const& path, std::FILE* file, Purpose purpose, Image& image) {
    Reader reader;
    Index stored = 0;
    if (!read_header(reader, file, purpose, image, stored)) { fail_decoding(path, reader.message); }
    require_room(path, Extent(image.h) * stored, deflate_ratio);
    image.bytes.resize(static_cast<std::size_t>(image.h) * image.row_bytes());
    std::vector<png_bytep> rows;
    for (Index h = 0; h < image.h; ++h) {
        rows.push_back(image.bytes.data() + static_cast<std::size_t>(h) * image.row_bytes());
    }
    if (!read_rows(reader, rows.data())) { fail_decoding(path, reader.message); }
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 exif_bytes = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(reader.png, reader.info, &exif_bytes, &exif) != 0) {
        apply_orientation(image, exif_orientation(exif, exif_bytes));
    }
#endif
}

}  // namespace aureole::convert
