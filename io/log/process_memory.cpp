#include "io/log/process_memory.hpp"

#include <fstream>
#include <string>

namespace aureole {

ProcessMemory process_memory() {
    ProcessMemory memory;
    std::ifstream status("/proc/self/status");
    std::string key;
    while (status >> key) {
        std::size_t kib = 0;
        if (key == "VmRSS:" && status >> kib) { memory.resident = kib << 10U; }
        if (key == "VmHWM:" && status >> kib) { memory.peak = kib << 10U; }
        status.ignore(256, '\n');
    }
    return memory;
}

}  // namespace aureole
