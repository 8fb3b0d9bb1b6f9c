#include "core/ops/conv.hpp"

#include "core/error.hpp"
#include "core/kernels/native/conv_gather.hpp"
#include "core/kernels/native/conv_weight_sums.hpp"
#include "unit_tests/core/ops/windowed_cases.hpp"
#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {

namespace {

ConvAttributes attributes_of(WindowedCase const& given) {
    return {.window = given.windows(),
            .filters = given.tensor("dy", DType::f64).shape.c,
            .groups = given.number("groups"),
            .bias = given.flag("bias")};
}

HostTensor random_weights(ConvAttributes const& attributes, Index channels, DType dtype, std::uint64_t seed = 2) {
    return random_tensor(conv_weight_shape(attributes, channels), dtype, seed);
}

/// 3x3 with stride, asymmetric padding and dilation, which leaves no symmetry to hide behind.
ConvAttributes crooked(Index filters, Index groups = 1) {
    return {.window = {Window{2, 1, 0, 1, 1}, Window{3, 2, 2, 1, 2}, Window{3, 3, 1, 0, 1}},
            .filters = filters,
            .groups = groups};
}

}  // namespace

TEST(Conv, AgreesWithPyTorch) {
    for (WindowedCase const& given : windowed_cases("conv_")) {
        ConvAttributes const attributes = attributes_of(given);
        expect_golden(std::make_shared<Conv>(attributes), given, true, attributes.bias);
    }
}

TEST(Conv, Bf16WeightsServeAsWell) {
    WindowedCase const given{"conv_plain"};
    auto const op = std::make_shared<Conv>(attributes_of(given));
    std::vector<HostTensor> inputs{given.tensor("x", DType::bf16), given.tensor("w", DType::f32),
                                   given.tensor("b", DType::f32)};
    OperatorRun const with_f32 = run_operator(op, inputs);
    inputs[1] = given.tensor("w", DType::bf16);  // the golden weights are exact in bf16
    OperatorRun const with_bf16 = run_operator(op, inputs);
    EXPECT_EQ(with_f32.outputs[0].values, with_bf16.outputs[0].values);
}

TEST(Conv, GradientsMatchFiniteDifferencesWithAddend) {
    ConvAttributes attributes = crooked(4, 2);
    attributes.bias = attributes.addend = true;
    Shape const x{2, 3, 7, 8, 6};
    Shape y = output_shape(attributes.window, x);
    y.c = attributes.filters;
    expect_gradients_match_finite_differences(
        std::make_shared<Conv>(attributes),
        {random_tensor(x, DType::f64, 1), random_tensor(y, DType::f64, 5), random_weights(attributes, x.c, DType::f64),
         random_tensor({1, 1, 1, 1, 4}, DType::f64, 3)});
}

TEST(Conv, LongSumsStayAccurateInF32) {
    // offset values make every partial sum grow: naive f32 sums over 40 thousand pixels lose 4 digits
    ConvAttributes const attributes{.window = {Window{}, Window{1}, Window{3, 1, 1, 1, 1}}, .filters = 3, .bias = true};
    Shape const x{1, 1, 200, 201, 5};
    std::vector<HostTensor> inputs{random_tensor(x, DType::f32, 1, 0, 2), random_weights(attributes, 5, DType::f32),
                                   random_tensor({1, 1, 1, 1, 3}, DType::f32, 3)};
    HostTensor dy = random_tensor({1, 1, 200, 201, 3}, DType::f32, 4, 0, 2);
    auto const op = std::make_shared<Conv>(attributes);
    OperatorRun const single = run_operator(op, inputs, {dy});
    for (HostTensor& input : inputs) { input.dtype = DType::f64; }
    dy.dtype = DType::f64;
    OperatorRun const exact = run_operator(op, inputs, {dy});
    expect_near(single.outputs[0], exact.outputs[0], 1e-6);
    for (std::size_t i = 0; i < 3; ++i) { expect_near(*single.gradients[i], *exact.gradients[i], 5e-7); }
}

