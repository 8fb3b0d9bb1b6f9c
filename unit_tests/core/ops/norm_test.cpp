#include "core/ops/norm.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

#include <cmath>

#include "core/error.hpp"
#include "unit_tests/core/ops/pointwise_cases.hpp"
#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {

namespace {

using Kind = NormAttributes::Kind;

NormAttributes attributes_of(PointwiseCase const& given) {
    NormAttributes a;
    a.kind = static_cast<Kind>(given.number("kind"));
    a.groups = static_cast<Index>(given.number("groups"));
    a.samples_per_group = static_cast<Index>(given.number("samples_per_group"));
    a.epsilon = given.number("epsilon");
    a.momentum = given.number("momentum");
    a.affine = given.flag("affine");
    a.residual = given.flag("residual");
    a.fixed_statistics = given.flag("evaluate");
    a.running = a.kind == Kind::batch;
    a.activation = activation_of(given, "activation");
    return a;
}

/// Mean and inverse deviation of x; the running statistics begin at 0 and 1.
std::vector<HostTensor> statistics(NormAttributes const& a, HostTensor const& x) {
    std::vector<HostTensor> inputs{x};
    DType const type = accumulation_type(x.dtype);
    if (a.running && a.kind == Kind::batch) {
        Shape const shape{1, 1, 1, 1, x.shape.c};
        auto const count = static_cast<std::size_t>(x.shape.c);
        inputs.push_back({shape, type, std::vector<double>(count, 0)});
        inputs.push_back({shape, type, std::vector<double>(count, 1)});
    }
    return run_operator(std::make_shared<NormStatistics>(a), inputs).outputs;
}

NormAttributes named(Kind kind, ActivationKind activation = ActivationKind::none) {
    NormAttributes a;
    a.kind = kind;
    a.activation.kind = activation;
    return a;
}

}  // namespace

/// Statistics, output, running statistics and all gradients.
TEST(Norm, AgreesWithPyTorch) {
    for (PointwiseCase const& given : pointwise_cases("norm_")) {
        NormAttributes const a = attributes_of(given);
        for (DType const dtype : floating_types) {
            SCOPED_TRACE(given.name + " in " + std::string(name_of(dtype)));
            DType const own = accumulation_type(dtype);
            double const tolerance = pointwise_tolerance(dtype);
            std::vector<HostTensor> running;
            if (a.running) { running = {given.tensor("running_mean", own), given.tensor("running_var", own)}; }

            OperatorRun moments;
            if (a.fixed_statistics) {
                moments = run_operator(std::make_shared<RunningStatistics>(a.epsilon), running);
            } else {
                std::vector<HostTensor> sources{given.tensor("x", dtype)};
                sources.insert(sources.end(), running.begin(), running.end());
                moments = run_operator(std::make_shared<NormStatistics>(a), sources);
                double const exact = own == DType::f64 ? 1e-12 : 1e-6;
                for (std::size_t i = 0; i < running.size(); ++i) {
                    char const* const name = i == 0 ? "running_mean_after" : "running_var_after";
                    expect_near(moments.inputs_after[1 + i], given.tensor(name, DType::f64), exact);
                }
            }

            std::vector<HostTensor> inputs{given.tensor("x", dtype)};
            std::vector<std::string> gradients{"dx"};
            if (a.residual) {
                inputs.push_back(given.tensor("residual", dtype));
                gradients.emplace_back("dresidual");
            }
            inputs.insert(inputs.end(), {moments.outputs[0], moments.outputs[1]});
            gradients.insert(gradients.end(), {"", ""});
            if (a.affine) {
                inputs.insert(inputs.end(), {given.tensor("gamma", own), given.tensor("beta", own)});
                gradients.insert(gradients.end(), {"dgamma", "dbeta"});
            }
            OperatorRun const run = run_operator(std::make_shared<Normalize>(a), inputs, {given.tensor("dy", dtype)});
            expect_near(run.outputs[0], given.tensor("y", DType::f64), tolerance);
            for (std::size_t i = 0; i < gradients.size(); ++i) {
                SCOPED_TRACE(gradients[i]);
                if (gradients[i].empty()) {
                    EXPECT_FALSE(run.gradients[i].has_value());
                    continue;
                }
                ASSERT_TRUE(run.gradients[i].has_value());
                expect_near(*run.gradients[i], given.tensor(gradients[i], DType::f64), tolerance);
            }
        }
    }
}

