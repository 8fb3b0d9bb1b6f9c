#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/kernels/kernel_choice.hpp"
#include "core/tensor/dtype.hpp"
#include "core/tensor/shape.hpp"
#include "io/data/data_spec.hpp"

namespace aureole {

/// Where a value of the deck was written. Line and column count from 1; a line of 0 means that `file` says it all
/// ("command line: train.batch=8").
struct Place {
    std::string file;
    int line = 0, column = 0;
};

/// "deck.yaml:3:5"
[[nodiscard]] std::string to_string(Place const& place);

/// Key path ("train.optimizer.lr", "model.layers.3.conv.filters") -> where it was written. Keys left out of the deck
/// are absent.
using Places = std::map<std::string, Place>;

/// Zeros beyond the border of the image.
struct Padding {
    enum class Mode : std::uint8_t {
        same,   ///< dilation * (kernel - 1) in all per axis, the smaller half before: ceil(size / stride) pixels come
                ///< out
        valid,  ///< none
        given,  ///< as `sides` says
    };
    Mode mode = Mode::valid;
    std::vector<std::array<Index, 2>> sides;  ///< before and after; one entry for all axes, or one per axis
    friend bool operator==(Padding const&, Padding const&) = default;
};

/// Value of a layer's attribute. Attributes along the image axes are lists of one number (for all axes) or one per
/// axis.
using Attribute = std::variant<bool, Index, double, std::string, std::vector<Index>, Padding>;

/// One layer of a network that the deck writes out. Every attribute of the operator is present, defaults included.
struct LayerSpec {
    std::string op;                 ///< "conv", "relu" ...: the keys of docs/deck_reference.md
    std::string name;               ///< empty: the network names it
    std::vector<std::string> from;  ///< names of the layers read ("input": the image); empty: the layer before
    bool unit = false;              ///< starts a unit: cuts and recomputed blocks fall between units
    std::map<std::string, Attribute> attributes;
    Place place;

    /// The attribute of that name; internal error if the layer has none of that name and type.
    [[nodiscard]] bool flag(std::string_view key) const;
    [[nodiscard]] Index integer(std::string_view key) const;
    [[nodiscard]] double real(std::string_view key) const;
    [[nodiscard]] std::string const& text(std::string_view key) const;
    [[nodiscard]] Padding const& padding(std::string_view key) const;
    /// Numbers along the image axes, expanded to `axes` of them; bad_deck if the list has neither 1 nor `axes` entries.
    [[nodiscard]] std::vector<Index> integers(std::string_view key, std::size_t axes) const;
};

/// deck: model
struct ModelSpec {
    enum class Kind : std::uint8_t { layers, resnet_cifar, resnet, amoebanet, unet };
    enum class Norm : std::uint8_t { batch, instance, group, none };
    enum class Up : std::uint8_t { transposed, nearest, linear };
    Kind kind = Kind::layers;
    Index classes = 0;        ///< channels of the network's output; builders only
    Index depth = 0;          ///< resnet_cifar: 6n+2 (version 1) or 9n+2 (version 2); resnet: 18, 34, 50, 101, 152
    Index version = 1;        ///< resnet_cifar
    Index width = 16;         ///< resnet_cifar: filters of the first stage
    Index cells = 0;          ///< amoebanet: normal cells, a multiple of 3
    Index filters = 0;        ///< amoebanet: four times those of the stem
    Index dimensions = 0;     ///< unet: 2 or 3; filled from image.size where the deck leaves it out
    Index base = 32;          ///< unet: filters of the first level
    Index levels = 4;         ///< unet: number of poolings
    Norm norm = Norm::batch;  ///< unet
    Index norm_groups = 8;    ///< unet with norm: group
    Up up = Up::transposed;   ///< unet
    std::vector<LayerSpec> layers;  ///< kind layers
};

/// deck: image
struct ImageSpec {
    std::vector<Index> size;  ///< pixels, [h, w] or [d, h, w]
    Index channels = 1;