TEST(Conv, WeightGradientsAccumulateOverMicroBatches) {
    ConvAttributes attributes = crooked(5);
    attributes.bias = true;
    Shape const x{1, 2, 9, 10, 3};
    std::vector<TensorSpec> out, in;
    ConvWeightGradient const op(attributes);
    Shape y = output_shape(attributes.window, x);
    y.c = 5;
    HostTensor const hx = random_tensor(x, DType::f64, 1), hdy = random_tensor(y, DType::f64, 2);
    auto const types = op.infer(std::array<ValueType, 2>{ValueType{DType::f64, x}, ValueType{DType::f64, y}});
    KernelRequest const request{
        &op,
        0,
        {TensorSpec::whole(DType::f64, types[0].shape), TensorSpec::whole(DType::f64, types[1].shape)},
        {TensorSpec::whole(DType::f64, x), TensorSpec::whole(DType::f64, y)}};
    DeviceBuffer bx(request.inputs[0]), bdy(request.inputs[1]), bdw(request.outputs[0]), bdb(request.outputs[1]);
    bx.upload(hx);
    bdy.upload(hdy);
    PlannedKernel const planned = plan_kernel(request, KernelChoice::native);
    DeviceBuffer const workspace(planned.kernel->workspace_bytes());
    std::array<Tensor, 2> const outputs{bdw.tensor(), bdb.tensor()}, inputs{bx.tensor(), bdy.tensor()};
    RunContext context;
    planned.kernel->run(context, outputs, inputs, workspace.data());
    HostTensor once = bdw.download(), once_bias = bdb.download();
    context.accumulate = true;
    planned.kernel->run(context, outputs, inputs, workspace.data());
    for (double& value : once.values) { value *= 2; }
    for (double& value : once_bias.values) { value *= 2; }
    expect_near(bdw.download(), once, 1e-14);
    expect_near(bdb.download(), once_bias, 1e-14);
}

TEST(Conv, TilesMatchWhole) {
    ConvAttributes attributes = crooked(4, 2);
    attributes.bias = attributes.addend = true;
    Shape const x{2, 4, 13, 17, 6};
    Shape y = output_shape(attributes.window, x);
    y.c = 4;
    std::vector<HostTensor> const inputs{random_tensor(x, DType::f32, 1), random_tensor(y, DType::f32, 4),
                                         random_weights(attributes, 6, DType::f32),
                                         random_tensor({1, 1, 1, 1, 4}, DType::f32, 3)};
    expect_tiles_match_whole(std::make_shared<Conv>(attributes), inputs, {2, 3, 2});
    auto const gradient = std::make_shared<ConvInputGradient>(attributes, x);
    expect_tiles_match_whole(gradient, {inputs[1], inputs[2]}, {3, 4, 3});
}

TEST(Conv, RefusesWhatDoesNotFit) {
    auto const infer = [](ConvAttributes const& attributes, Shape const& x) {
        Conv const op(attributes);
        return op.infer(std::array<ValueType, 2>{
            ValueType{DType::f32, x},
            ValueType{DType::f32, attributes.groups > 0 ? conv_weight_shape(attributes, x.c) : Shape{}}});
    };
    auto const code = [&](ConvAttributes const& attributes, Shape const& x) {
        try {
            infer(attributes, x);
        } catch (Error const& error) { return error.code(); }
        return ExitCode::success;
    };
    Window const three{3, 1, 0, 0, 1};
    EXPECT_EQ(code({.window = {Window{}, three, three}, .filters = 4}, {1, 1, 3, 3, 2}), ExitCode::success);
    EXPECT_EQ(code({.window = {Window{}, three, three}, .filters = 4}, {1, 1, 2, 3, 2}), ExitCode::bad_deck);
    EXPECT_EQ(code({.filters = 4, .groups = 3}, {1, 1, 2, 3, 6}), ExitCode::bad_deck);
    EXPECT_EQ(code({.filters = 4, .groups = 0}, {1, 1, 2, 3, 6}), ExitCode::bad_deck);
    EXPECT_EQ(code({.window = {Window{}, Window{1, 0}, Window{}}, .filters = 4}, {1, 1, 4, 4, 2}), ExitCode::bad_deck);
    EXPECT_EQ(code({.window = {Window{}, Window{1, 1, -1}, Window{}}, .filters = 4}, {1, 1, 4, 4, 2}),
              ExitCode::bad_deck);
}

