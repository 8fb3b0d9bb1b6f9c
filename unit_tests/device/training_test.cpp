// Twenty steps of ResNet-20 by the program itself, on the device that it was built for, beside those of the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "io/hdf5/file.hpp"
#include "unit_tests/app/process.hpp"
#include "unit_tests/support/host_reference.hpp"

namespace aureole::test {
namespace {

constexpr char const* deck = R"(name: training
model: {name: resnet_cifar, depth: 20, classes: 10}
image: {size: [32, 32], channels: 3}
data:
  train: {kind: synthetic, samples: 320}
train:
  batch: 8
  steps: 20
  loss: softmax_cross_entropy
  optimizer: {name: sgd, lr: 0.002, momentum: 0.9, weight_decay: 1e-4}
  log_every: 1
output: {folder: run}
)";

using Results = std::vector<std::pair<std::string, Projection>>;

/// The losses of all steps, and every parameter after them.
Results train(std::string const& precision, std::string const& kernels) {
    Workplace const place;
    place.write("deck.yaml", deck);
    expect_code(place.aureole({"run", "deck.yaml", "train.precision=" + precision, "kernels=" + kernels,
                               "train.checkpoint.every=20", "train.checkpoint.folder=checkpoints"}),
                ExitCode::success);
    std::vector<double> losses;
    auto const rows = csv_rows(place.read("run/metrics.csv"));
    auto const column = std::find(rows[0].begin(), rows[0].end(), "loss") - rows[0].begin();
    for (std::size_t i = 1; i < rows.size(); ++i) {
        losses.push_back(std::strtod(rows[i][static_cast<std::size_t>(column)].c_str(), nullptr));
    }
    EXPECT_EQ(losses.size(), 20U);
    Results results{{"losses", project("losses", losses)}};
    auto const file = hdf5::File::open(place.path("checkpoints/step_0000000020.h5"));
    for (std::string const& name : file.members("parameters")) {
        results.emplace_back(name, project(name, file.read<double>("parameters/" + name)));
    }
    EXPECT_GT(results.size(), 60U) << "parameters of ResNet-20";
    return results;
}

/// Distance of all parameters together, relative to their norm.
double parameters_distance(Results const& got, Results const& want) {
    double difference = 0, norm = 0;
    for (std::size_t i = 1; i < got.size(); ++i) {
        difference = std::hypot(difference, distance(got[i].second, want[i].second));
        norm = std::hypot(norm, want[i].second.norm);
    }
    return difference / norm;
}

double losses_distance(Results const& got, Results const& want) {
    return relative_distance(got[0].second, want[0].second, 0);
}

/// The host's results of a precision, in the order of `like`.
Results host_results(HostReference const& reference, std::string const& precision, Results const& like) {
    Results results;
    for (auto const& [name, unused] : like) {
        auto const found = reference.find("Training." + precision + " " + name);
        require(found.has_value(), ExitCode::data_error, "the host's results lack {} in {}", name, precision);
        results.emplace_back(name, *found);
    }
    return results;
}

/// Keeps the host's results, or holds this build's against the host's in f64: losses, and all parameters together. In
/// f32 and bf16 they may be as far from it as the contract says, or four times as far as the host's own in that
/// precision: twenty steps let rounding grow.
void expect_host_results(std::string const& precision, double contract) {
    HostReference* const reference = host_reference();
    if (reference == nullptr) { GTEST_SKIP() << "AUREOLE_HOST_REFERENCE names no file"; }
    if (reference->mode() == HostReference::Mode::write) {
        for (auto const& [name, projection] : train(precision, "native")) {
            reference->keep("Training." + precision + " " + name, projection);
        }
        return;
    }
    Results const got = train(precision, "automatic");
    Results const exact = host_results(*reference, "f64", got), host = host_results(*reference, precision, got);
    using Measure = double (*)(Results const&, Results const&);
    for (auto const& [what, measure] : {std::pair<char const*, Measure>{"losses", losses_distance},
                                        std::pair<char const*, Measure>{"parameters", parameters_distance}}) {
        double const rounding = measure(host, exact), difference = measure(got, exact);
        EXPECT_TRUE(reference->count(precision + " " + what, difference, std::max(contract, 4 * rounding)))
            << what << " differ from the host's f64 by " << difference << ", the host's " << precision << " by "
            << rounding;
        std::printf("%s: %s differ from the host's f64 by %.2g, the host's own by %.2g\n", precision.c_str(), what,
                    difference, rounding);
    }
}

TEST(Training, ResNet20InF64EqualsTheHosts) { expect_host_results("f64", 1e-8); }
TEST(Training, ResNet20InF32EqualsTheHosts) { expect_host_results("f32", 1e-4); }
TEST(Training, ResNet20InBf16EqualsTheHosts) { expect_host_results("bf16", 2e-2); }

}  // namespace
}  // namespace aureole::test
