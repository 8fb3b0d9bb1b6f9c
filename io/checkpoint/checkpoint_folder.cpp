#include "io/checkpoint/checkpoint_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace aureole {

namespace {

constexpr std::string_view prefix = "step_", ending = ".h5", unfinished = ".h5.part";
constexpr std::size_t digits = 10;

/// "step_", ten digits, and the ending.
bool is_ours(std::string const& name, std::string_view end) {
    if (name.size() != prefix.size() + digits + end.size()) { return false; }
    std::string_view const number = std::string_view(name).substr(prefix.size(), digits);
    return name.starts_with(prefix) && name.ends_with(end) &&
           std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Oldest first; step numbers have a fixed width, so names sort by step.
std::vector<std::string> files_in(std::string const& folder, std::string_view end) {
    std::vector<std::string> found;
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator(folder, error)) {
        if (is_ours(entry.path().filename().string(), end)) { found.push_back(entry.path().string()); }
    }
    std::sort(found.begin(), found.end());
    return found;
}

void remove(std::string const& path) {
    std::error_code ignored;  // a file that cannot be deleted does no harm
    std::filesystem::remove(path, ignored);
}

}  // namespace

std::string CheckpointFolder::path_of(Index step) const {
    return fmt::format("{}/{}{:0{}}{}", folder_, prefix, step, digits, ending);
}

std::vector<std::string> CheckpointFolder::newest_first() const {
    auto found = files_in(folder_, ending);
    std::reverse(found.begin(), found.end());
    return found;
}

void CheckpointFolder::prune() const {
    auto const found = newest_first();
    auto const kept = static_cast<std::size_t>(std::max<Index>(keep_, 1));
    for (std::size_t i = kept; i < found.size(); ++i) { remove(found[i]); }
}

void CheckpointFolder::remove_unfinished() const {
    for (std::string const& path : files_in(folder_, unfinished)) { remove(path); }
}

}  // namespace aureole
