#pragma once
#include <string>
#include <vector>

#include "io/deck/deck.hpp"
#include "io/file/descriptor.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// The folder of a run, output.folder, which belongs to one run at a time: rank 0 holds a lock on a file in it, which
/// ends with the process, however that ends.
class RunFolder {
  public:
    /// Rank 0 creates the folder and locks it; all ranks call. With train.resume: never, what an earlier run has left
    /// is moved to "<folder>.1" (or .2 ...). Throws Error(data_error) if another run has the lock; a file system
    /// without locks is a warning.
    RunFolder(Deck const& deck, Comm const* comm);

    /// What the run may go on from, as rank 0 has found it, the best first; none: it begins anew.
    [[nodiscard]] std::vector<std::string> const& checkpoints() const { return checkpoints_; }

  private:
    Descriptor lock_;
    std::vector<std::string> checkpoints_;
};

/// Throws Error(bad_deck), on rank 0, if the deck decides otherwise over the result than that of the checkpoint from
/// which the run will go on, and train.resume_changes does not accept it. Statistics of the training data that the
/// checkpoint holds are put into the folder.
void take_over_checkpoint(Deck const& deck, std::vector<std::string> const& checkpoints, Comm const* comm);

/// Throws Error(bad_deck) on ranks whose deck is not that of rank 0.
void require_same_deck(Deck const& deck, Comm const* comm);

}  // namespace aureole
