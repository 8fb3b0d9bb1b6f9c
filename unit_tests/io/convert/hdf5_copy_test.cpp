#include <numeric>

#include "io/convert/convert.hpp"
#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::convert {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

Progress const no_progress = [](std::int64_t, std::int64_t) {};

class Hdf5Copy : public ::testing::Test {
  protected:
    Hdf5Copy() : values_(40 * 32 * 24) {
        std::iota(values_.begin(), values_.end(), std::int16_t{0});
        hdf5::File file = hdf5::File::create(folder_.file("in.h5"));
        file.write<std::int16_t>("/train/x", {40, 32, 24}, values_);
        file.write<double>("scale", {}, std::vector<double>{2.5});
        std::vector<std::int8_t> const flags{1, 0, 1};
        file.create_dataset("flags", {.type = hdf5::Type::boolean, .shape = {3}})
            .write(hdf5::Extents{0}, hdf5::Extents{3}, hdf5::Type::boolean, flags.data());
        file.set_attribute("/", "telescope", std::string("HERA"));
        file.set_attribute("/train", "day", std::int64_t{7});
        file.set_attribute("/train/x", "units", std::string("Jy"));
        output_.file = folder_.file("out.h5");
        output_.x = "train/x";
    }

    ScratchFolder folder_;
    std::vector<std::int16_t> values_;
    Output output_;
};

TEST_F(Hdf5Copy, KeepsValuesTypesAndAttributesInNewChunks) {
    output_.chunk = {3, 16, 24};
    std::int64_t done = 0, total = 0;
    Summary const summary = convert_hdf5(folder_.file("in.h5"), output_, [&](std::int64_t d, std::int64_t t) {
        done = d;
        total = t;
    });
    EXPECT_EQ(done, 43);
    EXPECT_EQ(total, 44);  // the scalar is not worth a report
    EXPECT_EQ(summary.x_shape, (hdf5::Extents{40, 32, 24}));
    hdf5::File const file = hdf5::File::open(output_.file);
    hdf5::Dataset const x = file.dataset("/train/x");
    EXPECT_EQ(x.chunk(), (hdf5::Extents{3, 16, 24}));
    EXPECT_EQ(x.type(), hdf5::Type::i16);
    EXPECT_EQ(x.filters().size(), 2U);
    EXPECT_EQ(x.read_all<std::int16_t>(), values_);
    EXPECT_EQ(file.read<double>("scale"), std::vector<double>{2.5});
    EXPECT_EQ(file.dataset("flags").type(), hdf5::Type::boolean);
    EXPECT_EQ(file.read<std::uint8_t>("flags"), (std::vector<std::uint8_t>{1, 0, 1}));
    EXPECT_EQ(file.attribute("/", "telescope"), hdf5::Attribute(std::string("HERA")));
    EXPECT_EQ(file.attribute("/train", "day"), hdf5::Attribute(std::int64_t{7}));
    EXPECT_EQ(file.attribute("/train/x", "units"), hdf5::Attribute(std::string("Jy")));
}

TEST_F(Hdf5Copy, DoesNotReplaceItsOwnSource) {
    std::string const source = folder_.file("in.h5");
    EXPECT_NO_THROW(require_output(output_, {source}));
    output_.file = source;
    expect_error(ExitCode::data_error, {"in.h5", "is read for it"}, [&] { require_output(output_, {source}); });
    output_.file = folder_.file("link.h5");
    std::filesystem::create_symlink("in.h5", output_.file);
    expect_error(ExitCode::data_error, {"link.h5", "is read for it"}, [&] { require_output(output_, {source}); });
}

TEST_F(Hdf5Copy, AChunkNeedsItsDataset) {
    output_.chunk = {1, 32, 24};
    output_.x = "x";
    expect_error(ExitCode::bad_deck, {"'x'", "in.h5"},
                 [&] { convert_hdf5(folder_.file("in.h5"), output_, no_progress); });
    EXPECT_FALSE(std::filesystem::exists(output_.file));
}

TEST(DefaultChunk, IsOfAHandySize) {
    EXPECT_EQ(default_chunk({60000, 28, 28}, 1), (hdf5::Extents{83, 28, 28}));
    EXPECT_EQ(default_chunk({5, 28, 28}, 1), (hdf5::Extents{5, 28, 28}));
    EXPECT_EQ(default_chunk({30, 512, 512}, 1), (hdf5::Extents{1, 512, 512}));
    EXPECT_EQ(default_chunk({30, 512, 512, 3}, 4), (hdf5::Extents{1, 256, 256, 3}));
    EXPECT_EQ(default_chunk({1, 2048, 4096, 3}, 1), (hdf5::Extents{1, 512, 512, 3}));
    EXPECT_EQ(default_chunk({100}, 1), (hdf5::Extents{100}));
    EXPECT_EQ(default_chunk({0, 5}, 1), hdf5::Extents{});
    EXPECT_EQ(default_chunk({}, 8), hdf5::Extents{});
}

}  // namespace
}  // namespace aureole::convert
