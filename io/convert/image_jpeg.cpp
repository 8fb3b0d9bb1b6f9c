#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

#include <jerror.h>

#include "io/convert/image.hpp"

// libjpeg leaves by longjmp on errors; see image_png.cpp.
namespace aureole::convert {

namespace {

struct Reader {
    jpeg_decompress_struct jpeg{};
    jpeg_error_mgr errors{};
    std::jmp_buf jump{};
    char message[JMSG_LENGTH_MAX] = "damaged file";

    Reader() {
        jpeg.err = jpeg_std_error(&errors);
        jpeg.client_data = this;
        errors.error_exit = on_error;
        errors.emit_message = on_message;
        jpeg_create_decompress(&jpeg);
    }
    Reader(Reader const&) = delete;
    Reader& operator=(Reader const&) = delete;
    ~Reader() { jpeg_destroy_decompress(&jpeg); }

    static void on_error(j_common_ptr jpeg) {
        auto* const reader = static_cast<Reader*>(jpeg->client_data);
        jpeg->err->format_message(jpeg, reader->message);
        std::longjmp(reader->jump, 1);
    }
    /// Level -1 is a warning of damaged data, which the library would fill up with grey: that is an error to us. Bytes
    /// between the last row and the end of the picture are none: some cameras write them, and all viewers skip them.
    static void on_message(j_common_ptr jpeg, int level) {
        bool const stray = jpeg->err->msg_code == JWRN_EXTRANEOUS_DATA && jpeg->err->msg_parm.i[1] == JPEG_EOI;
        if (level < 0 && !stray) { on_error(jpeg); }
    }
};

bool read_header(Reader& reader, std::FILE* file) {
    if (setjmp(reader.jump) != 0) { return false; }
    jpeg_stdio_src(&reader.jpeg, file);
    jpeg_save_markers(&reader.jpeg, JPEG_APP0 + 1, 0xFFFF);  // Exif data
    jpeg_read_header(&reader.jpeg, TRUE);
    return true;
}

/// May take memory for the whole picture.
bool start(Reader& reader, Image& image) {
    if (setjmp(reader.jump) != 0) { return false; }
    reader.jpeg.out_color_space = reader.jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&reader.jpeg);
    image.h = reader.jpeg.output_height;
    image.w = reader.jpeg.output_width;
    image.c = reader.jpeg.output_components;
    image.type = hdf5::Type::u8;
    return true;
}

bool read_rows(Reader& reader, unsigned char* bytes, std::size_t row_bytes) {
    if (setjmp(reader.jump) != 0) { return false; }
    while (reader.jpeg.output_scanline < reader.jpeg.output_height) {
        JSAMPROW row = bytes + reader.jpeg.output_scanline * row_bytes;
        jpeg_read_scanlines(&reader.jpeg, &row, 1);
    }
    jpeg_finish_decompress(&reader.jpeg);
    return true;
}

int orientation_of(jpeg_decompress_struct const& jpeg) {
    constexpr std::size_t head = 6;
    for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
        bool const is_exif = marker->marker == JPEG_APP0 + 1 && marker->data_length > head &&
                             std::memcmp(marker->data, "Exif\0", head) == 0;
        if (is_exif) { return exif_orientation(marker->data + head, marker->data_length - head); }
    }
    return 1;
}

}  // namespace

void read_jpeg(std::string const& path, std::FILE* file, Image& image) {
    constexpr Index densest = 4096;  // a block of 8 x 8 pixels of three channels takes a bit at least
    Reader reader;
    if (!read_header(reader, file)) { fail_decoding(path, reader.message); }
    require_room(path, Extent(reader.jpeg.image_height) * reader.jpeg.image_width * reader.jpeg.num_components,
                 densest);
    if (!start(reader, image)) { fail_decoding(path, reader.message); }
    int const orientation = orientation_of(reader.jpeg);
    image.bytes.resize(static_cast<std::size_t>(image.h) * image.row_bytes());
    if (!read_rows(reader, image.bytes.data(), image.row_bytes())) { fail_decoding(path, reader.message); }
    apply_orientation(image, orientation);
}

}  // namespace aureole::convert
