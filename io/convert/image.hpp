#pragma once
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/tensor/shape.hpp"
#include "io/hdf5/type.hpp"

namespace aureole::convert {

/// What a picture is read for: labels keep the numbers of a palette and of few-bit greys, images become colours and
/// full-range greys.
enum class Purpose : std::uint8_t { image, labels };

/// A file of pictures that cannot be opened or decoded.
class DamagedImage : public Error {
  public:
    explicit DamagedImage(std::string const& message) : Error(ExitCode::data_error, message) {}
};

/// A decoded picture (h, w, c), c = 1 grey or 3 colours (or as many channels as a TIFF file has); an alpha channel is
/// dropped. It lies as its orientation says (of Exif data or a TIFF tag), whatever the order in which it is stored.
struct Image {
    Index h = 0, w = 0, c = 0;
    hdf5::Type type = hdf5::Type::u8;  ///< u8, u16 or, of a TIFF file, any integer or float
    std::vector<unsigned char> bytes;

    [[nodiscard]] std::size_t row_bytes() const { return static_cast<std::size_t>(w * c) * size_of(type); }
};

/// True for names that end like those of PNG, JPEG and TIFF files.
[[nodiscard]] bool is_image_name(std::string const& path);

/// Pages of a TIFF file; 1 for the other formats. The format is told by the first bytes.
[[nodiscard]] std::int64_t count_pages(std::string const& path);

/// Decodes one page into `image`, whose memory is used again. Labels have one channel (colours that are greys count as
/// such). A file that cannot be decoded is a DamagedImage with its name and the decoder's reason.
void read_image(std::string const& path, std::int64_t page, Purpose purpose, Image& image);

/// The orientation 1 to 8 that Exif data (from the TIFF header on) declare; 1 (as stored) if they declare none.
[[nodiscard]] int exif_orientation(unsigned char const* exif, std::size_t bytes);
/// Turns and mirrors a stored picture as its orientation says, so that it lies as viewers show it.
void apply_orientation(Image& image, int orientation);

// Decoders of one format each; `path` is for messages.
struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePointer = std::unique_ptr<std::FILE, CloseFile>;
void read_png(std::string const& path, std::FILE* file, Purpose purpose, Image& image);
void read_jpeg(std::string const& path, std::FILE* file, Image& image);
void read_tiff(std::string const& path, std::int64_t page, Purpose purpose, Image& image);
[[nodiscard]] std::int64_t count_tiff_pages(std::string const& path);

/// Fails unless a file of the size that this one has can hold `bytes` bytes of pixels, each of its own standing for at
/// most `densest` of them: a damaged header shall not ask for memory that nobody has.
void require_room(std::string const& path, Extent bytes, Index densest);

/// "cannot decode 'a.png' (reason): ..."
[[noreturn]] void fail_decoding(std::string const& path, std::string const& reason);

}  // namespace aureole::convert
