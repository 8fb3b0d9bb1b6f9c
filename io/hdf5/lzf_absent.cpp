#include "io/hdf5/library.hpp"

namespace aureole::hdf5 {

void register_lzf() {}  // left to a filter plugin

}  // namespace aureole::hdf5
