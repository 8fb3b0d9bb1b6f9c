/// Operator benchmarks. Choose with --benchmark_filter, e.g. 'conv/resnet50.*bf16' or 'norm/'; set OMP_NUM_THREADS.
#include <Kokkos_Core.hpp>

#include "benchmarks/operators/register.hpp"

int main(int argc, char** argv) {
    Kokkos::ScopeGuard const kokkos(argc, argv);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) { return 2; }
    aureole::benchmarks::register_convolutions();
    aureole::benchmarks::register_norms_and_pools();
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
