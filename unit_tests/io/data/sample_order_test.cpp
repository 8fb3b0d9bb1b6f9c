#include "io/data/sample_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace aureole {
namespace {

class PermutationOf : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(PermutationOf, VisitsEachIndexOnce) {
    for (std::uint64_t const key : {0ULL, 1ULL, 0xFFFFFFFFFFFFFFFFULL}) {
        Permutation const permutation(key, GetParam());
        std::vector<int> visits(static_cast<std::size_t>(GetParam()));
        for (std::int64_t i = 0; i < GetParam(); ++i) { ++visits.at(static_cast<std::size_t>(permutation(i))); }
        EXPECT_EQ(std::count(visits.begin(), visits.end(), 1), GetParam());
    }
}

INSTANTIATE_TEST_SUITE_P(Counts, PermutationOf, ::testing::Values(1, 2, 3, 4, 5, 16, 17, 25, 100, 4097, 60000));

TEST(Permutation, MovesEveryIndexEverywhere) {
    // over many keys, the image of index 0 must be uniform: chi-square with 24 degrees of freedom, 99.99 % below 59
    constexpr std::int64_t count = 25, keys = 25000;
    std::vector<double> hits(count);
    for (std::int64_t key = 0; key < keys; ++key) {
        ++hits[static_cast<std::size_t>(Permutation(static_cast<std::uint64_t>(key), count)(0))];
    }
    double chi_square = 0;
    for (double const hit : hits) { chi_square += std::pow(hit - keys / count, 2) / (keys / count); }
    EXPECT_LT(chi_square, 59);
}

TEST(SampleOrder, IsNewEveryEpochAndForEverySeed) {
    auto const epoch_of = [](std::uint64_t seed, std::int64_t epoch) {
        SampleOrder const order(seed, 100, true);
        std::vector<std::int64_t> samples;
        for (std::int64_t i = 0; i < 100; ++i) {
            auto const visit = order.at(100 * epoch + i);
            EXPECT_EQ(visit.epoch, epoch);
            samples.push_back(visit.sample);
        }
        return samples;
    };
    EXPECT_EQ(epoch_of(1, 0), epoch_of(1, 0));
    EXPECT_NE(epoch_of(1, 0), epoch_of(1, 1));
    EXPECT_NE(epoch_of(1, 0), epoch_of(2, 0));
    auto sorted = epoch_of(1, 3);
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t i = 0; i < 100; ++i) { EXPECT_EQ(sorted[static_cast<std::size_t>(i)], i); }
}

TEST(SampleOrder, WithoutShufflingIsTheStoredOrder) {
    SampleOrder const order(1, 10, false);
    EXPECT_EQ(order.at(23).sample, 3);
    EXPECT_EQ(order.at(23).epoch, 2);
}

}  // namespace
}  // namespace aureole
