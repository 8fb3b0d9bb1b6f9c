#pragma once
#include <vector>

#include "core/kernels/kernel.hpp"

namespace aureole::onednn {

/// oneDNN primitives on the host (f32 and bf16), versions 2 and 3.
[[nodiscard]] std::vector<Implementation> const& implementations();

}  // namespace aureole::onednn
