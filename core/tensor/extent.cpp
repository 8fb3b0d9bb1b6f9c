#include "core/tensor/extent.hpp"

#include "core/error.hpp"

namespace aureole {

void Extent::fail_uncountable(std::string_view what) {
    fail(ExitCode::bad_deck, "{} cannot be counted (2^63 or more): use smaller extents", what);
}

}  // namespace aureole
