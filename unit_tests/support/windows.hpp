#pragma once
#include "core/ops/window.hpp"

namespace aureole::test {

/// No window lies in the padding, with the image in a hole between its dilated positions: one looked at after the
/// other.
[[nodiscard]] inline bool every_window_reads(Window const& window, Index extent) {
    for (Index o = 0; o < window.output_extent(extent); ++o) {
        bool reads = false;
        for (Index k = 0; k < window.size; ++k) {
            Index const at = o * window.stride - window.pad_lo + k * window.dilation;
            reads = reads || (at >= 0 && at < extent);
        }
        if (!reads) { return false; }
    }
    return true;
}

}  // namespace aureole::test
