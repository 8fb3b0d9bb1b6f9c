// Times training steps of a deck without its data, and the bare oneDNN convolutions of the same network.
//   step_benchmark DECK [key=value ...] [--steps N] [--bare RUNS]
// Prints one line of JSON, with 0 bare seconds where the library has not got these convolutions;
// compare_pytorch_steps.py runs it beside PyTorch.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Kokkos_Core.hpp>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "app/run_plan.hpp"
#include "benchmarks/operators/bare_convolution.hpp"
#include "core/error.hpp"
#include "core/tensor/arena.hpp"
#include "core/tensor/philox.hpp"
#include "io/deck/parse.hpp"
#include "io/log/process_memory.hpp"

namespace {

using namespace aureole;
using Clock = std::chrono::steady_clock;

struct Options {
    std::string deck;
    std::vector<std::string> overrides;
    int steps = 5;
    int bare_runs = 0;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        std::string_view const word = argv[i];
        if (word == "--steps" && i + 1 < argc) {
            options.steps = std::atoi(argv[++i]);
        } else if (word == "--bare" && i + 1 < argc) {
            options.bare_runs = std::atoi(argv[++i]);
        } else if (options.deck.empty()) {
            options.deck = word;
        } else {
            options.overrides.emplace_back(word);
        }
    }
    require(!options.deck.empty(), ExitCode::bad_deck, "step_benchmark DECK [key=value ...] [--steps N] [--bare RUNS]");
    return options;
}

void fill_input(RunPlan const& plan) {
    Tensor const x = plan.engine->train().tensor(plan.train.input);
    std::vector<float> values(static_cast<std::size_t>(x.shape.volume()));
    for (std::size_t i = 0; i < values.size(); ++i) { values[i] = 2 * Philox::at(1, i).uniform(0) - 1; }
    write_values(values.data(), x);
    zero(plan.engine->train().tensor(plan.train.labels));
}

std::vector<double> time_steps(RunPlan const& plan, int steps) {
    std::vector<double> seconds;
    for (int step = -1; step < steps; ++step) {  // the first one touches the memory and does not count
        RunContext context;
        context.learning_rate = 1e-4;
        context.update = step + 1;
        fill_input(plan);
        auto const start = Clock::now();
        plan.engine->run_batch(context, [](Program const&, int, Index) {});
        static_cast<void>(plan.engine->update(1e-4, step + 1));
        fence("end of a timed step");
        if (step >= 0) { seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count()); }
    }
    return seconds;
}

/// Sum over the convolutions of the network, without those that recomputation adds.
double bare_convolutions(Program const& program, int runs) {
    benchmarks::BareConvolution const bare(runs);
    Graph const& graph = program.graph();
    double sum = 0;
    for (Node const& node : graph.nodes()) {
        if (node.phase == Phase::recompute || node.op->is_view()) { continue; }
        KernelRequest request{node.op.get(), 0, {}, {}};
        auto const spec = [&](ValueId id) {
            return TensorSpec::whole(graph.value(id).type.dtype, graph.value(id).type.shape);
        };
        for (ValueId const id : node.outputs) { request.outputs.push_back(spec(id)); }
        for (ValueId const id : node.inputs) { request.inputs.push_back(spec(id)); }
        if (benchmarks::BareConvolution::covers(request)) { sum += bare.seconds(request); }
    }
    return sum;
}

void run(Options const& options) {
    RunPlan plan = plan_run(read_deck(options.deck, options.overrides), false);
    std::size_t const resident = process_memory().resident;
    plan.engine->allocate(1);
    std::vector<double> const seconds = time_steps(plan, options.steps);
    std::size_t const peak = process_memory().peak;
    MemoryUse const memory = plan.engine->memory();
    double bare = 0;
    try {
        if (options.bare_runs > 0) { bare = bare_convolutions(plan.engine->train(), options.bare_runs); }
    } catch (Error const& error) {
        fmt::print(stderr, "step_benchmark: bare convolutions are not measured: {}\n", error.what());
    }
    fmt::print(R"({{"step_seconds":[{:.6f}],"bare_seconds":{:.6f},"arena_bytes":{},"parameter_bytes":{},)"
               R"("resident_bytes":{},"peak_bytes":{}}})"
               "\n",
               fmt::join(seconds, ","), bare, plan.engine->arena_bytes(), memory.parameters, resident, peak);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        Kokkos::ScopeGuard const kokkos;
        run(parse(argc, argv));
        return 0;
    } catch (std::exception const& error) {
        fmt::print(stderr, "step_benchmark: {}\n", error.what());
        return 1;
    }
}
