#include "io/data/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "io/data/cached_dataset.hpp"
#include "unit_tests/io/data/sample_files.hpp"

namespace aureole {
namespace {

using testing::expect_error;
using testing::ScratchFolder;
using testing::source;

using Mode = LoaderConfig::Mode;

/// 25 images of 6 x 6 x 2 of distinct values, each with a class and a mask of the parity of its pixels' numbers.
class LoaderTest : public ::testing::Test {
  protected:
    static constexpr std::int64_t samples = 25;
    static constexpr Index volume = 6 * 6 * 2;

    LoaderTest() {
        hdf5::File file = hdf5::File::create(folder_.file("a.h5"));
        file.write<float>("x", {samples, 6, 6, 2}, testing::ramp<float>(samples * volume, 1));
        file.write<std::int32_t>("y", {samples}, testing::ramp<std::int32_t>(samples));
        std::vector<std::uint8_t> mask(samples * 36);
        for (std::size_t i = 0; i < mask.size(); ++i) { mask[i] = static_cast<std::uint8_t>(i * i % 7 % 2); }
        file.write<std::uint8_t>("mask", {samples, 6, 6}, mask);
    }

    [[nodiscard]] LoaderConfig config(Mode mode, std::int64_t batch) const {
        LoaderConfig config;
        config.sample = testing::classified({1, 1, 6, 6, 2}, samples);
        config.spec.cache_limit = 0;
        config.mode = mode;
        config.batch = batch;
        config.seed = 42;
        config.dataset = open_dataset(source({folder_.file("a.h5")}), config.sample, config.spec, 0);
        return config;
    }

    [[nodiscard]] LoaderConfig mask_config(Index size, AugmentSpec const& augment) const {
        LoaderConfig config;
        config.sample = testing::masked({1, 1, size, size, 2}, 2);
        config.spec.augment = augment;
        config.mode = Mode::train;
        config.batch = 4;
        config.seed = 3;
        SourceSpec spec = source({folder_.file("a.h5")});
        spec.y = "mask";
        config.dataset = open_dataset(spec, config.sample, config.spec, 0);
        return config;
    }