    /// (1, d, h, w, channels); internal error unless size has 2 or 3 entries.
    [[nodiscard]] Shape shape() const;
};

/// deck: data
struct DataSpec {
    SourceSpec train;
    std::optional<SourceSpec> eval;
    LoaderSpec loader;                  ///< keys normalize, augment, shuffle, prefetch of the section
    std::optional<Index> ignore_label;  ///< labels of this value do not count, neither in losses nor in metrics
};

struct LossSpec {
    enum class Kind : std::uint8_t { softmax_cross_entropy, bce_with_logits, dice };
    Kind kind = Kind::softmax_cross_entropy;
    double weight = 1;
    double label_smoothing = 0;         ///< softmax_cross_entropy
    std::optional<Index> ignore_index;  ///< another name of data.ignore_label
    double positive_weight = 1;         ///< bce_with_logits: factor on the terms of positive labels
    double smooth = 1;                  ///< dice: added to numerator and denominator
};

enum class Metric : std::uint8_t { accuracy, auroc, auprc, best_f1, f1, iou, dice };

struct OptimizerSpec {
    enum class Kind : std::uint8_t { sgd, adamw };
    Kind kind = Kind::sgd;
    double lr = 0;
    double momentum = 0;    ///< sgd
    bool nesterov = false;  ///< sgd
    double weight_decay = 0;
    bool decay_norm_and_bias = false;   ///< weight decay on biases and normalisation parameters too
    double beta1 = 0.9, beta2 = 0.999;  ///< adamw
    double epsilon = 1e-8;              ///< adamw
};

/// Learning rate as a function of the step: linear warm-up from 0, then `kind`.
struct ScheduleSpec {
    enum class Kind : std::uint8_t { constant, step, cosine, polynomial };
    Kind kind = Kind::constant;
    Index warmup_steps = 0;
    std::vector<double> milestones;  ///< step: below 1 a fraction of the run, otherwise a step number
    double gamma = 0.1;              ///< step: factor at every milestone
    double power = 1;                ///< polynomial
    double final_lr = 0;             ///< cosine, polynomial: rate of the last step
};

struct CheckpointSpec {
    Index every = 0;           ///< steps; 0: none but the one at a wall-time stop
    Index keep = 2;            ///< newest files kept
    std::string folder;        ///< filled with <output.folder>/checkpoints where the deck leaves it out
    bool asynchronous = true;  ///< written beside the training, from a copy
};

/// Given initial parameters.
struct InitSpec {
    std::string file;                        ///< HDF5; empty: drawn from the seed
    std::map<std::string, std::string> map;  ///< our parameter's name -> dataset of the file; others: equal names
};

/// deck: train
struct TrainSpec {
    enum class Precision : std::uint8_t { f32, bf16, f64 };
    Index batch = 0;          ///< samples per update
    Index micro_batches = 1;  ///< parts in which a batch is processed
    enum class Norm : std::uint8_t { global, tile };
    Norm norm = Norm::global;         ///< pixels that share batch-norm statistics
    std::optional<Index> norm_batch;  ///< samples that share batch-norm statistics; unset: one micro-batch
    std::optional<Index> steps;       ///< at least one of steps and epochs is set; the smaller end wins
    std::optional<double> epochs;
    Precision precision = Precision::f32;
    Index seed = 1;
    std::vector<LossSpec> loss{LossSpec{}};  ///< summed
    std::vector<Metric> metrics;
    OptimizerSpec optimizer;
    ScheduleSpec schedule;
    std::optional<double> clip_norm, clip_value;
    Index eval_every = 0;               ///< steps; 0: at the end only
    std::optional<Index> eval_batches;  ///< unset: the whole evaluation set
    CheckpointSpec checkpoint;
    std::string best = "loss";    ///< what an evaluation is judged by: "loss", or a metric, of which more is better
    std::string resume = "auto";  ///< "auto", "never" or a checkpoint file
    enum class ResumeChanges : std::uint8_t { refuse, accept };
    ResumeChanges resume_changes = ResumeChanges::refuse;  ///< of what decides over the result
    InitSpec init;
    Index log_every = 1;             ///< steps
    std::optional<Index> wall_time;  ///< seconds
};

/// deck: memory
struct MemorySpec {
    enum class Recompute : std::uint8_t { none, cheap, blocks };
    Recompute recompute = Recompute::none;
    std::optional<Index> limit;  ///< bytes
    bool guard = false;          ///< red zones around every tensor, checked after every operator
};

/// deck: parallel
struct ParallelSpec {
    enum class Schedule : std::uint8_t {
        layer,
        gpipe,
        one_f_one_b,
        overlap_one_f_one_b,
        interleaved,
        breadth_first,
        zb_h1
    };
    enum class Cut : std::uint8_t { uniform, flops, time, memory };
    enum class Slice : std::uint8_t { square, vertical, horizontal };
    enum class Halo : std::uint8_t { automatic, plain, fused };
    enum class Overlap : std::uint8_t { automatic, never, always };
    struct Spatial {
        std::vector<Index> tiles{1, 1};  ///< along (h, w) or (d, h, w); one number: cut as `slice` says
        Slice slice = Slice::square;
        std::vector<Index> row_boundaries, column_boundaries, depth_boundaries;  ///< pixels; empty: even tiles
        Halo halo = Halo::automatic;
        std::optional<Index> chain;  ///< operators per exchange; unset: the plan's choice
        Overlap overlap = Overlap::automatic;
        Index stages = 1;
        std::vector<Index> stage_tiles;  ///< numbers of tiles of the first stages; empty: `tiles` for `stages` of them