/// Mean 1000, deviation 1 in f32: E[x^2] - E[x]^2 would have no correct digit.
TEST(Norm, StatisticsSurviveALargeMean) {
    for (Shape const shape : {Shape{2, 1, 40, 50, 3}, Shape{3, 1, 31, 17, 64}, Shape{1, 1, 9, 11, 600}}) {
        HostTensor x = random_tensor(shape, DType::f64, 1, 998.5, 1001.5);
        x.values[0] = 0;  // an outlier where sums begin
        HostTensor const rounded = as_type(x, DType::f32);
        for (Kind const kind : {Kind::batch, Kind::instance}) {
            auto const exact = statistics(named(kind), as_type(rounded, DType::f64));
            auto const got = statistics(named(kind), rounded);
            expect_near(got[0], exact[0], 1e-7);
            expect_near(got[1], exact[1], 1e-5);
        }
    }
}

/// Brute force over sizes on both sides of every blocking: wide rows, chunks, folds.
TEST(Norm, StatisticsOfManySizes) {
    for (Shape const shape :
         {Shape{2, 1, 1, 1, 1}, Shape{2, 1, 1, 1, 700}, Shape{5, 1, 1, 1, 3}, Shape{300, 1, 1, 1, 17},
          Shape{2, 3, 5, 7, 1}, Shape{1, 1, 300, 301, 1}, Shape{2, 1, 65, 63, 15}, Shape{3, 1, 4, 4, 1025}}) {
        SCOPED_TRACE(to_string(shape));
        HostTensor const x = random_tensor(shape, DType::f64, 3);
        auto const got = statistics(named(Kind::batch), x);
        std::vector<double> mean(static_cast<std::size_t>(shape.c)), square = mean;
        auto const pixels = static_cast<double>(shape.pixels());
        for (std::size_t i = 0; i < x.values.size(); ++i) { mean[i % mean.size()] += x.values[i] / pixels; }
        for (std::size_t i = 0; i < x.values.size(); ++i) {
            double const d = x.values[i] - mean[i % mean.size()];
            square[i % mean.size()] += d * d / pixels;
        }
        for (std::size_t c = 0; c < mean.size(); ++c) {
            EXPECT_NEAR(got[0].values[c], mean[c], 1e-13);
            EXPECT_NEAR(got[1].values[c], 1 / std::sqrt(square[c] + 1e-5), 1e-9 * got[1].values[c]);
        }
    }
}

TEST(Norm, RefusesStatisticsOfOneValue) {
    for (Kind const kind : {Kind::batch, Kind::instance}) {
        NormStatistics const op(named(kind));
        std::array<ValueType, 1> const one{ValueType{DType::f32, {1, 1, 1, 1, 8}}};
        EXPECT_THROW(static_cast<void>(op.infer(one)), Error) << "the result would be the bias, whatever the input";
    }
}

TEST(Norm, GradientsWithFixedStatisticsMatchFiniteDifferences) {
    NormAttributes a = named(Kind::batch, ActivationKind::gelu_erf);
    a.fixed_statistics = a.residual = true;
    Shape const shape{2, 1, 5, 7, 6}, channels{1, 1, 1, 1, 6};
    HarnessOptions options;
    options.wanted = {true, true, false, false, true, true};
    expect_gradients_match_finite_differences(
        std::make_shared<Normalize>(a),
        {random_tensor(shape, DType::f64, 1), random_tensor(shape, DType::f64, 2),
         random_tensor(channels, DType::f64, 3), random_tensor(channels, DType::f64, 4, 0.5, 2),
         random_tensor(channels, DType::f64, 5), random_tensor(channels, DType::f64, 6)},
        options);
}

