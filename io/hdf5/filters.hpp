#pragma once
#include <string>
#include <vector>

namespace aureole::hdf5 {

/// One step of a dataset's filter pipeline.
struct Filter {
    int number = 0;
    std::string name;
    bool available = true;  ///< built in, or found as a plugin
};

/// Known name of a filter number ("bitshuffle" for 32008), or empty.
[[nodiscard]] std::string known_filter_name(int number);

/// What a user can do about a filter that is not there.
[[nodiscard]] std::string filter_remedy(int number);

}  // namespace aureole::hdf5
