#include "io/checkpoint/checkpoint_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace aureole {

namespace {

constexpr auto prefix = "step_";

/// Checkpoints of a folder, oldest first; step numbers have a fixed width, so names sort by step.
std::vector<std::filesystem::path> checkpoints_in(std::string const& folder) {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator(folder, error)) {
        bool const ours = entry.path().extension() == ".h5" && entry.path().filename().string().rfind(prefix, 0) == 0;
        if (ours) { found.push_back(entry.path()); }
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

std::string CheckpointFolder::path_of(Index step) const { return fmt::format("{}/{}{:010}.h5", folder_, prefix, step); }

std::optional<std::string> CheckpointFolder::newest() const {
    auto const found = checkpoints_in(folder_);
    if (found.empty()) { return std::nullopt; }
    return found.back().string();
}

void CheckpointFolder::prune() const {
    auto const found = checkpoints_in(folder_);
    auto const kept = static_cast<std::size_t>(std::max<Index>(keep_, 1));
    for (std::size_t i = 0; i + kept < found.size(); ++i) {
        std::error_code ignored;  // a file that cannot be deleted does no harm
        std::filesystem::remove(found[i], ignored);
    }
}

}  // namespace aureole