#ifdef _OPENMP
TEST(Norm, ResultsDoNotDependOnTheNumberOfThreads) {
    Shape const shape{2, 1, 61, 67, 24};
    NormAttributes const a = named(Kind::batch, ActivationKind::relu);
    HostTensor const x = random_tensor(shape, DType::f32, 1), dy = random_tensor(shape, DType::f32, 2);
    HostTensor const channels = random_tensor({1, 1, 1, 1, 24}, DType::f32, 3);
    int const threads = omp_get_max_threads();
    std::vector<std::vector<double>> results[2];
    for (int const team : {1, 3}) {
        omp_set_num_threads(team);
        auto const moments = statistics(a, x);
        OperatorRun const run =
            run_operator(std::make_shared<Normalize>(a), {x, moments[0], moments[1], channels, channels}, {dy});
        auto& to = results[team == 1 ? 0 : 1];
        to = {moments[0].values, moments[1].values, run.outputs[0].values};
        for (std::size_t const i : {0, 3, 4}) { to.push_back(run.gradients[i]->values); }
    }
    omp_set_num_threads(threads);
    EXPECT_EQ(results[0], results[1]);
}
#endif

/// dy in two terms equals their sum, for every type and with and without a residual.
TEST(Norm, TwoGradientTermsAreAdded) {
    for (bool const residual : {false, true}) {
        NormAttributes a = named(Kind::group, ActivationKind::relu);
        a.groups = 2;
        a.residual = residual;
        Shape const shape{2, 1, 5, 7, 6}, channels{1, 1, 1, 1, 6};
        HostTensor const x = random_tensor(shape, DType::f64, 1), addend = random_tensor(shape, DType::f64, 2);
        HostTensor const one = random_tensor(shape, DType::f64, 3), two = random_tensor(shape, DType::f64, 4);
        HostTensor sum = one;
        for (std::size_t i = 0; i < sum.values.size(); ++i) { sum.values[i] += two.values[i]; }
        auto const moments = statistics(a, x);
        std::vector<HostTensor> rest{x};
        if (residual) { rest.push_back(addend); }
        rest.insert(rest.end(), {moments[0], moments[1], random_tensor(channels, DType::f64, 5),
                                 random_tensor(channels, DType::f64, 6)});
        auto const join = [&](std::vector<HostTensor> head) {
            head.insert(head.end(), rest.begin(), rest.end());
            return head;
        };
        NormGradientAttributes const whole{a, false}, split{a, true};
        auto const want = run_operator(std::make_shared<NormReduce>(whole), join({sum})).outputs;
        auto const got = run_operator(std::make_shared<NormReduce>(split), join({one, two})).outputs;
        ASSERT_EQ(got.size(), 4U);
        for (std::size_t i = 0; i < 4; ++i) { expect_near(got[i], want[i], 1e-13); }
        rest.insert(rest.end(), {want[0], want[1]});
        auto const dx = run_operator(std::make_shared<NormInputGradient>(whole), join({sum})).outputs;
        auto const dx_split = run_operator(std::make_shared<NormInputGradient>(split), join({one, two})).outputs;
        ASSERT_EQ(dx_split.size(), residual ? 2U : 1U);
        for (std::size_t i = 0; i < dx.size(); ++i) { expect_near(dx_split[i], dx[i], 1e-14); }
    }
}

