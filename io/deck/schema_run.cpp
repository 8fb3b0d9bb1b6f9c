#include "io/deck/sections.hpp"

namespace aureole::deck {
Choices<MemorySpec::Recompute> choices_of(Of<MemorySpec::Recompute> /*type*/) {
    return {{"none", MemorySpec::Recompute::none},
            {"cheap", MemorySpec::Recompute::cheap},
            {"blocks", MemorySpec::Recompute::blocks}};
}

std::vector<Field> fields_of(Of<MemorySpec> /*type*/) {
    return {
        field(
            "recompute", &MemorySpec::recompute,
            "none: every activation is kept for the backward pass; cheap: normalised and activated values are computed "
            "again; blocks: only the borders of units are kept"),
        field("limit", &MemorySpec::limit, "a run whose plan needs more ends before it starts, with exit code 3")
            .as(Type::bytes)
            .at_least(1)
            .in("bytes")
            .otherwise("no limit"),
        field("guard", &MemorySpec::guard,
              "surrounds every tensor and workspace with bytes that belong to nobody, and ends the run at the operator "
              "that overwrites any; takes time, and 512 bytes for each, which are part of the plan"),
    };
}

Choices<ParallelSpec::Schedule> choices_of(Of<ParallelSpec::Schedule> /*type*/) {
    using S = ParallelSpec::Schedule;
    return {{"layer", S::layer},
            {"gpipe", S::gpipe},
            {"1f1b", S::one_f_one_b},
            {"1f1b-overlap", S::overlap_one_f_one_b},
            {"interleaved", S::interleaved},
            {"breadth-first", S::breadth_first},
            {"zb-h1", S::zb_h1}};
}

Choices<ParallelSpec::Cut> choices_of(Of<ParallelSpec::Cut> /*type*/) {
    using C = ParallelSpec::Cut;
    return {{"uniform", C::uniform}, {"flops", C::flops}, {"time", C::time}, {"memory", C::memory}};
}

Choices<ParallelSpec::Slice> choices_of(Of<ParallelSpec::Slice> /*type*/) {
    return {{"square", ParallelSpec::Slice::square},
            {"vertical", ParallelSpec::Slice::vertical},
            {"horizontal", ParallelSpec::Slice::horizontal}};
}

Choices<ParallelSpec::Halo> choices_of(Of<ParallelSpec::Halo> /*type*/) {
    return {{"auto", ParallelSpec::Halo::automatic},
            {"plain", ParallelSpec::Halo::plain},
            {"fused", ParallelSpec::Halo::fused}};
}
Choices<ParallelSpec::Overlap> choices_of(Of<ParallelSpec::Overlap> /*type*/) {
    return {{"auto", ParallelSpec::Overlap::automatic},
            {"never", ParallelSpec::Overlap::never},
            {"always", ParallelSpec::Overlap::always}};
}

Choices<ParallelSpec::Messages> choices_of(Of<ParallelSpec::Messages> /*type*/) {
    using M = ParallelSpec::Messages;
    return {{"auto", M::automatic}, {"direct", M::direct}, {"staged", M::staged}};
}

std::vector<Field> fields_of(Of<ParallelSpec::Spatial> /*type*/) {
    using S = ParallelSpec::Spatial;
    return {
        field("tiles", &S::tiles,
              "tiles of the image, one per rank: [rows, columns], [depth, rows, columns], or their number alone, cut "
              "as `slice` says")
            .items(1, 3)
            .between(1, most_ranks),
        field("slice", &S::slice,
              "how a number of tiles is cut: square (as many rows as columns), vertical (cuts the width into columns), "
              "horizontal (cuts the height into rows; the fastest: rows are contiguous)"),
        field("row_boundaries", &S::row_boundaries,
              "heights at which the image is cut into uneven rows, ascending; empty: even tiles")
            .at_least(1)
            .in("pixels"),
        field("column_boundaries", &S::column_boundaries, "the same for columns").at_least(1).in("pixels"),
        field("depth_boundaries", &S::depth_boundaries, "the same along d").at_least(1).in("pixels"),
        field("halo", &S::halo,
              "plain: an exchange before every windowed operator; fused: one wider exchange for a chain of them, which "
              "compute the overlap again; auto: what the plan expects to be faster. All give the same result"),
        field("chain", &S::chain, "windowed operators that share an exchange")
            .between(2, 16)
            .otherwise("the plan's choice")
            .with("halo", {"fused"}),
        field(
            "overlap", &S::overlap,
            "whether a windowed operator computes the rows that need no neighbour while the others' travel (tiles that "
            "are cut along one axis, the outermost, of one sample): always; never; auto: where it is expected to pay. "
            "All give the same result"),
        field("stages", &S::stages, "first stages that are cut into tiles (with chunks: those with ranks of their own)")
            .between(1, most_ranks),
        field(
            "stage_tiles", &S::stage_tiles,
            "numbers of tiles of the first stages, where they differ: [4, 2] cuts the first into 4 and the second into "
            "2; later stages have one tile. Cut as `slice` says; square: as square as the number allows")
            .between(1, most_ranks),
    };
}

std::vector<Field> fields_of(Of<ParallelSpec> /*type*/) {
    using P = ParallelSpec;
    return {
        field("data", &P::data, "replicas of the whole grid, which share the micro-batches of a batch")
            .between(1, most_ranks),
        field("local_data", &P::local_data,
              "ranks of every stage that is not cut into tiles: they share the samples of a micro-batch, with the "
              "statistics of all of them; at most the samples of a micro-batch")
            .between(1, most_ranks),
        field("stages", &P::stages, "parts of the network, one after the other, cut between its units")
            .between(1, most_ranks),
        field(
            "chunks", &P::chunks,
            "stages that a rank runs in turn (schedules interleaved and breadth-first): stage k lies on rank k modulo "
            "stages / chunks")
            .between(1, most_ranks),
        field("balance", &P::balance, "units of every stage; empty: as `cut` says").at_least(1),
        field(
            "cut", &P::cut,
            "what is even among the ranks of stages: uniform (units), flops, time (of a simple machine model), memory "
            "(activations)"),
        field("spatial", &P::spatial, "cutting the image"),
        field(
            "schedule", &P::schedule,
            "order in which stages work on micro-batches: layer (one after the other), gpipe (all forward passes, then "
            "all backward passes), 1f1b (backward passes as early as they can be), 1f1b-overlap (the same with more "
            "micro-batches in flight, which hides messages), interleaved and breadth-first (several stages on a rank), "
            "zb-h1 (weight gradients where a rank would wait)"),
        field(
            "shard_optimizer", &P::shard_optimizer,
            "ranks that hold the same parameters (replicas and tiles of a stage) share the optimizer's state: each "
            "keeps and updates its part. A rank that is alone with its parameters keeps everything. Never changes the "
            "result"),
        field("timeout", &P::timeout,
              "a rank that waits longer for another one, from its start on and in whatever it does, ends the job and "
              "names it; "
              "time in which a rank writes a checkpoint does not count; 0: ranks wait for ever")
            .as(Type::duration)
            .at_least(0),
        field("messages", &P::messages,
              "direct: MPI is given the memory of the device; staged: messages go by way of pinned memory of the host; "
              "auto: direct where MPI says that it takes a device's memory (some that do have no way to say so), and "
              "on a host"),
        field(
            "schedule_file", &P::schedule_file,
            "a table instead: a row of cells for every rank, such as 0F1 for the forward pass of micro-batch 1 through "
            "stage 0, B: backward, I and W: its halves"),
    };
}

Choices<KernelChoice> choices_of(Of<KernelChoice> /*type*/) {
    return {{"automatic", KernelChoice::automatic}, {"native", KernelChoice::native}};
}

std::vector<Field> fields_of(Of<DumpSpec> /*type*/) {
    using D = DumpSpec;
    return {
        field("file", &D::file, "HDF5 file for loss, outputs, parameters and gradients of one step; empty: none")
            .as(Type::output_path),
        field("activations", &D::activations, "names or globs of values written too, such as '*' or 'layer1.*'"),
        field("step", &D::step, "step that is written").at_least(1).in("steps").otherwise("the last"),
    };
}

std::vector<Field> fields_of(Of<OutputSpec> /*type*/) {
    using O = OutputSpec;
    return {
        field("folder", &O::folder, "where the run writes its deck, metrics and checkpoints")
            .as(Type::output_path)
            .otherwise("runs/<name>"),
        field("dump", &O::dump, "values for a comparison with another framework").short_for("file"),
        field("pictures", &O::pictures,
              "samples of the evaluation set that are drawn into predictions.png after every evaluation: image, mask, "
              "prediction (two-dimensional masks only)")
            .between(0, 64),
    };
}

std::vector<Field> fields_of(Of<Deck> /*type*/) {
    return {
        field("name", &Deck::name, "name of the run").otherwise("the deck's file name without its ending"),
        field("model", &Deck::model, "the network").is_required(),
        field("image", &Deck::image, "what the network takes").is_required(),
        field("data", &Deck::data, "where the samples come from").is_required(),
        field("train", &Deck::train, "how the network is trained").is_required(),
        field("memory", &Deck::memory, "how memory is spent; never changes the result"),
        field("parallel", &Deck::parallel,
              "how the work is shared out: replicas x stages x tiles, one rank for each; never changes the result"),
        field("kernels", &Deck::kernels,
              "automatic: the fastest implementation of every operator; native: the program's own everywhere"),
        field("output", &Deck::output, "where results go"),
    };
}

Field const& deck_schema() {
    static Field const schema = [] {
        Field root;
        describe(root, Of<Deck>{});
        return root;
    }();
    return schema;
}

}  // namespace aureole::deck
