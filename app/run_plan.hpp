#pragma once
#include <memory>
#include <optional>

#include "app/network.hpp"
#include "app/pipeline.hpp"
#include "io/data/loader.hpp"
#include "parallel/engine/engine.hpp"

namespace aureole {

/// Predicted memory of a run on one rank.
struct RunMemory {
    MemoryUse arena;
    std::size_t loaders = 0;     ///< batches read ahead, caches, staging
    std::size_t scores = 0;      ///< of all labels of an evaluation, for metrics that compare them
    std::size_t pictures = 0;    ///< sampled pixels of the picture that is being drawn
    std::size_t checkpoint = 0;  ///< what is being written of the run's state
    std::size_t program = 0;     ///< code and libraries: measured when the plan is made
    [[nodiscard]] std::size_t total() const {
        return arena.total() + loaders + scores + pictures + checkpoint + program;
    }
};

/// Everything decided before a run begins: networks, kernels, memory, data. Nothing large is allocated yet.
struct RunPlan {
    Deck deck;
    Network train, eval;  ///< their graphs have moved into the engine; ids are those of its programs
    bool has_eval = false;
    std::vector<ValueId> dumped;  ///< activations of the training network that stay readable
    Index micro_samples = 1;      ///< samples of a micro-batch
    Pipeline pipeline;
    std::unique_ptr<Engine> engine;
    std::shared_ptr<Dataset const> train_data, eval_data;  ///< none until open_data
    LoaderConfig train_loader, eval_loader;
    std::size_t program_bytes = 0;
    Comm const* comm = nullptr;            ///< none: planned or run by one process
    int rank = 0;                          ///< of the grid
    std::vector<std::string> checkpoints;  ///< that the run may go on from, the best first

    [[nodiscard]] bool is_root() const { return rank == 0; }
    [[nodiscard]] RunMemory memory() const;
};

/// Plans networks, kernels and memory of one rank of a deck's grid; needs no data, and no MPI. `dump` keeps gradients
/// and the activations that the deck names readable after a step.
[[nodiscard]] RunPlan plan_run(Deck deck, bool dump, int rank = 0);

/// The labels of a micro-batch that are this rank's own, so that every label belongs to one rank of a replica: the part
/// of what its loader reads, which holds its neighbours' labels too where gradients are recomputed, that is in its
/// tile.
[[nodiscard]] Box owned_labels(RunPlan const& plan, LoaderConfig const& loader);

/// Micro-batches of one evaluation. Needs the data.
[[nodiscard]] Index micro_batches_of_evaluation(RunPlan const& plan);

/// How a deck's network is tiled: what the deck says, or the plan's choice.
[[nodiscard]] TilingOptions tiling_of(Deck const& deck, Graph const& train);

/// What the data are opened for.
enum class DataUse : std::uint8_t {
    size,    ///< what the loaders need
    check,   ///< only whether they fit the network; no statistics are measured
    start,   ///< statistics of the training set are measured and saved into the run's folder
    resume,  ///< statistics are taken from the run's folder
};

/// Where a run saves the statistics of its training set.
[[nodiscard]] std::string statistics_file(Deck const& deck);

/// Opens the data sets and prepares the loaders.
void open_data(RunPlan& plan, DataUse use);

/// Number of updates: the smaller of train.steps and train.epochs passes. Needs the data if epochs are given. A run
/// that goes on counts the passes by the `samples` that it has seen in its `step` updates.
[[nodiscard]] Index steps_of(RunPlan const& plan, Index step = 0, Index samples = 0);

/// Table of the predicted memory for a person.
[[nodiscard]] std::string memory_table(RunPlan const& plan);

/// A line that says that this machine has less memory than the rank needs; empty if it has enough, or does not tell.
[[nodiscard]] std::string warning_of_memory(RunPlan const& plan);

/// The largest prediction of all ranks; ranks ask together if there are several.
[[nodiscard]] std::size_t largest_total(RunPlan const& plan);

}  // namespace aureole
