#include "core/ops/layer_norm.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.hpp"
#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

namespace {

OperatorPtr make(double epsilon = 1e-5) { return std::make_shared<LayerNorm>(LayerNormAttributes{epsilon}); }

HostTensor golden(std::string const& name, std::string const& dataset, DType dtype) {
    return as_type(read_golden("layer_norm.h5", name + "/" + dataset), dtype);
}

std::vector<HostTensor> random_inputs(Shape const& shape, DType dtype, double mean = 0, double deviation = 1) {
    DType const parameters = accumulation_type(dtype);
    Shape const per_channel{1, 1, 1, 1, shape.c};
    return {random_tensor(shape, dtype, 1, mean - deviation, mean + deviation),
            random_tensor(per_channel, parameters, 2, 0.5, 1.5), random_tensor(per_channel, parameters, 3)};
}

/// y by the definition, in double.
HostTensor expected(std::vector<HostTensor> const& inputs, double epsilon) {
    HostTensor y = as_type(inputs[0], DType::f64);
    auto const c = static_cast<std::size_t>(y.shape.c);
    for (std::size_t row = 0; row < y.values.size(); row += c) {
        double mean = 0, variance = 0;
        for (std::size_t i = 0; i < c; ++i) { mean += y.values[row + i] / static_cast<double>(c); }
        for (std::size_t i = 0; i < c; ++i) {
            variance += (y.values[row + i] - mean) * (y.values[row + i] - mean) / static_cast<double>(c);
        }
        for (std::size_t i = 0; i < c; ++i) {
            y.values[row + i] =
                (y.values[row + i] - mean) / std::sqrt(variance + epsilon) * inputs[1].values[i] + inputs[2].values[i];
        }
    }
    return y;
}

}  // namespace

TEST(LayerNorm, AgreesWithPyTorch) {
    for (std::string const& name : golden_cases("layer_norm.h5", "layer_norm_")) {
        double const epsilon = golden_attribute("layer_norm.h5", name, "epsilon")[0];
        for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
            SCOPED_TRACE(name + " in " + std::string(name_of(dtype)));
            double const tolerance = dtype == DType::f64 ? 1e-10 : dtype == DType::f32 ? 1e-5 : 2e-2;
            DType const parameters = accumulation_type(dtype);
            OperatorRun const run = run_operator(
                make(epsilon),
                {golden(name, "x", dtype), golden(name, "gamma", parameters), golden(name, "beta", parameters)},
                {golden(name, "dy", dtype)});
            expect_near(run.outputs[0], golden(name, "y", DType::f64), tolerance);
            std::array<std::string, 3> const gradients{"dx", "dgamma", "dbeta"};
            for (std::size_t i = 0; i < gradients.size(); ++i) {
                SCOPED_TRACE(gradients[i]);
                ASSERT_TRUE(run.gradients[i].has_value());
                expect_near(*run.gradients[i], golden(name, gradients[i], DType::f64), tolerance);
            }
        }
    }
}

TEST(LayerNorm, GradientsMatchFiniteDifferences) {
    expect_gradients_match_finite_differences(make(1e-3), random_inputs({2, 1, 3, 4, 37}, DType::f64));
}

TEST(LayerNorm, TilesMatchWhole) {
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        expect_tiles_match_whole(make(), random_inputs({2, 2, 5, 6, 21}, dtype), {2, 3, 2});
    }
}

TEST(LayerNorm, KeepsDigitsFarFromZero) {
    std::vector<HostTensor> const inputs = random_inputs({1, 1, 4, 8, 96}, DType::f32, 1000, 1);
    OperatorRun const run = run_operator(make(), inputs);
    // the mean itself, as f32, is known to 3e-5 only
    expect_near(run.outputs[0], expected(inputs, 1e-5), 1e-4);
}

TEST(LayerNorm, ConstantPixelGivesBeta) {
    std::vector<HostTensor> inputs = random_inputs({1, 1, 2, 2, 19}, DType::f32);
    for (double& value : inputs[0].values) { value = 3.25; }
    OperatorRun const run = run_operator(make(), inputs, {random_tensor(inputs[0].shape, DType::f32, 9)});
    for (std::size_t i = 0; i < run.outputs[0].values.size(); ++i) {
        EXPECT_EQ(run.outputs[0].values[i], inputs[2].values[i % 19]);
    }
    for (double const value : run.gradients[0]->values) { EXPECT_TRUE(std::isfinite(value)); }
}

