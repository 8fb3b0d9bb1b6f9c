#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/run_plan.hpp"
#include "io/checkpoint/checkpoint_folder.hpp"
#include "io/checkpoint/checkpoint_reader.hpp"
#include "io/checkpoint/checkpoint_writer.hpp"
#include "io/file/background.hpp"
#include "io/file/new_file.hpp"

namespace aureole {

/// What a run needs to go on, beside the tensors that persist. Times are not part of it.
struct RunState {
    Index step = 0;                                     ///< updates done
    Index samples = 0;                                  ///< training samples seen
    double loss = 0;                                    ///< sum since the last line of the log
    Index losses = 0;                                   ///< steps in that sum
    std::map<std::string, std::vector<double>> counts;  ///< of training metrics since then, over all ranks
    std::optional<double> best;                         ///< value of train.best in the best evaluation so far
    bool evaluation_due = false;                        ///< the evaluation of this step is still to come
};

/// Whether a checkpoint holds a tensor: all that persists, but for gradients and counters of metrics.
[[nodiscard]] bool is_saved(Persistent const& entry);
/// Path of a persistent tensor in a checkpoint, by its kind.
[[nodiscard]] std::string checkpoint_path(Persistent const& entry);
/// Texts in a checkpoint: the resolved deck; the statistics of the training data, where they are measured.
inline constexpr char const* run_deck_path = "run/deck";
inline constexpr char const* run_statistics_path = "run/statistics";

/// Writes the state of a run, and reads it. Every rank writes what it is the first to hold: see CheckpointLayout for
/// the file. All ranks make the same calls in the same order.
class Checkpoints {
  public:
    /// Lays the file out. Creates the folders, and makes sure that all ranks see them. `counters`: names of the
    /// training metrics' counters.
    Checkpoints(RunPlan const& plan, std::set<std::string> const& counters);

    /// Bytes that a rank needs: a copy of what it writes, where files are written beside the training.
    [[nodiscard]] static std::size_t bytes(RunPlan const& plan);

    enum class When : std::uint8_t {
        beside,  ///< copies the state and returns; a thread writes (as train.checkpoint.asynchronous says)
        at_once  ///< returns when the files have reached the disk
    };
    /// Writes the state under a name, and gives the file the other names too. A write that goes on is waited for.
    /// Throws Error(diverged) if a parameter is not finite.
    void write(RunState const& state, std::vector<std::string> const& names, When when);
    /// Looks whether what is written beside the training has come to its end, and gives it its names.
    void poll();
    /// Waits for it. Whether the last write has succeeded; a failure has been told.
    bool finish();

    /// Seconds that writing the state at once may take: the longest so far, or a careful guess.
    [[nodiscard]] double seconds() const;

    /// Gives a file that has been written a further name. Whether it could; a failure has been told.
    bool add_name(std::string const& path, std::string const& name);

    /// Reads the tensors of a checkpoint into the engine: only what is whole. The state beside them.
    [[nodiscard]] RunState read(CheckpointReader const& reader) const;

  private:
    /// One block that this rank writes.
    struct Item {
        Persistent const* entry = nullptr;  ///< none: bytes of the run
        std::string record;                 ///< whose
        PlacedBlock place;
        std::size_t at = 0;  ///< in the copy
    };
    RunPlan const& plan_;
    Engine const& engine_;
    CheckpointFolder folder_;
    std::map<std::string, std::size_t> counters_;  ///< with their lengths
    std::vector<Item> items_;
    std::map<std::string, std::vector<std::byte>> records_;  ///< of the run; on rank 0
    CheckpointLayout layout_;                                ///< on rank 0
    std::vector<std::byte> copy_;                            ///< of all items; empty: written piece by piece
    Background writing_, naming_;
    std::atomic<double> longest_write_ = 0;  ///< seconds
    std::vector<std::string> names_;         ///< of what is being written
    std::optional<NewFile> file_;            ///< on rank 0
    bool pending_ = false, succeeded_ = true;

    void require_shared() const;
    [[nodiscard]] std::size_t bytes_of_items() const;
    void lay_out(std::vector<CheckpointBlock> const& mine);
    [[nodiscard]] std::vector<CheckpointBlock> list_items();
    void set_records(RunState const& state);
    /// Bytes of an item from `first` on, as the file holds them.
    void read_piece(Item const& item, std::size_t first, std::span<std::byte> into, Index step) const;
    /// Writes this rank's part. `copied`: from the copy, otherwise from where the tensors are.
    void write_part(std::string const& path, bool copied, Index step);
    [[nodiscard]] bool create_file();
    /// Until a thread has done its work; ranks that wait for this one know of it.
    [[nodiscard]] static std::optional<std::string> wait_for(Background& work);
    void end_writing(std::optional<std::string> const& failure);
    void complete(bool succeeded);
    void name_file();
    void tell_of_failure(std::string const& why) const;
    [[nodiscard]] bool is_root() const { return plan_.is_root(); }
    [[nodiscard]] bool all(bool value) const { return plan_.comm == nullptr ? value : plan_.comm->all(value); }
};

}  // namespace aureole
