#include <lzf.h>

#include <cerrno>
#include <cstdlib>

#include "io/hdf5/library.hpp"

// h5py compresses with LZF under filter number 32000; this is that filter over liblzf, so that such files open without
// a plugin. Client data as h5py writes it: [filter revision, LZF version, chunk bytes].
namespace aureole::hdf5 {

namespace {

constexpr H5Z_filter_t lzf_number = 32000;
constexpr unsigned lzf_revision = 4;

herr_t set_chunk_size(hid_t plist, hid_t type, hid_t space) {
    hsize_t extents[H5S_MAX_RANK];
    int const rank = H5Pget_chunk(plist, H5S_MAX_RANK, extents);
    if (rank < 0 || space < 0) { return -1; }
    std::size_t bytes = H5Tget_size(type);
    for (int i = 0; i < rank; ++i) { bytes *= extents[i]; }
    unsigned const values[3] = {lzf_revision, LZF_VERSION, static_cast<unsigned>(bytes)};
    return H5Pmodify_filter(plist, lzf_number, H5Z_FLAG_OPTIONAL, 3, values);
}

/// Returns the number of bytes in the new buffer, or 0: failed (reading) or left uncompressed (writing).
std::size_t filter(unsigned flags, std::size_t value_count, unsigned const values[], std::size_t bytes,
                   std::size_t* capacity, void** buffer) {
    bool const decompress = (flags & H5Z_FLAG_REVERSE) != 0;
    std::size_t size = decompress ? 4 * bytes : bytes;
    if (decompress && value_count >= 3 && values[2] != 0) { size = values[2]; }
    for (; size < (std::size_t{1} << 32U); size *= 2) {
        void* const out = std::malloc(size);
        if (out == nullptr) { return 0; }
        unsigned const done =
            decompress ? lzf_decompress(*buffer, static_cast<unsigned>(bytes), out, static_cast<unsigned>(size))
                       : lzf_compress(*buffer, static_cast<unsigned>(bytes), out, static_cast<unsigned>(size));
        if (done != 0) {
            std::free(*buffer);
            *buffer = out;
            *capacity = size;
            return done;
        }
        bool const too_small = decompress && errno == E2BIG;
        std::free(out);
        if (!too_small) { return 0; }
    }
    return 0;
}

}  // namespace

void register_lzf() {
    static H5Z_class2_t const description{H5Z_CLASS_T_VERS, lzf_number, 1, 1, "lzf", nullptr, set_chunk_size, filter};
    H5Zregister(&description);
}

}  // namespace aureole::hdf5
