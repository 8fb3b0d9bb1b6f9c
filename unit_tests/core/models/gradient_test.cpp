// Every network runs, forward and backward, and its gradients are those of its loss: checked against central
// differences along a random direction in the space of all parameters together.
#include <gtest/gtest.h>

#include <cmath>

#include "core/models/amoebanet.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"
#include "core/tensor/philox.hpp"
#include "unit_tests/support/network_runner.hpp"

namespace aureole::test {
namespace {

std::vector<double> random_direction(std::string const& name, std::size_t count) {
    std::vector<double> direction(count);
    for (std::size_t i = 0; i < count; ++i) {
        direction[i] = 2.0 * static_cast<double>(Philox::at(mix(77, stream_of(name)), i).uniform(0)) - 1;
    }
    return direction;
}

void expect_gradients_of_loss(NetworkSpec const& spec, double tolerance = 1e-5) {
    NetworkRunner const runner(spec);
    runner.write_random();
    runner.run();
    StepResult const step = runner.result();
    ASSERT_TRUE(std::isfinite(step.loss));
    double analytic = 0, norm = 0;
    std::map<std::string, std::vector<double>> origin, directions;
    for (auto const& [name, gradient] : step.gradients) {
        std::vector<double> const& direction = directions[name] = random_direction(name, gradient.size());
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            ASSERT_TRUE(std::isfinite(gradient[i])) << name;
            analytic += gradient[i] * direction[i];
            norm += gradient[i] * gradient[i];
        }
        origin[name] = read_values(runner.tensor(runner.persistent().find(name)));
    }
    EXPECT_GT(norm, 0);
    std::size_t parameters = 0;
    for (Persistent const& entry : runner.persistent().entries()) {
        parameters += entry.kind == Persistent::Kind::parameter ? 1 : 0;
    }
    EXPECT_EQ(step.gradients.size(), parameters) << "every parameter is trained";

    auto const loss_at = [&](double t) {
        for (auto const& [name, values] : origin) {
            std::vector<double> moved = values;
            std::vector<double> const& direction = directions.at(name);
            for (std::size_t i = 0; i < moved.size(); ++i) { moved[i] += t * direction[i]; }
            write_values(moved, runner.tensor(runner.persistent().find(name)));
        }
        runner.write_random();  // the last run may have used the memory of its inputs
        runner.run();
        return runner.loss();
    };
    double const h = 1e-8;  // so short that hardly a ReLU changes its side
    double const numeric = (loss_at(h) - loss_at(-h)) / (2 * h);
    EXPECT_NEAR(numeric, analytic, tolerance * std::max(std::sqrt(norm), std::abs(analytic)));
}

NetworkSpec spec_of(Shape const& image, std::function<ValueId(NetworkBuilder&, ValueId)> model) {
    NetworkSpec spec;
    spec.image = image;
    spec.model = std::move(model);
    return spec;
}

TEST(ModelGradient, ResNetCifar) {
    for (Index const version : {1, 2}) {
        SCOPED_TRACE(version);
        Index const depth = version == 1 ? 8 : 11;
        expect_gradients_of_loss(spec_of({3, 1, 32, 40, 2}, [=](NetworkBuilder& net, ValueId x) {
            return resnet_cifar(net, x, {depth, version, 4, 5});
        }));
    }
}

TEST(ModelGradient, ResNetOfTheImageNetFamily) {
    expect_gradients_of_loss(
        spec_of({2, 1, 33, 40, 1}, [](NetworkBuilder& net, ValueId x) { return resnet(net, x, 18, 3); }));
}

TEST(ModelGradient, AmoebaNet) {
    for (Shape const& image : {Shape{2, 1, 32, 64, 3}, Shape{3, 1, 45, 39, 1}}) {
        expect_gradients_of_loss(spec_of(image, [](NetworkBuilder& net, ValueId x) {
            return amoebanet(net, x, {3, 8, 4});
        }));
    }
}

TEST(ModelGradient, UNetInEveryVariant) {
    for (auto const norm :
         {UNetOptions::Norm::batch, UNetOptions::Norm::instance, UNetOptions::Norm::group, UNetOptions::Norm::none}) {
        for (auto const up : {UNetOptions::Up::transposed, UNetOptions::Up::nearest, UNetOptions::Up::linear}) {
            UNetOptions options{Dimensions::two, 4, 2, 1, norm, 2, up};
            NetworkSpec spec =
                spec_of({2, 1, 12, 20, 3}, [=](NetworkBuilder& net, ValueId x) { return unet(net, x, options); });
            spec.labels = NetworkSpec::Labels::values;
            SCOPED_TRACE(static_cast<int>(norm) * 10 + static_cast<int>(up));
            expect_gradients_of_loss(spec);
            options.dimensions = Dimensions::three;
            options.classes = 3;
            expect_gradients_of_loss(
                spec_of({1, 4, 8, 12, 1}, [=](NetworkBuilder& net, ValueId x) { return unet(net, x, options); }));
        }
    }
}

}  // namespace
}  // namespace aureole::test
