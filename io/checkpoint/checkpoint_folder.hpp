#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/tensor/dtype.hpp"

namespace aureole {

/// The checkpoints of a run: files step_0000001000.h5 in one folder, ten digits each. Files of other names, a user's
/// copies, are neither read nor removed.
class CheckpointFolder {
  public:
    CheckpointFolder(std::string folder, Index keep) : folder_(std::move(folder)), keep_(keep) {}
    [[nodiscard]] std::string path_of(Index step) const;
    /// All checkpoints, that of the highest step first.
    [[nodiscard]] std::vector<std::string> newest_first() const;
    /// Deletes all but the newest `keep` checkpoints.
    void prune() const;
    /// Deletes what runs that were killed have left half-written.
    void remove_unfinished() const;

  private:
    std::string folder_;
    Index keep_;
};

}  // namespace aureole
