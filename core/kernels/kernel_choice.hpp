#pragma once
#include <cstdint>

namespace aureole {

/// Which libraries may be used: `native` alone, or the first of the dispatch table that accepts.
enum class KernelChoice : std::uint8_t { automatic, native };

}  // namespace aureole