TEST(LayerNorm, WeightGradientsOverManyPixelsKeepDigits) {
    // dy and xhat of one sign in channel 0, so that the sums grow with the number of pixels
    std::vector<HostTensor> inputs = random_inputs({1, 1, 300, 500, 3}, DType::f32);
    for (std::size_t i = 0; i < inputs[0].values.size(); i += 3) { inputs[0].values[i] = 2; }
    HostTensor const dy = random_tensor(inputs[0].shape, DType::f32, 4, 0.5, 1);
    OperatorRun const single = run_operator(make(), inputs, {dy});
    for (HostTensor& tensor : inputs) { tensor = as_type(tensor, DType::f64); }
    OperatorRun const exact = run_operator(make(), inputs, {as_type(dy, DType::f64)});
    for (std::size_t i = 1; i < 3; ++i) { expect_near(*single.gradients[i], *exact.gradients[i], 2e-7); }
    double sum = 0;
    for (std::size_t i = 0; i < dy.values.size(); i += 3) { sum += dy.values[i]; }
    EXPECT_NEAR(exact.gradients[2]->values[0], sum, 1e-9 * sum);
}

TEST(LayerNorm, WeightGradientsAccumulate) {
    Shape const shape{1, 1, 3, 40, 6}, per_channel{1, 1, 1, 1, 6}, per_pixel{1, 1, 3, 40, 1};
    std::array<HostTensor, 4> const inputs{random_tensor(shape, DType::f64, 1), random_tensor(shape, DType::f64, 2),
                                           random_tensor(per_pixel, DType::f64, 3),
                                           random_tensor(per_pixel, DType::f64, 4, 1, 2)};
    LayerNormWeightGradient const op;
    KernelRequest request{&op, 0, {}, {}};
    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    std::vector<Tensor> in, out;
    for (HostTensor const& input : inputs) {
        request.inputs.push_back(TensorSpec::whole(input.dtype, input.shape));
        buffers.push_back(std::make_unique<DeviceBuffer>(request.inputs.back()));
        buffers.back()->upload(input);
        in.push_back(buffers.back()->tensor());
    }
    for (int i = 0; i < 2; ++i) {
        request.outputs.push_back(TensorSpec::whole(DType::f64, per_channel));
        buffers.push_back(std::make_unique<DeviceBuffer>(request.outputs.back()));
        buffers.back()->upload(random_tensor(per_channel, DType::f64, 5));
        out.push_back(buffers.back()->tensor());
    }
    PlannedKernel const planned = plan_kernel(request, KernelChoice::native);
    DeviceBuffer const workspace(planned.kernel->workspace_bytes());
    planned.kernel->run({}, out, in, workspace.data());
    std::array<HostTensor, 2> const once{buffers[4]->download(), buffers[5]->download()};
    RunContext again;
    again.accumulate = true;
    planned.kernel->run(again, out, in, workspace.data());
    for (std::size_t i = 0; i < 2; ++i) {
        HostTensor twice = once[i];
        for (double& value : twice.values) { value *= 2; }
        expect_near(buffers[4 + i]->download(), twice, 1e-14);
    }
    double sum = 0;
    for (std::size_t i = 0; i < inputs[0].values.size(); i += 6) { sum += inputs[0].values[i]; }
    EXPECT_NEAR(once[1].values[0], sum, 1e-12);
}

TEST(LayerNorm, RefusesParametersThatDoNotFit) {
    std::vector<ValueType> const inputs{
        {DType::bf16, {1, 1, 2, 2, 8}}, {DType::f32, {1, 1, 1, 1, 8}}, {DType::f32, {1, 1, 1, 1, 4}}};
    EXPECT_THROW((void)make()->infer(inputs), Error);
    EXPECT_EQ(make()->infer(std::vector<ValueType>{inputs[0], inputs[1], inputs[1]})[1],
              (ValueType{DType::f32, {1, 1, 2, 2, 1}}));
}

}  // namespace aureole::test