    ScratchFolder folder_;
};

TEST_F(LoaderTest, TrainingVisitsEverySampleOncePerEpochAndDropsNone) {
    LoaderConfig const setup = config(Mode::train, 4);
    Loader loader(setup);
    EXPECT_EQ(loader.batches_per_pass(), 7);
    std::vector<std::int64_t> visited;
    for (std::int64_t step = 0; step < 25; ++step) {  // four epochs exactly
        Batch const& batch = loader.next();
        EXPECT_EQ(batch.step, step);
        EXPECT_EQ(batch.first_index, 4 * step);
        EXPECT_EQ(batch.epoch, 4 * step / samples);
        EXPECT_EQ(batch.valid, 4);
        for (std::size_t i = 0; i < 4; ++i) {
            visited.push_back(batch.samples[i]);
            EXPECT_EQ(batch.classes[i], batch.samples[i]);
            EXPECT_EQ(batch.x[i * volume], static_cast<float>(1 + batch.samples[i] * volume));
        }
    }
    std::set<std::vector<std::int64_t>> orders;
    for (int epoch = 0; epoch < 4; ++epoch) {
        std::vector<std::int64_t> one(visited.begin() + epoch * samples, visited.begin() + (epoch + 1) * samples);
        orders.insert(one);
        std::sort(one.begin(), one.end());
        EXPECT_EQ(one, testing::ramp<std::int64_t>(samples));
    }
    EXPECT_EQ(orders.size(), 4U);
}

TEST_F(LoaderTest, EvaluationVisitsEachSampleOnceInOrder) {
    LoaderConfig setup = config(Mode::eval, 10);
    setup.spec.augment = {.flip_h = true, .flip_w = true, .rotate90 = true, .crop_pad = 2};  // not for evaluation
    Loader loader(setup);
    ASSERT_EQ(loader.batches_per_pass(), 3);
    for (int pass = 0; pass < 2; ++pass) {
        loader.start_at(0);
        std::int64_t expected = 0;
        for (std::int64_t const valid : {10, 10, 5}) {
            Batch const& batch = loader.next();
            EXPECT_EQ(batch.valid, valid);
            EXPECT_EQ(batch.first_index, expected);
            for (std::size_t i = 0; i < 10; ++i) {
                bool const counts = static_cast<std::int64_t>(i) < valid;
                EXPECT_EQ(batch.samples[i], counts ? expected++ : -1);
                EXPECT_EQ(batch.x[i * volume + 5], counts ? static_cast<float>(6 + batch.samples[i] * volume) : 0);
                EXPECT_EQ(batch.classes[i], counts ? batch.samples[i] : 0);
            }
        }
    }
}

TEST_F(LoaderTest, RestartGoesOnAsIfNeverStopped) {
    for (std::int64_t const prefetch : {0, 1, 3}) {
        LoaderConfig setup = mask_config(6, {.flip_w = true, .rotate90 = true, .crop_pad = 1});
        setup.spec.prefetch = prefetch;
        Loader whole(setup), restarted(setup);
        std::vector<Batch> batches;
        for (int step = 0; step < 20; ++step) { batches.push_back(whole.next()); }
        for (std::int64_t const step : {11, 3, 4, 19, 0}) {
            restarted.start_at(step);
            Batch const& batch = restarted.next();
            Batch const& expected = batches[static_cast<std::size_t>(step)];
            EXPECT_EQ(batch.step, step);
            EXPECT_EQ(batch.samples, expected.samples);
            EXPECT_EQ(batch.x, expected.x);
            EXPECT_EQ(batch.classes, expected.classes);
            EXPECT_EQ(batch.epoch, expected.epoch);
        }
    }
}

TEST_F(LoaderTest, ImageAndMaskMoveTogether) {
    std::vector<float> const images = testing::ramp<float>(samples * volume, 1);
    Loader loader(
        mask_config(4, {.flip_h = true, .flip_w = true, .rotate90 = true, .crop_pad = 1, .random_crop = true}));
    int padded = 0, moved = 0;
    for (int step = 0; step < 50; ++step) {
        Batch const& batch = loader.next();
        for (std::size_t pixel = 0; pixel < 4 * 16; ++pixel) {
            float const value = batch.x[2 * pixel];
            if (value == 0) {
                EXPECT_EQ(batch.x[2 * pixel + 1], 0);
                EXPECT_EQ(batch.classes[pixel], 0);
                ++padded;
                continue;
            }
            EXPECT_EQ(batch.x[2 * pixel + 1], value + 1);
            auto const stored = static_cast<std::size_t>(value - 1) / 2;  // number of the pixel in the file
            EXPECT_EQ(static_cast<std::int64_t>(stored / 36), batch.samples[pixel / 16]);
            EXPECT_EQ(batch.classes[pixel], static_cast<std::int32_t>(stored * stored % 7 % 2));
            moved += stored % 36 != pixel % 16;
        }
    }
    EXPECT_GT(padded, 0);
    EXPECT_GT(moved, 100);
}

TEST_F(LoaderTest, EvaluationCutsTheMiddleOfLargerSamples) {
    LoaderConfig setup = mask_config(4, {.random_crop = true});
    setup.mode = Mode::eval;
    setup.batch = 1;
    Loader loader(setup);
    Batch const& batch = loader.next();
    EXPECT_EQ(batch.x[0], static_cast<float>(1 + (1 * 6 + 1) * 2));
    EXPECT_EQ(batch.x.back(), static_cast<float>(1 + (4 * 6 + 4) * 2 + 1));
}

/// An image of the value 0 is border alone.
TEST_F(LoaderTest, BordersHaveTheLabelThatDoesNotCount) {
    LoaderConfig setup = mask_config(6, {.flip_h = true, .rotate90 = true, .crop_pad = 2});
    setup.sample.ignore_label = 255;
    Loader loader(setup);
    std::size_t borders = 0;
    for (int step = 0; step < 10; ++step) {
        Batch const& batch = loader.next();
        for (std::size_t i = 0; i < batch.classes.size(); ++i) {
            EXPECT_EQ(batch.classes[i] == 255, batch.x[2 * i] == 0);
            borders += batch.classes[i] == 255 ? 1 : 0;
        }
    }
    EXPECT_GT(borders, 0U);
}

TEST_F(LoaderTest, ATileIsTheTileOfTheBatch) {
    LoaderConfig setup = mask_config(6, {.flip_h = true, .rotate90 = true, .crop_pad = 2});
    Loader whole(setup);
    setup.x_box = Box{{0, 0, 1, 2, 0}, {1, 1, 5, 6, 2}};
    setup.y_box = Box{{0, 0, 1, 2, 0}, {1, 1, 5, 6, 1}};
    Loader tile(setup);
    for (int step = 0; step < 10; ++step) {
        Batch const& a = whole.next();
        Batch const& b = tile.next();
        ASSERT_EQ(b.x.size(), 4U * 4 * 4 * 2);
        for (std::size_t n = 0; n < 4; ++n) {
            for (std::size_t h = 0; h < 4; ++h) {
                for (std::size_t w = 0; w < 4; ++w) {
                    std::size_t const from = (n * 6 + h + 1) * 6 + w + 2, to = (n * 4 + h) * 4 + w;
                    ASSERT_EQ(b.x[2 * to + 1], a.x[2 * from + 1]);
                    ASSERT_EQ(b.classes[to], a.classes[from]);
                }
            }
        }
    }
}

/// Ranks of a pipeline's first stage have no labels, those of its last no image.
TEST_F(LoaderTest, NothingIsReadOfWhatIsAnotherRanks) {
    for (bool const synthetic : {false, true}) {
        for (AugmentSpec const& augment : {AugmentSpec{}, AugmentSpec{.flip_w = true, .crop_pad = 2}}) {
            LoaderConfig setup = config(Mode::train, 4);
            if (synthetic) {
                SourceSpec spec;
                spec.kind = SourceSpec::Kind::synthetic;
                spec.samples = samples;
                setup.dataset = open_dataset(spec, setup.sample, setup.spec, 0);
            }
            setup.spec.augment = augment;
            Loader whole(setup);
            setup.y_box = Box{};
            Loader images(setup);
            setup.y_box.reset();
            setup.x_box = Box{};
            Loader labels(setup);
            for (int step = 0; step < 3; ++step) {
                Batch const &all = whole.next(), &x = images.next(), &y = labels.next();
                EXPECT_EQ(x.x, all.x);
                EXPECT_TRUE(x.classes.empty());
                EXPECT_EQ(y.classes, all.classes);
                EXPECT_TRUE(y.x.empty());
            }
        }
    }
}

/// Two micro-batches of five samples, of which a rank reads the samples 2 and 3.
LoaderConfig samples_2_and_3(LoaderConfig setup, Shape const& x, Shape const& y) {
    setup.micro_samples = 5;
    setup.x_box = Box{{2, 0, 0, 0, 0}, {4, x.d, x.h, x.w, x.c}};
    setup.y_box = Box{{2, 0, 0, 0, 0}, {4, y.d, y.h, y.w, y.c}};
    return setup;
}

TEST_F(LoaderTest, ARankReadsItsSamplesOfEveryMicroBatch) {
    for (bool const augmented : {false, true}) {
        LoaderConfig setup = mask_config(6, {.flip_h = augmented, .crop_pad = augmented ? 2 : 0});
        setup.batch = 10;
        Loader whole(setup);
        Loader part(samples_2_and_3(setup, setup.sample.x, setup.sample.y));
        for (int step = 0; step < 6; ++step) {
            Batch const& a = whole.next();
            Batch const& b = part.next();
            ASSERT_EQ(b.x.size(), 4U * volume);
            ASSERT_EQ(b.classes.size(), 4U * 36);
            std::vector<Index> const own{2, 3, 7, 8};
            for (Index place = 0; place < 4; ++place) {
                Index const sample = own[static_cast<std::size_t>(place)];
                auto const x = a.x.begin() + sample * volume;
                auto const y = a.classes.begin() + sample * 36;
                EXPECT_TRUE(std::equal(x, x + volume, b.x.begin() + place * volume)) << sample;
                EXPECT_TRUE(std::equal(y, y + 36, b.classes.begin() + place * 36)) << sample;
            }
        }
    }
}

TEST_F(LoaderTest, LabelsOfSamplesThatOthersReadAreReadToo) {
    LoaderConfig setup = config(Mode::eval, 5);
    Loader whole(setup);
    setup = samples_2_and_3(setup, setup.sample.x, setup.sample.y);
    setup.y_box = Box::whole({5, 1, 1, 1, 1});
    Loader part(setup);
    EXPECT_LT(Loader::bytes(setup), Loader::bytes(config(Mode::eval, 5)));
    for (int batch = 0; batch < 5; ++batch) {
        Batch const& a = whole.next();
        Batch const& b = part.next();
        EXPECT_EQ(b.classes, a.classes);
        EXPECT_TRUE(std::equal(b.x.begin(), b.x.end(), a.x.begin() + 2 * volume));
        EXPECT_EQ(b.x.size(), 2U * volume);
    }
}

TEST_F(LoaderTest, SamplesBehindTheLastOneAreZeroInEveryPart) {
    LoaderConfig setup = config(Mode::eval, 4);
    setup.micro_samples = 4;
    setup.x_box = Box{{1, 0, 0, 0, 0}, {3, 1, 6, 6, 2}};
    setup.spec.prefetch = 0;
    Loader part(setup);
    part.start_at(6);  // one sample is left
    Batch const& batch = part.next();
    EXPECT_EQ(batch.valid, 1);
    EXPECT_EQ(batch.x, std::vector<float>(2U * volume, 0.0F));
}

TEST_F(LoaderTest, NormalizesWithTheFiguresGiven) {
    LoaderConfig setup = config(Mode::eval, 25);
    NormalizeSpec normalize;
    normalize.kind = NormalizeSpec::Kind::given;
    normalize.mean = {1, 2};
    normalize.deviation = {2};
    setup.normalization = Normalization(normalize, 2);
    Loader loader(setup);
    Batch const& batch = loader.next();
    for (std::size_t i = 0; i < batch.x.size(); ++i) { EXPECT_FLOAT_EQ(batch.x[i], static_cast<float>(i / 2)); }
}

TEST_F(LoaderTest, NormalizesEachSampleAsAWholeWhateverPartIsRead) {
    NormalizeSpec normalize;
    normalize.kind = NormalizeSpec::Kind::sample;
    LoaderConfig setup = mask_config(6, {});
    setup.mode = Mode::eval;
    setup.spec.normalize = normalize;
    setup.normalization = Normalization(normalize, 2);
    Loader whole(setup);
    setup.x_box = Box{{0, 0, 0, 3, 0}, {1, 1, 6, 6, 2}};
    Loader part(setup);
    Batch const& a = whole.next();
    Batch const& b = part.next();
    StatisticsSum sum(2);
    sum.add(a.x.data() + volume, 36);
    EXPECT_NEAR(sum.result().mean[1], 0, 1e-6);
    EXPECT_NEAR(sum.result().deviation[1], 1, 1e-6);
    for (std::size_t row = 0; row < 4 * 6; ++row) {
        for (std::size_t i = 0; i < 6; ++i) { EXPECT_FLOAT_EQ(b.x[row * 6 + i], a.x[row * 12 + 6 + i]); }
    }
}

TEST_F(LoaderTest, AnErrorArrivesAtItsOwnBatchAgainAndAgain) {
    auto x = testing::ramp<float>(samples * 4);
    x[13 * 4 + 2] = std::numeric_limits<float>::quiet_NaN();
    hdf5::File::create(folder_.file("nan.h5")).write<float>("x", {samples, 2, 2}, x);
    for (std::int64_t const prefetch : {0, 2}) {
        LoaderConfig setup;
        setup.sample = testing::unlabelled({1, 1, 2, 2, 1});
        setup.spec.cache_limit = 0;
        setup.spec.prefetch = prefetch;
        setup.mode = Mode::eval;
        setup.batch = 5;
        setup.dataset = open_dataset(source({folder_.file("nan.h5")}), setup.sample, setup.spec, 0);
        Loader loader(setup);
        EXPECT_EQ(loader.next().samples[0], 0);
        EXPECT_EQ(loader.next().samples[0], 5);
        for (int i = 0; i < 2; ++i) {
            expect_error(ExitCode::data_error, {"nan.h5", "sample 13", "(0, 1, 0, 0)"},
                         [&] { static_cast<void>(loader.next()); });
        }
        loader.start_at(3);
        EXPECT_EQ(loader.next().samples[0], 15);
    }
}

TEST_F(LoaderTest, CanBeDroppedAtAnyTime) {
    for (int batches = 0; batches < 5; ++batches) {
        Loader loader(config(Mode::train, 2));
        loader.start_at(0);
        for (int i = 0; i < batches; ++i) { static_cast<void>(loader.next()); }
    }
}

TEST_F(LoaderTest, CachedBatchesEqualStreamedOnes) {
    LoaderConfig setup = config(Mode::train, 3);
    Loader streamed(setup);
    setup.dataset = std::make_shared<CachedDataset>(setup.dataset, setup.sample.labels);
    Loader cached(setup);
    for (int step = 0; step < 20; ++step) {
        Batch const& a = streamed.next();
        Batch const& b = cached.next();
        EXPECT_EQ(a.x, b.x);
        EXPECT_EQ(a.classes, b.classes);
    }
}

TEST_F(LoaderTest, PredictsItsMemory) {
    LoaderConfig setup = config(Mode::train, 10);
    setup.spec.prefetch = 2;
    std::size_t const batch = 10 * (volume * 4 + 4 + 8);
    EXPECT_EQ(Loader::bytes(setup), 3 * batch);  // contiguous and unchanged: no staging, no scratch
    setup.spec.augment.flip_w = true;
    EXPECT_EQ(Loader::bytes(setup), 3 * batch + volume * 4);
    setup.dataset = std::make_shared<CachedDataset>(setup.dataset, setup.sample.labels);
    EXPECT_GE(Loader::bytes(setup), 3 * batch + volume * 4 + samples * (volume * 4 + 4));
    Loader loader(setup);
    Batch const& held = loader.next();
    std::size_t const actual =
        held.x.capacity() * 4 + held.classes.capacity() * 4 + held.values.capacity() * 4 + held.samples.capacity() * 8;
    EXPECT_EQ(actual, batch);
}

TEST_F(LoaderTest, ImpossibleRequestsAreErrors) {
    LoaderConfig setup = config(Mode::train, 0);
    expect_error(ExitCode::bad_deck, {"batch is 0"}, [&] { Loader const loader(setup); });
    setup = mask_config(4, {.random_crop = true});
    setup.spec.augment.random_crop = false;
    expect_error(ExitCode::data_error, {"(1, 1, 6, 6, 2)", "random_crop"}, [&] { Loader const loader(setup); });
    setup = mask_config(6, {.rotate90 = true});
    setup.sample.x.h = 4;
    setup.spec.augment.random_crop = true;
    expect_error(ExitCode::bad_deck, {"rotate90", "square"}, [&] { Loader const loader(setup); });
}

}  // namespace
}  // namespace aureole
