#include "io/hdf5/filters.hpp"

#include <fmt/core.h>

#include <array>

namespace aureole::hdf5 {

namespace {

struct Known {
    int number;
    char const* name;
    char const* package;  ///< Debian package with the plugin, where there is one
};

// Numbers: the registry of filters kept by The HDF Group.
constexpr std::array<Known, 18> known_filters{{{1, "deflate", ""},
                                               {2, "shuffle", ""},
                                               {3, "fletcher32", ""},
                                               {4, "szip", ""},
                                               {5, "nbit", ""},
                                               {6, "scaleoffset", ""},
                                               {307, "bzip2", "hdf5-filter-plugin"},
                                               {32000, "lzf", "hdf5-plugin-lzf"},
                                               {32001, "blosc", "hdf5-filter-plugin-blosc-serial"},
                                               {32004, "lz4", "hdf5-filter-plugin"},
                                               {32008, "bitshuffle", "bitshuffle"},
                                               {32013, "zfp", "hdf5-filter-plugin-zfp-serial"},
                                               {32015, "zstd", ""},
                                               {32017, "sz", ""},
                                               {32018, "fcidecomp", ""},
                                               {32019, "jpeg", ""},
                                               {32024, "sz3", ""},
                                               {32026, "blosc2", ""}}};

Known const* find_known(int number) {
    for (Known const& known : known_filters) {
        if (known.number == number) { return &known; }
    }
    return nullptr;
}

}  // namespace

std::string known_filter_name(int number) {
    Known const* const known = find_known(number);
    return known == nullptr ? "" : known->name;
}

std::string filter_remedy(int number) {
    Known const* const known = find_known(number);
    std::string const package =
        known == nullptr || *known->package == '\0' ? "" : fmt::format(" (Debian: package {})", known->package);
    return fmt::format(
        "install the HDF5 plugin of this filter{} and set HDF5_PLUGIN_PATH to its folder, or rewrite the file with "
        "'h5repack -f GZIP=4' where it can be read",
        package);
}

}  // namespace aureole::hdf5
