#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "benchmarks/operators/bare_convolution.hpp"
#include "benchmarks/operators/kernel_run.hpp"
#include "benchmarks/operators/register.hpp"
#include "benchmarks/operators/shapes.hpp"

namespace aureole::benchmarks {

namespace {

struct ConvJob {
    std::string name;
    OperatorPtr op;
    std::vector<ValueType> inputs;
};

std::vector<ConvJob> jobs_of(ConvShape const& shape, DType dtype) {
    ConvAttributes const attributes = shape.attributes();
    ValueType const x{dtype, shape.x()}, w{DType::f32, conv_weight_shape(attributes, shape.channels)};
    auto const forward = std::make_shared<Conv>(attributes);
    ValueType const y = forward->infer(std::vector<ValueType>{x, w})[0];
    return {{"forward", forward, {x, w}},
            {"input_gradient", std::make_shared<ConvInputGradient>(attributes, shape.x()), {y, w}},
            {"weight_gradient", std::make_shared<ConvWeightGradient>(attributes), {x, y}}};
}

void measure_bare(benchmark::State& state, ConvJob const& job, ActivationLayout layout) {
    KernelRun const shapes(job.op, job.inputs, KernelChoice::automatic);
    for (auto _ : state) { state.SetIterationTime(BareConvolution(10, layout).seconds(shapes.request())); }
    count_work(state, shapes.cost());
}

}  // namespace

void register_convolutions() {
    for (ConvShape const& shape : conv_shapes()) {
        for (DType const dtype : {DType::f32, DType::bf16}) {
            for (ConvJob const& job : jobs_of(shape, dtype)) {
                auto const name = [&](std::string_view what) {
                    return fmt::format("conv/{}/{}/{}/{}", shape.name(), job.name, name_of(dtype), what);
                };
                register_kernel(name("aureole"), job.op, job.inputs, KernelChoice::automatic);
                register_kernel(name("native"), job.op, job.inputs, KernelChoice::native);
                for (auto const& [what, layout] : {std::pair{"bare_channels_last", ActivationLayout::channels_last},
                                                   std::pair{"bare_own_layout", ActivationLayout::library}}) {
                    benchmark::RegisterBenchmark(
                        name(what).c_str(),
                        [job, layout](benchmark::State& state) { measure_bare(state, job, layout); })
                        ->UseManualTime()
                        ->Iterations(1)
                        ->Unit(benchmark::kMillisecond);
                }
            }
        }
    }
}

}  // namespace aureole::benchmarks
