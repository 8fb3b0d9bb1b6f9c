#include "core/error.hpp"
#include "io/convert/image.hpp"
#include "unit_tests/fuzz/memory_file.hpp"

namespace {

void read_as(aureole::convert::Purpose purpose, std::string const& path) {
    using namespace aureole::convert;
    Image image;
    try {
        constexpr std::int64_t most_pages = 4;  // of as many as a damaged file may say that it has
        std::int64_t const pages = std::min(most_pages, count_pages(path));
        for (std::int64_t page = 0; page < pages; ++page) {
            read_image(path, page, purpose, image);
            if (image.bytes.size() != static_cast<std::size_t>(image.h) * image.row_bytes()) { std::abort(); }
        }
    } catch (aureole::Error const& error) {
        if (error.code() != aureole::ExitCode::data_error) { throw; }
    }
}

}  // namespace

/// Arbitrary bytes either are pictures of the size that they say, or an Error(data_error): PNG, JPEG or TIFF by their
/// first bytes.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static aureole::fuzz::MemoryFile const file;
    file.write(data, size);
    read_as(aureole::convert::Purpose::image, file.path());
    read_as(aureole::convert::Purpose::labels, file.path());
    return 0;
}
