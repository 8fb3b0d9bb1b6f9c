#include "benchmarks/operators/register.hpp"

#include "benchmarks/operators/kernel_run.hpp"

namespace aureole::benchmarks {

void count_work(benchmark::State& state, Cost const& cost) {
    auto const rate = benchmark::Counter::kIsIterationInvariantRate;
    if (cost.flops > 0) { state.counters["GFLOP/s"] = {cost.flops * 1e-9, rate}; }
    state.counters["GB/s"] = {cost.bytes * 1e-9, rate};
}

void register_kernel(std::string const& name, OperatorPtr const& op, std::vector<ValueType> const& inputs,
                     KernelChoice choice) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) {
                                     KernelRun const kernel(op, inputs, choice);
                                     kernel.run();
                                     for (auto _ : state) { kernel.run(); }
                                     state.SetLabel(std::string(kernel.library()));
                                     count_work(state, kernel.cost());
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

}  // namespace aureole::benchmarks