TEST(Norm, ParameterGradientsAccumulateAndMeansDoNot) {
    Shape const shape{2, 1, 4, 4, 5}, channels{1, 1, 1, 1, 5};
    NormAttributes const a = named(Kind::batch);
    HostTensor const x = random_tensor(shape, DType::f64, 1), dy = random_tensor(shape, DType::f64, 2);
    auto const moments = statistics(a, x);
    std::vector<HostTensor> const inputs{
        dy, x, moments[0], moments[1], random_tensor(channels, DType::f64, 5), random_tensor(channels, DType::f64, 6)};
    auto const op = std::make_shared<NormReduce>(NormGradientAttributes{a, false});
    EXPECT_TRUE(op->accumulates());

    KernelRequest request{op.get(), 0, {}, {}};
    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    auto const add = [&](TensorSpec const& spec) {
        buffers.push_back(std::make_unique<DeviceBuffer>(spec));
        return buffers.back()->tensor();
    };
    std::vector<Tensor> in, out;
    std::vector<ValueType> types;
    for (HostTensor const& input : inputs) {
        types.push_back({input.dtype, input.shape});
        request.inputs.push_back(TensorSpec::whole(input.dtype, input.shape));
        in.push_back(add(request.inputs.back()));
        buffers.back()->upload(input);
    }
    for (ValueType const& type : op->infer(types)) {
        request.outputs.push_back(TensorSpec::whole(type.dtype, type.shape));
        out.push_back(add(request.outputs.back()));
        buffers.back()->upload(random_tensor(type.shape, type.dtype, 9));  // to be overwritten
    }
    PlannedKernel const planned = plan_kernel(request, KernelChoice::native);
    DeviceBuffer const workspace(planned.kernel->workspace_bytes());
    auto const run = [&](bool accumulate) {
        RunContext context;
        context.accumulate = accumulate;
        planned.kernel->run(context, out, in, workspace.data());
        fence("end of a test kernel");
        std::vector<HostTensor> results;
        for (std::size_t i = inputs.size(); i < buffers.size(); ++i) { results.push_back(buffers[i]->download()); }
        return results;
    };
    auto first = run(false);
    auto const second = run(true);
    for (std::size_t i = 0; i < 4; ++i) {
        if (i >= 2) {
            for (double& value : first[i].values) { value *= 2; }
        }
        expect_near(second[i], first[i], 1e-15);
    }
}

/// With fixed statistics every pixel stands alone; with instance statistics the tile is given the global ones.
TEST(Norm, TilesMatchWhole) {
    Shape const shape{2, 1, 7, 9, 6};
    for (Kind const kind : {Kind::batch, Kind::instance, Kind::group}) {
        for (DType const dtype : {DType::f32, DType::bf16}) {
            NormAttributes a = named(kind, ActivationKind::relu);
            a.groups = kind == Kind::group ? 3 : 1;
            a.residual = true;
            HostTensor const x = random_tensor(shape, dtype, 1),
                             channels = random_tensor({1, 1, 1, 1, 6}, DType::f32, 3);
            auto const moments = statistics(a, x);
            expect_tiles_match_whole(std::make_shared<Normalize>(a),
                                     {x, random_tensor(shape, dtype, 2), moments[0], moments[1], channels, channels},
                                     {1, 3, 2});
            NormGradientAttributes const backward{a, true};
            expect_tiles_match_whole(
                std::make_shared<NormInputGradient>(backward),
                {random_tensor(shape, dtype, 4), random_tensor(shape, dtype, 5), x, random_tensor(shape, dtype, 2),
                 moments[0], moments[1], channels, channels, moments[0], moments[1]},
                {1, 3, 2});
        }
    }
}

TEST(Norm, RefusesWhatDoesNotDivide) {
    NormAttributes group = named(Kind::group);
    group.groups = 4;
    EXPECT_THROW((void)norm_statistics_shape(group, {2, 1, 4, 4, 6}), Error);
    NormAttributes batch = named(Kind::batch);
    batch.samples_per_group = 3;
    EXPECT_THROW((void)norm_statistics_shape(batch, {4, 1, 4, 4, 6}), Error);
    batch.samples_per_group = 2;
    EXPECT_EQ(norm_statistics_shape(batch, {4, 1, 4, 4, 6}), (Shape{2, 1, 1, 1, 6}));
}

}  // namespace aureole::test
