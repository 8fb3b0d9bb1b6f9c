#pragma once
#include <cstdlib>

#include "io/data/hdf5_dataset.hpp"
#include "unit_tests/io/data/sample_files.hpp"

namespace aureole::testing {

/// Path of a file that make_files.py has written with h5py.
inline std::string foreign_file(std::string const& name) {
    char const* const source = std::getenv("AUREOLE_SOURCE_DIR");
    return std::string(source == nullptr ? "." : source) + "/unit_tests/io/data/files/" + name;
}

/// All samples of one of its datasets.
inline std::vector<float> read_foreign(std::string const& path, std::string const& name,
                                       Shape const& sample = {1, 1, 4, 5, 1}) {
    SourceSpec spec = source({path});
    spec.x = name;
    Hdf5Dataset const dataset(spec, unlabelled(sample), false);
    return read_x(dataset, 0, dataset.samples());
}

}  // namespace aureole::testing
