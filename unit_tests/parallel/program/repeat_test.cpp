// Bit for bit the same, run after run and for every number of threads.
#include <gtest/gtest.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

TEST(Repeat, ASecondRunGivesTheSame) {
    for (NamedSpec const& each : small_networks()) {
        for (auto const choice : {KernelChoice::native, KernelChoice::automatic}) {
            SCOPED_TRACE(each.name);
            NetworkSpec spec = each.spec;
            spec.dtype = choice == KernelChoice::native ? DType::f64 : DType::f32;
            NetworkRunner const runner(spec, choice);
            runner.write_random();
            runner.run();
            StepResult const first = runner.result();
            runner.write_random();
            runner.run();
            expect_same(runner.result(), first);
        }
    }
}

#if defined(_OPENMP)
/// The same networks with images large enough that row loops are shared among threads.
NetworkSpec enlarged(NetworkSpec spec) {
    spec.image.h *= 4;
    spec.image.w *= 4;
    return spec;
}

TEST(Repeat, NativeKernelsGiveTheSameOnOneTwoAndThreeThreads) {
    int const before = omp_get_max_threads();
    for (NamedSpec const& each : small_networks()) {
        for (auto const dtype : {DType::f64, DType::f32, DType::bf16}) {
            SCOPED_TRACE(each.name);
            SCOPED_TRACE(name_of(dtype));
            NetworkSpec spec = enlarged(each.spec);
            spec.dtype = dtype;
            omp_set_num_threads(1);
            StepResult const one = run_step(spec);
            for (int const threads : {2, 3}) {
                omp_set_num_threads(threads);
                expect_same(run_step(spec), one);
            }
        }
    }
    omp_set_num_threads(before);
}
#endif

}  // namespace
}  // namespace aureole::test
