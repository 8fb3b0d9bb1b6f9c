#pragma once
#include <cstddef>

namespace aureole {

/// Bytes of this process that are in memory now, and the most that have been. 0 where the system does not tell.
struct ProcessMemory {
    std::size_t resident = 0;
    std::size_t peak = 0;
};

[[nodiscard]] ProcessMemory process_memory();

/// Bytes of memory that this machine, or the control group that the process is in, has; 0 where the system does not
/// tell.
[[nodiscard]] std::size_t machine_memory();

}  // namespace aureole
