#include "parallel/stages/balance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "unit_tests/support/random.hpp"

namespace aureole::test {
namespace {

double largest(std::vector<double> const& weights, std::vector<int> const& ranks, std::vector<int> const& first) {
    double most = 0;
    for (std::size_t stage = 0; stage < first.size(); ++stage) {
        auto const end = stage + 1 < first.size() ? first[stage + 1] : static_cast<int>(weights.size());
        most =
            std::max(most, std::accumulate(weights.begin() + first[stage], weights.begin() + end, 0.0) / ranks[stage]);
    }
    return most;
}

/// The best of all cuts, one by one.
double best(std::vector<double> const& weights, std::vector<int> const& ranks) {
    auto const units = static_cast<int>(weights.size());
    auto const stages = static_cast<int>(ranks.size());
    double least = 1e300;
    std::vector<int> first(ranks.size());
    for (int mask = 0; mask < 1 << (units - 1); ++mask) {
        if (__builtin_popcount(static_cast<unsigned>(mask)) != stages - 1) { continue; }
        std::size_t next = 1;
        for (int i = 0; i + 1 < units; ++i) {
            if ((mask >> i & 1) != 0) { first[next++] = i + 1; }
        }
        least = std::min(least, largest(weights, ranks, first));
    }
    return least;
}

TEST(Balance, FindsTheBestCut) {
    Random random(1);
    for (int i = 0; i < 200; ++i) {
        std::vector<double> weights(static_cast<std::size_t>(random.between(1, 10)));
        for (double& weight : weights) { weight = static_cast<double>(random.between(1, 20)); }
        std::vector<int> ranks(static_cast<std::size_t>(random.between(1, static_cast<Index>(weights.size()))));
        for (int& each : ranks) { each = static_cast<int>(random.between(1, 4)); }
        std::vector<int> const first = balance(weights, ranks);
        ASSERT_EQ(first.size(), ranks.size());
        EXPECT_EQ(first[0], 0);
        EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
        EXPECT_EQ(std::adjacent_find(first.begin(), first.end()), first.end()) << "an empty stage";
        EXPECT_DOUBLE_EQ(largest(weights, ranks, first), best(weights, ranks));
    }
}

TEST(Balance, GivesTiledStagesMore) {
    std::vector<double> const weights(10, 1.0);
    EXPECT_EQ(balance(weights, std::vector<int>{4, 1}), (std::vector<int>{0, 8}));
}

TEST(Balance, UniformCutsLeaveTheRestToTheLast) {
    EXPECT_EQ(cut_uniformly(38, 5), (std::vector<int>{0, 7, 14, 21, 28}));
    EXPECT_THROW(static_cast<void>(cut_uniformly(3, 4)), Error);
    EXPECT_THROW(static_cast<void>(balance(std::vector<double>{1, 2}, std::vector<int>{1, 1, 1})), Error);
}

}  // namespace
}  // namespace aureole::test
