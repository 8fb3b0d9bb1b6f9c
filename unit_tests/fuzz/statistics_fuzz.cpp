#include "core/error.hpp"
#include "io/data/normalization.hpp"
#include "io/data/statistics.hpp"
#include "unit_tests/fuzz/memory_file.hpp"

/// Arbitrary bytes either are statistics with which images can be normalised, or an Error(data_error).
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static aureole::fuzz::MemoryFile const file;
    file.write(data, size);
    try {
        aureole::Statistics const statistics = aureole::load_statistics(file.path());
        aureole::NormalizeSpec spec;
        spec.kind = aureole::NormalizeSpec::Kind::dataset;
        std::vector<float> pixel(statistics.mean.size(), 0.5F);
        aureole::Normalization const normalization(spec, static_cast<aureole::Index>(pixel.size()), &statistics);
        normalization.apply(pixel.data(), 1);
    } catch (aureole::Error const& error) {
        if (error.code() != aureole::ExitCode::data_error) { throw; }
    }
    return 0;
}
