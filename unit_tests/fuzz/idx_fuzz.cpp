#include "core/error.hpp"
#include "io/convert/idx.hpp"
#include "unit_tests/fuzz/memory_file.hpp"

/// Arbitrary bytes, gzipped or not, either are an array, all of whose samples can be read, or an Error(data_error).
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static aureole::fuzz::MemoryFile const file;
    file.write(data, size);
    try {
        aureole::convert::IdxFile array(file.path());
        std::vector<unsigned char> samples;
        array.read(array.shape()[0], samples);
        array.require_end();
    } catch (aureole::Error const& error) {
        if (error.code() != aureole::ExitCode::data_error) { throw; }
    }
    return 0;
}
