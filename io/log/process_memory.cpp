#include "io/log/process_memory.hpp"

#include <unistd.h>

#include <algorithm>
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

std::size_t machine_memory() {
    long const pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    std::size_t bytes = pages > 0 && page > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(page) : 0;
    for (char const* const path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        std::ifstream file(path);
        std::size_t limit = 0;  // the file may say "max"
        if (file >> limit && limit > 0) { bytes = std::min(bytes, limit); }
    }
    return bytes;
}

}  // namespace aureole