/// A device calls the functors column by column, a host row by row: both must give the same sums.
TEST(Conv, ColumnsOneByOneMatchRows) {
    if (!runs_on_host) { GTEST_SKIP() << "the device runs columns one by one anyway"; }
    constexpr int columns = 16, pixels = 8;
    Index const channels = 5, filters = 19, n = 2;
    Windows const windows{Window{}, Window{3, 1, 1, 1, 1}, Window{3, 2, 1, 1, 1}};
    Shape const x{n, 1, 6, 7, channels};
    Shape y = output_shape(windows, x);
    y.c = filters;
    TensorSpec const sx = TensorSpec::whole(DType::f64, x), sy = TensorSpec::whole(DType::f64, y);
    auto const lattice = native::conv_lattice(windows, sx, sy);
    HostTensor const source = random_tensor(x, DType::f64, 1), dy = random_tensor(y, DType::f64, 2);
    std::vector<double> const zeros(static_cast<std::size_t>(channels), 0.0);
    Index const chunks = 2, taps = 9;
    HostTensor const packed = random_tensor({chunks, taps, channels, 1, columns}, DType::f64, 3);

    native::ConvGather<double, double, pixels, columns> gather{};
    std::vector<double> by_row(static_cast<std::size_t>(y.volume())), by_column = by_row;
    gather.source = source.values.data();
    gather.zeros = zeros.data();
    gather.packed = packed.values.data();
    gather.out = native::local_place(sy);
    gather.in = native::global_place(sx, sy);
    std::copy(lattice.begin(), lattice.end(), gather.axis);
    gather.positions = y.pixels();
    gather.blocks = (y.pixels() + pixels - 1) / pixels;
    gather.inputs = channels;
    gather.outputs = filters;
    gather.chunks = chunks;
    for (Index row = 0; row < gather.blocks * chunks; ++row) {
        gather.y = by_row.data();
        gather(row, 0, columns);
        gather.y = by_column.data();
        for (Index column = 0; column < columns; ++column) { gather(row, column, column + 1); }
    }
    expect_near({y, DType::f64, by_column}, {y, DType::f64, by_row}, 1e-15);

    auto const geometry = native::weight_geometry(windows, sx, sy);
    native::ConvWeightPartial<double, double, 4, columns> sums{};
    Shape const dw{1, 3, 3, channels, filters};
    std::vector<double> sums_by_row(static_cast<std::size_t>(dw.volume())), sums_by_column = sums_by_row;
    sums.x = source.values.data();
    sums.dy = dy.values.data();
    sums.in = geometry.in;
    sums.out = geometry.out;
    std::copy(geometry.axis.begin(), geometry.axis.end(), sums.axis);
    sums.pixels = sums.chunk_pixels = geometry.pixels;
    sums.inputs = channels;
    sums.outputs = filters;
    sums.groups = 1;
    sums.input_blocks = sums.output_chunks = 2;
    for (Index row = 0; row < taps * sums.input_blocks * sums.output_chunks; ++row) {
        sums.partial = sums_by_row.data();
        sums(row, 0, columns);
        sums.partial = sums_by_column.data();
        for (Index column = 0; column < columns; ++column) { sums(row, column, column + 1); }
    }
    expect_near({dw, DType::f64, sums_by_column}, {dw, DType::f64, sums_by_row}, 1e-15);
}

}  // namespace aureole::test
