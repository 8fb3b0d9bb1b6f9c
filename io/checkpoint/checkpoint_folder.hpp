#pragma once
#include <optional>
#include <string>

#include "core/tensor/dtype.hpp"

namespace aureole {

/// The checkpoints of a run: files step_0000001000.h5 in one folder.
class CheckpointFolder {
  public:
    CheckpointFolder(std::string folder, Index keep) : folder_(std::move(folder)), keep_(keep) {}
    [[nodiscard]] std::string path_of(Index step) const;
    /// The checkpoint of the highest step, if there is any.
    [[nodiscard]] std::optional<std::string> newest() const;
    /// Deletes all but the newest `keep` checkpoints.
    void prune() const;

  private:
    std::string folder_;
    Index keep_;
};

}  // namespace aureole
