#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "core/error.hpp"
#include "io/checkpoint/checkpoint_layout.hpp"
#include "io/checkpoint/checkpoint_reader.hpp"
#include "io/checkpoint/checkpoint_writer.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

/// Two tensors, one of them in two parts, and a text.
class Checkpoint : public ::testing::Test {
  protected:
    ScratchFolder folder;
    std::string path = folder.file("step.h5");
    std::vector<float> weights = std::vector<float>(30);
    std::vector<double> moments = std::vector<double>(12);
    std::string deck = "name: test\n";
    std::vector<CheckpointBlock> blocks{{"parameters/a weight", DType::f32, {1, 1, 1, 5, 6}, 0, 20},
                                        {"run/deck", DType::u8, {11}, 0, 11},
                                        {"parameters/a weight", DType::f32, {1, 1, 1, 5, 6}, 20, 10},
                                        {"optimizer/moment/b", DType::f64, {1, 1, 1, 1, 12}, 0, 12}};

    void SetUp() override {
        std::ofstream{path};  // rank 0 creates it
        std::iota(weights.begin(), weights.end(), 0.5F);
        std::iota(moments.begin(), moments.end(), -3.0);
    }

    [[nodiscard]] std::span<std::byte const> bytes_of(std::size_t block) const {
        CheckpointBlock const& each = blocks[block];
        auto const first = static_cast<std::size_t>(each.first) * size_of(each.dtype);
        if (each.dtype == DType::u8) { return std::as_bytes(std::span(deck)).subspan(first, each.bytes()); }
        if (each.dtype == DType::f64) { return std::as_bytes(std::span(moments)).subspan(first, each.bytes()); }
        return std::as_bytes(std::span(weights)).subspan(first, each.bytes());
    }
    void write_part(CheckpointLayout const& layout, std::vector<std::size_t> const& numbers, bool frame) const {
        CheckpointWriter writer(path);
        if (frame) { writer.write_frame(layout); }
        for (std::size_t const i : numbers) {
            PlacedBlock const place{layout.offsets[i], layout.checksums + 8 * static_cast<std::int64_t>(i),
                                    blocks[i].bytes()};
            writer.write(place,
                         [&](std::size_t first, std::size_t count) { return bytes_of(i).subspan(first, count); });
        }
        writer.finish();
    }
    void write_all() const {
        CheckpointLayout const layout = lay_out_checkpoint(blocks, 7, folder.file("draft"));
        write_part(layout, {0, 1, 2, 3}, true);
    }
    void expect_whole() const {
        CheckpointReader const reader(path);
        EXPECT_EQ(reader.read("parameters/a weight", {1, 1, 1, 5, 6}),
                  std::vector<double>(weights.begin(), weights.end()));
        EXPECT_EQ(reader.read("optimizer/moment/b", {1, 1, 1, 1, 12}), moments);
        EXPECT_EQ(reader.text("run/deck"), deck);
        EXPECT_EQ(reader.attribute("seed"), 7);
    }
};

TEST_F(Checkpoint, is_read_as_it_was_written) {
    write_all();
    expect_whole();
    EXPECT_FALSE(fs::exists(folder.file("draft")));
}

TEST_F(Checkpoint, ranks_write_their_parts_in_any_order_at_the_same_time) {
    CheckpointLayout const layout = lay_out_checkpoint(blocks, 7, folder.file("draft"));
    std::thread other([&] { write_part(layout, {2, 3}, false); });
    write_part(layout, {0, 1}, true);
    other.join();
    expect_whole();
}

TEST_F(Checkpoint, a_rank_that_has_not_written_is_noticed) {
    CheckpointLayout const layout = lay_out_checkpoint(blocks, 7, folder.file("draft"));
    write_part(layout, {0, 1, 3}, true);
    EXPECT_THROW(static_cast<void>(CheckpointReader(path).read("parameters/a weight", {1, 1, 1, 5, 6})), Error);
}

TEST_F(Checkpoint, a_rank_that_does_not_see_the_file_makes_no_other) {
    fs::remove(path);
    EXPECT_THROW(CheckpointWriter{path}, Error);
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(Checkpoint, other_extents_are_refused) {
    write_all();
    CheckpointReader const reader(path);
    EXPECT_THROW(static_cast<void>(reader.read("parameters/a weight", {1, 1, 1, 6, 5})), Error);
    EXPECT_THROW(static_cast<void>(reader.read("parameters/none", {1, 1, 1, 6, 5})), Error);
}

/// Whatever byte of the file is damaged: what is read is right, or an error.
TEST_F(Checkpoint, no_flipped_bit_is_read_as_a_value) {
    write_all();
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    auto const size = static_cast<std::int64_t>(fs::file_size(path));
    Index noticed = 0;
    for (std::int64_t at = 0; at < size; ++at) {
        char byte = 0;
        auto const put = [&](char value) {
            file.seekp(at);
            file.put(value);
            file.flush();
        };
        file.seekg(at);
        file.get(byte);
        put(static_cast<char>(byte ^ (1 << at % 8)));
        try {
            expect_whole();
        } catch (Error const&) { ++noticed; }
        put(byte);
        if (HasFailure()) { FAIL() << "byte " << at << " of " << size; }
    }
    EXPECT_GT(noticed, 500);  // the rest is room that nothing lies in
    expect_whole();
}

TEST_F(Checkpoint, cut_files_are_errors) {
    write_all();
    fs::resize_file(path, fs::file_size(path) / 2);
    EXPECT_THROW(expect_whole(), Error);
    fs::resize_file(path, 0);
    EXPECT_THROW(expect_whole(), Error);
}

}  // namespace
}  // namespace aureole
