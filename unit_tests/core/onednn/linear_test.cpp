#include "core/ops/linear.hpp"

#include "core/kernels/onednn/geometry.hpp"
#include "core/ops/conv.hpp"
#include "unit_tests/core/onednn/support.hpp"
#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {
namespace {

class OnednnLinear : public testing::TestWithParam<DType> {};

TEST_P(OnednnLinear, matches_native) {
    DType const dtype = GetParam();
    if (dtype == DType::bf16 && !onednn::has_bf16()) { GTEST_SKIP() << "this processor has no bf16"; }
    for (Shape const& x : {Shape{3, 1, 1, 1, 64}, Shape{1, 1, 1, 1, 33}, Shape{2, 1, 3, 5, 20}}) {
        for (Index const features : {1, 10, 48}) {
            for (bool const bias : {false, true}) {
                std::vector<HostTensor> inputs{random_tensor(x, dtype, 1),
                                               random_tensor({1, 1, 1, x.c, features}, DType::f32, 2)};
                if (bias) { inputs.push_back(random_tensor({1, 1, 1, 1, features}, DType::f32, 3)); }
                OperatorRun const run =
                    expect_matches_native(std::make_shared<Linear>(LinearAttributes{features, bias}), inputs, dtype);
                EXPECT_TRUE(ran(run, "linear: onednn"));
                EXPECT_TRUE(ran(run, "linear_input_gradient: onednn"));
                EXPECT_TRUE(ran(run, "linear_weight_gradient: onednn"));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(types, OnednnLinear, testing::Values(DType::f32, DType::bf16),
                         [](auto const& given) { return std::string(name_of(given.param)); });

/// Runs a weight gradient twice, the second time adding, and expects twice the gradient.
void expect_accumulates(OperatorPtr const& op, std::vector<HostTensor> const& inputs) {
    std::vector<ValueType> types;
    KernelRequest request{op.get(), 0, {}, {}};
    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    std::vector<Tensor> in, out;
    for (HostTensor const& input : inputs) {
        types.push_back({input.dtype, input.shape});
        request.inputs.push_back(TensorSpec::whole(input.dtype, input.shape));
        buffers.push_back(std::make_unique<DeviceBuffer>(request.inputs.back()));
        buffers.back()->upload(input);
        in.push_back(buffers.back()->tensor());
    }
    for (ValueType const& type : op->infer(types)) {
        request.outputs.push_back(TensorSpec::whole(type.dtype, type.shape));
        buffers.push_back(std::make_unique<DeviceBuffer>(request.outputs.back()));
        out.push_back(buffers.back()->tensor());
    }
    PlannedKernel const planned = plan_kernel(request, KernelChoice::automatic);
    EXPECT_EQ(planned.library.substr(0, 6), "onednn");
    DeviceBuffer const workspace(planned.kernel->workspace_bytes());
    RunContext context;
    std::vector<HostTensor> once;
    planned.kernel->run(context, out, in, workspace.data());
    for (std::size_t i = inputs.size(); i < buffers.size(); ++i) { once.push_back(buffers[i]->download()); }
    context.accumulate = true;
    planned.kernel->run(context, out, in, workspace.data());
    for (std::size_t i = 0; i < once.size(); ++i) {
        for (double& value : once[i].values) { value *= 2; }
        expect_near(buffers[inputs.size() + i]->download(), once[i], 1e-6);
    }
}

TEST(OnednnWeightGradient, adds_to_what_is_there) {
    for (Index const channels : {3, 16, 40}) {
        ConvAttributes const attributes{{Window{}, Window{3, 1, 1, 1}, Window{3, 1, 1, 1}}, 24, 1, true};
        expect_accumulates(
            std::make_shared<ConvWeightGradient>(attributes),
            {random_tensor({1, 1, 9, 10, channels}, DType::f32, 1), random_tensor({1, 1, 9, 10, 24}, DType::f32, 2)});
        expect_accumulates(
            std::make_shared<LinearWeightGradient>(LinearAttributes{10, true}),
            {random_tensor({4, 1, 1, 1, channels}, DType::f32, 1), random_tensor({4, 1, 1, 1, 10}, DType::f32, 2)});
    }
}

}  // namespace
}  // namespace aureole::test
