#include "io/deck/scalar.hpp"

#include <gtest/gtest.h>

namespace aureole::deck {
namespace {

TEST(Scalar, reads_integers) {
    EXPECT_EQ(parse_integer("12"), 12);
    EXPECT_EQ(parse_integer("-3"), -3);
    EXPECT_EQ(parse_integer("+7"), 7);
    EXPECT_EQ(parse_integer("1e6"), 1'000'000);
    EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
    for (auto const* text :
         {"", "x", "1.5", "12x", "1e-3", "99999999999999999999", "1e30", "0x10", "+-1", "nan", "inf"}) {
        EXPECT_FALSE(parse_integer(text)) << text;
    }
}

TEST(Scalar, reads_numbers_and_fractions) {
    EXPECT_EQ(parse_real("0.1"), 0.1);
    EXPECT_EQ(parse_real("1e-3"), 1e-3);
    EXPECT_EQ(parse_real("1/255"), 1.0 / 255);
    EXPECT_EQ(parse_real("-2"), -2.0);
    for (auto const* text : {"", "abc", "1/0", "1/", "/2", "inf", "nan", ".inf", "1e999", "1,5", "1/2/3"}) {
        EXPECT_FALSE(parse_real(text)) << text;
    }
}

TEST(Scalar, reads_sizes) {
    EXPECT_EQ(parse_bytes("4096"), 4096);
    EXPECT_EQ(parse_bytes("40 GiB"), Index{40} << 30);
    EXPECT_EQ(parse_bytes("1.5KiB"), 1536);
    EXPECT_EQ(parse_bytes("2 GB"), 2'000'000'000);
    EXPECT_EQ(parse_bytes("0 B"), 0);
    for (auto const* text : {"", "GiB", "1 gib", "1 GiB 2", "-1 GiB", "1e30 TiB", "99999999999 PiB"}) {
        EXPECT_FALSE(parse_bytes(text)) << text;
    }
}

TEST(Scalar, reads_durations) {
    EXPECT_EQ(parse_duration("90"), 90);
    EXPECT_EQ(parse_duration("2 h"), 7200);
    EXPECT_EQ(parse_duration("30 min"), 1800);
    EXPECT_EQ(parse_duration("1 h 30 min"), 5400);
    EXPECT_EQ(parse_duration("1d2h"), 93600);
    EXPECT_EQ(parse_duration("1.5 h"), 5400);
    for (auto const* text : {"", "h", "2 fortnights", "1 h x", "-1 h"}) { EXPECT_FALSE(parse_duration(text)) << text; }
}

TEST(Scalar, writes_what_it_reads) {
    for (double const value : {0.0, 1.0, -0.1, 1.0 / 255, 1e-300, 3e20, 123456789.125}) {
        EXPECT_EQ(parse_real(write_real(value)), value);
    }
    for (Index const value : {Index{0}, Index{1}, Index{1000}, Index{1} << 30, Index{3} << 20, INT64_MAX}) {
        EXPECT_EQ(parse_bytes(write_bytes(value)), value);
        EXPECT_EQ(parse_duration(write_duration(value)), value);
    }
    EXPECT_EQ(write_bytes(Index{40} << 30), "40 GiB");
    EXPECT_EQ(write_duration(7200), "2 h");
}

TEST(Scalar, finds_the_nearest_word) {
    std::vector<std::string> const words{"batch", "micro_batches", "epochs", "lr"};
    EXPECT_EQ(nearest("bacth", words), "batch");
    EXPECT_EQ(nearest("epoch", words), "epochs");
    EXPECT_EQ(nearest("microbatches", words), "micro_batches");
    EXPECT_EQ(nearest("l", words), "lr");
    EXPECT_FALSE(nearest("wavelength", words));
    EXPECT_FALSE(nearest(std::string(1000, 'b'), words));
}

}  // namespace
}  // namespace aureole::deck
