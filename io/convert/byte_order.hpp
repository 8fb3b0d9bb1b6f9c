#pragma once
#include <algorithm>
#include <bit>
#include <vector>

namespace aureole::convert {

/// Reverses the bytes of every element.
inline void swap_bytes(std::vector<unsigned char>& bytes, std::size_t element) {
    if (element < 2) { return; }
    for (auto first = bytes.begin(); first != bytes.end(); first += static_cast<std::ptrdiff_t>(element)) {
        std::reverse(first, first + static_cast<std::ptrdiff_t>(element));
    }
}

}  // namespace aureole::convert
