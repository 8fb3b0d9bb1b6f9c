#include <gtest/gtest.h>

#include <cmath>

#include "io/hdf5/file.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

/// Every batch is the whole set in its order, so that all steps see the same samples.
std::vector<std::string> const same_batch{"data.shuffle=false", "data.train.samples=8"};

std::vector<std::string> command(std::vector<std::string> const& more) {
    std::vector<std::string> all{"run", "deck.yaml"};
    all.insert(all.end(), same_batch.begin(), same_batch.end());
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

TEST(Dump, HoldsLossValuesParametersAndGradients) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole(command({"--dump", "dump.h5", "output.dump.activations=[layer1.*, relu1]"})),
                ExitCode::success);
    auto const file = hdf5::File::open(place.path("dump.h5"));
    EXPECT_EQ(file.read<double>("loss").size(), 1U);
    EXPECT_EQ(file.dataset("input").shape(), (hdf5::Extents{8, 1, 16, 16, 3}));
    EXPECT_EQ(file.dataset("labels").shape(), (hdf5::Extents{8, 1, 1, 1, 1}));
    EXPECT_EQ(file.dataset("output").shape(), (hdf5::Extents{8, 1, 1, 1, 4}));
    EXPECT_EQ(file.dataset("activations/layer1.0").shape(), (hdf5::Extents{8, 1, 16, 16, 4}));
    EXPECT_EQ(file.dataset("activations/relu1").shape(), (hdf5::Extents{8, 1, 16, 16, 4}));
    EXPECT_TRUE(file.contains("state/bn1.running_mean"));
    std::vector<std::string> const parameters = file.members("parameters");
    EXPECT_EQ(parameters, file.members("gradients"));
    EXPECT_EQ(file.dataset("parameters/layer2.0.shortcut.weight").shape(), (hdf5::Extents{1, 1, 1, 4, 8}));
    for (std::string const& name : parameters) {
        EXPECT_EQ(file.dataset("parameters/" + name).shape(), file.dataset("gradients/" + name).shape());
        for (double const value : file.read<double>("gradients/" + name)) { EXPECT_TRUE(std::isfinite(value)); }
    }
    EXPECT_FALSE(file.contains("optimizer"));
}

TEST(Dump, ItsLossIsThatOfItsOutput) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole(command({"--dump", "dump.h5", "train.precision=f64"})), ExitCode::success);
    auto const file = hdf5::File::open(place.path("dump.h5"));
    std::vector<double> const logits = file.read<double>("output"), labels = file.read<double>("labels");
    double loss = 0;
    for (std::size_t n = 0; n < 8; ++n) {
        double sum = 0;
        for (std::size_t c = 0; c < 4; ++c) { sum += std::exp(logits[4 * n + c]); }
        loss += (std::log(sum) - logits[4 * n + static_cast<std::size_t>(labels[n])]) / 8;
    }
    EXPECT_NEAR(file.read<double>("loss")[0], loss, 1e-12);
}

TEST(Dump, ANewRunStartsFromItsParameters) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole(command({"--dump", "late.h5", "output.dump.step=3"})), ExitCode::success);
    // another seed: drawn parameters would be others
    Finished const again = place.aureole(command({"--dump", "again.h5", "train.steps=1", "train.init=late.h5",
                                                  "train.seed=7", "output.folder=again", "data.eval=null"}));
    expect_code(again, ExitCode::success);
    auto const late = hdf5::File::open(place.path("late.h5")), first = hdf5::File::open(place.path("again.h5"));
    for (std::string const& name : late.members("parameters")) {
        EXPECT_TRUE(late.read<double>("parameters/" + name) == first.read<double>("parameters/" + name)) << name;
    }
}

TEST(Dump, TheSameSamplesAndParametersGiveTheSameLossAndGradients) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole(command({"--dump", "late.h5", "output.dump.step=3"})), ExitCode::success);
    expect_code(place.aureole(command(
                    {"--dump", "again.h5", "train.steps=1", "train.init={file: late.h5}", "output.folder=again"})),
                ExitCode::success);
    auto const late = hdf5::File::open(place.path("late.h5")), again = hdf5::File::open(place.path("again.h5"));
    EXPECT_EQ(late.read<double>("loss"), again.read<double>("loss"));
    EXPECT_TRUE(late.read<double>("output") == again.read<double>("output"));
    for (std::string const& name : late.members("gradients")) {
        EXPECT_TRUE(late.read<double>("gradients/" + name) == again.read<double>("gradients/" + name)) << name;
    }
}

TEST(Dump, AMapNamesTheDatasetsOfTheInitialParameters) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    expect_code(place.aureole(command({"--dump", "dump.h5", "train.steps=1"})), ExitCode::success);
    std::string const map = "train.init={file: dump.h5, map: {fc.bias: gradients/fc.bias}}";
    expect_code(place.aureole(command({"--dump", "mapped.h5", "train.steps=1", map})), ExitCode::success);
    auto const dump = hdf5::File::open(place.path("dump.h5")), mapped = hdf5::File::open(place.path("mapped.h5"));
    EXPECT_EQ(mapped.read<double>("parameters/fc.bias"), dump.read<double>("gradients/fc.bias"));
    EXPECT_EQ(mapped.read<double>("parameters/fc.weight"), dump.read<double>("parameters/fc.weight"));

    Finished const wrong = place.aureole(command({"train.init={file: dump.h5, map: {fc.bia: x}}"}));
    expect_code(wrong, ExitCode::bad_deck);
    EXPECT_TRUE(wrong.says("fc.bia"));
    expect_code(place.aureole(command({"train.init={file: dump.h5, map: {fc.bias: fc.weight}}"})),
                ExitCode::data_error);
}

TEST(Dump, NativeKernelsGiveTheSameBitsOnOneAndTwoThreads) {
    Workplace const place;
    place.write("deck.yaml", small_deck());
    std::vector<std::string> const size{"kernels=native", "image.size=[48,64]", "train.steps=2"};
    for (std::string const threads : {"1", "2"}) {
        std::vector<std::string> overrides = size;
        overrides.insert(overrides.end(), {"--dump", "threads" + threads + ".h5", "output.folder=threads" + threads});
        expect_code(place.aureole(command(overrides), "OMP_NUM_THREADS=" + threads), ExitCode::success);
    }
    expect_same_tensors(place.path("threads2.h5"), place.path("threads1.h5"));
}

}  // namespace
}  // namespace aureole::test
