#include "core/optim/optimizer.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {

namespace {

using Kind = OptimizerSettings::Kind;

/// A parameter with its gradient and the optimizer's slots, which begin at zero.
struct Parameter {
    Parameter(HostTensor const& values, OptimizerSettings const& settings, bool decay = true)
        : spec(TensorSpec::whole(values.dtype, values.shape)), w(spec), dw(spec) {
        w.upload(values);
        for (std::size_t i = 0; i < optimizer_slots(settings).size(); ++i) {
            slots.push_back(std::make_unique<DeviceBuffer>(spec));
            slots.back()->upload({values.shape, values.dtype, std::vector<double>(values.values.size(), 0)});
        }
        tensor = {w.tensor(), dw.tensor(), {}, decay};
        for (auto const& slot : slots) { tensor.slots.push_back(slot->tensor()); }
    }
    TensorSpec spec;
    DeviceBuffer w, dw;
    std::vector<std::unique_ptr<DeviceBuffer>> slots;
    OptimizedTensor tensor;
};

std::vector<double> attribute(std::string const& name, std::string const& key) {
    return golden_attribute("optim.h5", name, key);
}

OptimizerSettings settings_of(std::string const& name) {
    OptimizerSettings settings;
    settings.weight_decay = attribute(name, "weight_decay")[0];
    if (name.rfind("sgd", 0) == 0) {
        settings.momentum = attribute(name, "momentum")[0];
        settings.nesterov = attribute(name, "nesterov")[0] != 0;
    } else {
        settings.kind = Kind::adamw;
        settings.beta1 = attribute(name, "beta1")[0];
        settings.beta2 = attribute(name, "beta2")[0];
        settings.epsilon = attribute(name, "epsilon")[0];
    }
    return settings;
}

HostTensor row(HostTensor const& rows, Index i) {
    auto const first = rows.values.begin() + static_cast<std::ptrdiff_t>(i * rows.shape.c);
    return {{1, 1, 1, 1, rows.shape.c}, rows.dtype, {first, first + static_cast<std::ptrdiff_t>(rows.shape.c)}};
}

HostTensor constant(Index count, double value) {
    return {{1, 1, 1, 1, count}, DType::f64, std::vector<double>(static_cast<std::size_t>(count), value)};
}

/// One plain step of w = 1 with the given gradient; the result.
std::vector<double> one_step(OptimizerSettings const& settings, HostTensor const& gradient, double scale = 1,
                             bool decay = true) {
    Parameter const parameter(constant(gradient.shape.c, 1), settings, decay);
    parameter.dw.upload(gradient);
    optimizer_step({parameter.tensor}, settings, 0.5, 0, scale);
    fence("end of a test kernel");
    return parameter.w.download().values;
}

}  // namespace

TEST(Optimizer, AgreesWithPyTorch) {
    for (std::string const& name : golden_cases("optim.h5", "")) {
        OptimizerSettings const settings = settings_of(name);
        HostTensor const gradients = read_golden("optim.h5", name + "/dw");
        HostTensor const after = read_golden("optim.h5", name + "/after");
        std::vector<double> const rates = attribute(name, "lr");
        for (DType const dtype : {DType::f64, DType::f32}) {
            SCOPED_TRACE(name + " in " + std::string(name_of(dtype)));
            Parameter const parameter(as_type(read_golden("optim.h5", name + "/w"), dtype), settings);
            for (Index step = 0; step < static_cast<Index>(rates.size()); ++step) {
                parameter.dw.upload(as_type(row(gradients, step), dtype));
                optimizer_step({parameter.tensor}, settings, rates[static_cast<std::size_t>(step)], step, 1);
                fence("end of a test kernel");
                expect_near(parameter.w.download(), row(after, step), dtype == DType::f64 ? 1e-13 : 2e-6);
            }
        }
    }
}

TEST(Optimizer, DecaysOnlyWhatMayDecay) {
    OptimizerSettings settings;
    settings.weight_decay = 0.25;
    EXPECT_EQ(one_step(settings, constant(3, 0))[0], 0.875);
    EXPECT_EQ(one_step(settings, constant(3, 0), 1, false)[0], 1);
    settings.decay_norm_and_bias = true;
    EXPECT_EQ(one_step(settings, constant(3, 0), 1, false)[0], 0.875);
}

TEST(Optimizer, ScalesAndCutsGradients) {
    OptimizerSettings settings;
    EXPECT_EQ(one_step(settings, constant(3, 4), 0.25)[0], 0.5);
    settings.clip_value = 0.5;
    EXPECT_EQ(one_step(settings, constant(3, 4), 0.25)[0], 0.75);
    EXPECT_EQ(one_step(settings, constant(3, -4))[0], 1.25);
    EXPECT_EQ(one_step(settings, constant(3, 0.125))[0], 0.9375);
}

TEST(Optimizer, AGradientThatIsNotANumberIsNotHidden) {
    OptimizerSettings settings;
    EXPECT_TRUE(std::isnan(one_step(settings, constant(3, std::nan("")))[0]));
    settings.clip_value = 1;
    EXPECT_TRUE(std::isnan(one_step(settings, constant(3, std::nan("")))[0]));
}

TEST(Optimizer, GradientNormIsThatOfAllTensors) {
    OptimizerSettings const settings;
    std::vector<std::unique_ptr<Parameter>> parameters;
    std::vector<OptimizedTensor> tensors;
    double squares = 0;
    for (Index const count : {1, 4095, 4097, 20000}) {
        for (DType const dtype : {DType::f32, DType::f64}) {
            HostTensor const gradient = random_tensor({1, 1, 1, 1, count}, dtype, static_cast<std::uint64_t>(count));
            parameters.push_back(std::make_unique<Parameter>(gradient, settings));
            parameters.back()->dw.upload(gradient);
            tensors.push_back(parameters.back()->tensor);
            for (double const value : gradient.values) { squares += value * value; }
        }
    }
    std::size_t const bytes = gradient_norm_workspace(tensors);
    DeviceBuffer const workspace(
        TensorSpec::whole(DType::f64, {1, 1, 1, 1, static_cast<Index>(bytes / sizeof(double))}));
    double const norm = gradient_norm(tensors, workspace.tensor());
    EXPECT_NEAR(norm, std::sqrt(squares), 1e-13 * norm);
    EXPECT_EQ(gradient_norm(tensors, workspace.tensor()), norm);
}

TEST(Optimizer, SlotsFollowTheRule) {
    OptimizerSettings settings;
    EXPECT_TRUE(optimizer_slots(settings).empty());
    settings.momentum = 0.9;
    EXPECT_EQ(optimizer_slots(settings), (std::vector<std::string_view>{"momentum"}));
    settings.kind = Kind::adamw;
    EXPECT_EQ(optimizer_slots(settings), (std::vector<std::string_view>{"first_moment", "second_moment"}));
}

}  // namespace aureole::test
