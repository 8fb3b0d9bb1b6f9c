#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace aureole {

/// The parts of a text between separators, empty ones too; at least one.
[[nodiscard]] inline std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    for (char const letter : text) {
        if (letter == separator) {
            parts.emplace_back();
        } else {
            parts.back() += letter;
        }
    }
    return parts;
}

}  // namespace aureole