        /// Tiles along (d, h, w). The deck has been validated.
        [[nodiscard]] std::array<Index, 3> counts() const;
        /// The same of one stage.
        [[nodiscard]] std::array<Index, 3> counts(Index stage) const;
    };
    Index data = 1;
    Index local_data = 1;  ///< ranks of a stage that is not tiled: each takes some samples of a micro-batch
    Index stages = 1;
    Index chunks = 1;            ///< stages on one rank
    std::vector<Index> balance;  ///< units of every stage; empty: as `cut` says
    Cut cut = Cut::time;
    Spatial spatial;
    Schedule schedule = Schedule::one_f_one_b;
    std::string schedule_file;     ///< a table instead
    bool shard_optimizer = false;  ///< ranks with the same parameters share the optimizer's state
    Index timeout = 600;           ///< seconds
    enum class Messages : std::uint8_t { automatic, direct, staged };
    Messages messages = Messages::automatic;

    /// Stages with ranks of their own.
    [[nodiscard]] Index rows() const;
    [[nodiscard]] bool is_tiled(Index row) const;
    /// Ranks that the grid takes; not known if they are too many to count.
    [[nodiscard]] Extent counted_ranks() const;
    /// The same of a deck that has been validated.
    [[nodiscard]] Index ranks() const { return counted_ranks().value("the grid's ranks"); }
};

/// What `run` writes for a comparison with another framework, beside loss, outputs, parameters and gradients.
struct DumpSpec {
    std::string file;                      ///< HDF5; empty: no dump
    std::vector<std::string> activations;  ///< names or globs
    std::optional<Index> step;             ///< unset: the last
};

/// deck: output
struct OutputSpec {
    std::string folder;  ///< filled with runs/<name> where the deck leaves it out
    DumpSpec dump;
    Index pictures = 1;  ///< samples of the evaluation set whose image, mask and prediction are drawn
};

/// A deck with every value resolved. Paths are expanded; see io/deck/parse.hpp.
struct Deck {
    std::string name;  ///< filled with the file's stem where the deck leaves it out
    ModelSpec model;
    ImageSpec image;
    DataSpec data;
    TrainSpec train;
    MemorySpec memory;
    ParallelSpec parallel;
    KernelChoice kernels = KernelChoice::automatic;
    OutputSpec output;
    std::string file;  ///< where it was read from
    Places places;

    /// The label that does not count: data.ignore_label, or the same by its name in a loss.
    [[nodiscard]] std::optional<Index> ignored_label() const;
    /// Place of a key path, or of its nearest written parent.
    [[nodiscard]] Place place(std::string_view path) const;
    /// The same as text for messages.
    [[nodiscard]] std::string where(std::string_view path) const { return to_string(place(path)); }
};

}  // namespace aureole
