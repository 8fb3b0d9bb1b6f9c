// What a deck's grid will do and need, before it is launched: stages, memory of every rank, messages, bubble.
#include <algorithm>

#include "app/fit.hpp"
#include "app/outputs.hpp"
#include "app/verbs.hpp"
#include "core/graph/cost.hpp"
#include "core/kernels/host_threads.hpp"
#include "io/deck/parse.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "io/log/progress.hpp"
#include "parallel/schedule/operation.hpp"
#include "parallel/schedule/simulate.hpp"
#include "parallel/schedule/timeline.hpp"

namespace aureole {

namespace {

std::string text_of(std::size_t bytes) { return bytes == 0 ? "-" : bytes_text(static_cast<double>(bytes)); }

/// What a rank of the first replica needs and sends.
struct RankNeeds {
    int rank = 0, row = 0;
    MemoryUse memory;
    MemorySplit split;
    int frames = 1;  ///< micro-batches in flight
    Traffic halo;    ///< of one micro-batch
    std::size_t hand_over_messages = 0, hand_over_bytes = 0;
};

RankNeeds needs_of(RunPlan const& plan) {
    RankNeeds needs;
    needs.rank = plan.rank;
    needs.row = plan.engine->place().row;
    needs.memory = plan.engine->memory();
    needs.split = plan.engine->memory_split();
    for (std::size_t i = 0; i < plan.engine->stages(); ++i) {
        needs.frames = std::max(needs.frames, plan.engine->train(i).frames());
        Traffic const traffic = traffic_of(plan.engine->train(i).local());
        needs.halo.exchanges += traffic.exchanges;
        needs.halo.messages += traffic.messages;
        needs.halo.bytes += traffic.bytes;
        needs.halo.copied += traffic.copied;
        needs.halo.reductions += traffic.reductions;
        needs.halo.reduced_bytes += traffic.reduced_bytes;
        needs.hand_over_messages += plan.engine->stage(i).messages_sent();
        needs.hand_over_bytes += plan.engine->stage(i).bytes_sent();
    }
    return needs;
}

/// Work of one micro-batch on the stages, by the machine model.
struct StageWork {
    int units = 0;
    std::string first, last;
    Index parameters = 0;
    double flops = 0;
    StageTimes times{0, 0, 0};
};

std::vector<StageWork> work_of(Graph const& graph, PipelineGrid const& grid) {
    std::vector<StageWork> stages(static_cast<std::size_t>(grid.stages()));
    std::vector<int> const first_units = grid.first_units();
    for (int unit = 0; unit < static_cast<int>(graph.units().size()); ++unit) {
        StageWork& stage = stages[static_cast<std::size_t>(stage_of_unit(first_units, unit))];
        std::string const& name = graph.units()[static_cast<std::size_t>(unit)];
        if (stage.units++ == 0) { stage.first = name; }
        stage.last = name;
    }
    std::vector<bool> counted(graph.values().size(), false);
    MachineModel const machine;
    for (Node const& node : graph.nodes()) {
        int const number = stage_of_unit(first_units, node.unit);
        StageWork& stage = stages[static_cast<std::size_t>(number)];
        for (ValueId const id : node.inputs) {
            auto const at = static_cast<std::size_t>(id);
            if (graph.value(id).role != Role::parameter || counted[at]) { continue; }
            counted[at] = true;
            stage.parameters += graph.value(id).type.shape.volume();
        }
        if (node.op->is_view()) { continue; }
        Cost const cost = cost_of(graph, node);
        double const seconds = machine.seconds(cost) / grid.stage(number).tiles.ranks();
        stage.flops += cost.flops;
        (node.phase == Phase::forward           ? stage.times.forward
         : node.phase == Phase::weight_gradient ? stage.times.weight_gradient
                                                : stage.times.input_gradient) += seconds;
    }
    return stages;
}

void print_stages(PipelineGrid const& grid, std::vector<StageWork> const& stages) {
    say("{:>6}{:>6}{:>12}{:>7}  {:<36}{:>14}{:>12}\n", "stage", "row", "tiles", "units", "from ... to", "parameters",
        "GFLOP");
    for (int number = 0; number < grid.stages(); ++number) {
        StageWork const& stage = stages[static_cast<std::size_t>(number)];
        say("{:>6}{:>6}{:>12}{:>7}  {:<36}{:>14}{:>12.2f}\n", number, grid.row_of(number),
            to_string(grid.stage(number).tiles), stage.units,
            stage.units == 1 ? stage.first : stage.first + " ... " + stage.last, stage.parameters, 1e-9 * stage.flops);
    }
}

/// Columns add up to the arena.
void print_memory(std::vector<RankNeeds> const& ranks) {
    say("\nbytes of the arena, by rank, where most of them are in use\n{:>6}{:>5}", "rank", "row");
    for (char const* name : {"weights", "state", "gradients", "optimizer", "activations", "halo", "messages", "scratch",
                             "red zones", "gaps", "evaluation", "arena"}) {
        say("{:>12}", name);
    }
    say("\n");
    for (RankNeeds const& each : ranks) {
        MemoryUse const& use = each.memory;
        say("{:>6}{:>5}", each.rank, each.row);
        for (std::size_t const bytes : {use.parameters, use.state, use.gradients + each.split.gradients, use.optimizer,
                                        each.split.activations, each.split.halo, use.messages + each.split.messages,
                                        each.split.scratch, use.red_zones + each.split.red_zones, each.split.gaps,
                                        use.total() - use.persistent() - use.training(), use.total()}) {
            say("{:>12}", text_of(bytes));
        }
        say("\n");
    }
    auto const hungriest = std::max_element(ranks.begin(), ranks.end(), [](RankNeeds const& a, RankNeeds const& b) {
        return a.memory.total() < b.memory.total();
    });
    say("  most on rank {}, at operator {}; activations are those of {} micro-batches in flight\n", hungriest->rank,
        hungriest->memory.peak_node, hungriest->frames);
}

void print_traffic(std::vector<RankNeeds> const& ranks, Index micro_batches) {
    auto const steps = static_cast<std::size_t>(micro_batches);
    say("\nsent in one step, by rank\n{:>6}{:>16}{:>12}{:>14}{:>14}{:>18}{:>12}\n", "rank", "halo messages", "bytes",
        "tiles copied", "reductions", "stage messages", "bytes");
    for (RankNeeds const& each : ranks) {
        say("{:>6}{:>16}{:>12}{:>14}{:>14}{:>18}{:>12}\n", each.rank, steps * each.halo.messages,
            text_of(steps * each.halo.bytes), text_of(steps * each.halo.copied), steps * each.halo.reductions,
            steps * each.hand_over_messages, text_of(steps * each.hand_over_bytes));
    }
}

Simulation simulate_deck(Pipeline const& pipeline, std::vector<StageWork> const& stages) {
    Costs costs;
    for (StageWork const& stage : stages) { costs.stages.push_back(stage.times); }
    return simulate(pipeline.schedule, pipeline.links, costs);
}

void print_simulation(Pipeline const& pipeline, Simulation const& simulation) {
    say("\nschedule {}, simulated: a step takes {:.3g} s of the machine model, bubble {:.1f}% (idle share of the "
        "step), "
        "{:.1f}% (idle within each row's own work)\n",
        pipeline.schedule.name, simulation.makespan, 100 * simulation.bubble, 100 * simulation.window_bubble);
    for (std::size_t row = 0; row < simulation.peak_row_frames.size(); ++row) {
        say("  row {}: at most {} micro-batches in flight\n", row, simulation.peak_row_frames[row]);
    }
}

void write_timeline(std::string const& path, Pipeline const& pipeline, Simulation const& simulation) {
    write_file(path, draw_timeline(simulation.events, {pipeline.schedule.name, ""}));
    say("{}: the schedule as a picture\n", path);
}

}  // namespace

ExitCode plan_verb(Command const& command) {
    Deck const deck = read_deck(command.deck, command.overrides);
    require_outputs(deck, {command.timeline.value_or("")});
    RunPlan first = plan_run(deck, false);
    Pipeline const pipeline = first.pipeline;
    PipelineGrid const& grid = pipeline.grid;
    Index const micro_samples = first.micro_samples;
    std::vector<RankNeeds> ranks;
    std::optional<RunPlan> hungriest;
    for (int const rank : planned_ranks(grid, images_of(deck))) {
        // NOLINTNEXTLINE(bugprone-use-after-move): each rank comes once
        RunPlan plan = rank == 0 ? std::move(first) : plan_run(deck, false, rank);
        ranks.push_back(needs_of(plan));
        if (!hungriest || plan.engine->memory().total() > hungriest->engine->memory().total()) {
            hungriest = std::move(plan);
        }
    }
    Network const network = build_network(deck, Mode::train, micro_samples, {}, grid.first_units());
    std::vector<StageWork> const stages = work_of(network.graph, grid);
    say("{} on {} ranks; {} micro-batches of {} samples\n\n", to_string(grid), grid.ranks(), deck.train.micro_batches,
        micro_samples);
    print_stages(grid, stages);
    print_memory(ranks);
    say("  (with {} on each rank: ranks that share cores have fewer, OMP_NUM_THREADS says how many)\n",
        host_threads() == 1 ? "1 thread" : fmt::format("{} threads", host_threads()));
    if (static_cast<int>(ranks.size()) < grid.ranks_per_replica()) {
        say("  (of every row the tile with the most pixels in and around it)\n");
    }
    print_traffic(ranks, deck.train.micro_batches / grid.replicas());
    if (!pipeline.schedule.rows.empty()) {
        Simulation const simulation = simulate_deck(pipeline, stages);
        print_simulation(pipeline, simulation);
        if (command.timeline) { write_timeline(*command.timeline, pipeline, simulation); }
    } else if (command.timeline) {
        fail(ExitCode::bad_deck, "--timeline: one stage has no schedule: set parallel.stages to 2 or more");
    }
    require_fits(*hungriest);
    if (deck.memory.limit) {
        say("\nfits: the hungriest rank ({}) needs {} of {}\n", hungriest->rank, text_of(hungriest->memory().total()),
            text_of(static_cast<std::size_t>(*deck.memory.limit)));
    }
    return ExitCode::success;
}

}  // namespace aureole
