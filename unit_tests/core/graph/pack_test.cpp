#include <gtest/gtest.h>

#include <random>

#include "core/graph/memory_plan.hpp"

namespace aureole {
namespace {

void expect_no_overlap(std::vector<Lifetime> const& lifetimes, Packing const& packing) {
    ASSERT_EQ(packing.offsets.size(), lifetimes.size());
    std::size_t top = 0;
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
        std::size_t const begin = packing.offsets[i], end = begin + lifetimes[i].bytes;
        EXPECT_EQ(begin % arena_alignment, 0U);
        top = std::max(top, end);
        for (std::size_t k = 0; k < i; ++k) {
            bool const meet = lifetimes[i].first <= lifetimes[k].last && lifetimes[k].first <= lifetimes[i].last;
            bool const apart = end <= packing.offsets[k] || packing.offsets[k] + lifetimes[k].bytes <= begin;
            EXPECT_TRUE(!meet || apart) << "lifetimes " << k << " and " << i << " share bytes";
        }
    }
    EXPECT_LE(top, packing.total);
}

/// Sum of the bytes alive at the worst time, by looking at every time.
std::size_t most_alive(std::vector<Lifetime> const& lifetimes, NodeId times) {
    std::size_t most = 0;
    for (NodeId at = 0; at < times; ++at) {
        std::size_t sum = 0;
        for (Lifetime const& each : lifetimes) {
            if (each.first <= at && at <= each.last) { sum += align_up(each.bytes); }
        }
        most = std::max(most, sum);
    }
    return most;
}

/// Lifetimes as arbitrary as can be: worse than those of networks, which nest.
std::vector<Lifetime> random_lifetimes(std::uint32_t seed, std::size_t count, NodeId times) {
    std::mt19937 random(seed);
    std::vector<Lifetime> lifetimes;
    for (std::size_t i = 0; i < count; ++i) {
        auto const first = static_cast<NodeId>(random() % static_cast<std::uint32_t>(times));
        auto const longest =
            static_cast<std::uint32_t>(std::min<NodeId>(times - first, random() % 4 == 0 ? times : 12));
        lifetimes.push_back({1 + random() % 100000, first, first + static_cast<NodeId>(random() % longest)});
    }
    return lifetimes;
}

TEST(Pack, RandomLifetimesNeverShareBytesAndComeCloseToTheLowerBound) {
    for (std::uint32_t seed = 1; seed <= 30; ++seed) {
        NodeId const times = 60;
        std::vector<Lifetime> const lifetimes = random_lifetimes(seed, 30 + 10 * seed, times);
        Packing const packing = pack(lifetimes);
        expect_no_overlap(lifetimes, packing);
        EXPECT_EQ(packing.lower_bound, most_alive(lifetimes, times));
        EXPECT_GE(packing.total, packing.lower_bound);
        EXPECT_LE(static_cast<double>(packing.total), 1.15 * static_cast<double>(packing.lower_bound))
            << "seed " << seed;
    }
}

TEST(Pack, NestedLifetimesOfAForwardAndBackwardPassNeedNoMoreThanTheLowerBound) {
    std::vector<Lifetime> lifetimes;
    NodeId const layers = 40;
    for (NodeId i = 0; i < layers; ++i) {
        lifetimes.push_back({std::size_t{1000} * static_cast<std::size_t>(1 + i % 7), i, 2 * layers - 1 - i});
    }
    Packing const packing = pack(lifetimes);
    expect_no_overlap(lifetimes, packing);
    EXPECT_EQ(packing.total, packing.lower_bound);
}

TEST(Pack, MemoryIsUsedAgainOnceItIsFree) {
    std::vector<Lifetime> const lifetimes{{640, 0, 1}, {640, 2, 3}, {640, 4, 4}};
    Packing const packing = pack(lifetimes);
    EXPECT_EQ(packing.total, 640U);
    EXPECT_EQ(packing.offsets, (std::vector<std::size_t>{0, 0, 0}));
}

TEST(Pack, TheLastNodeOfALifetimeIsPartOfIt) {
    std::vector<Lifetime> const lifetimes{{64, 0, 2}, {64, 2, 3}};
    EXPECT_EQ(pack(lifetimes).total, 128U);
}

TEST(Pack, NothingNeedsNothing) {
    EXPECT_EQ(pack({}).total, 0U);
    std::vector<Lifetime> const empty{{0, 0, 5}, {0, 1, 2}};
    EXPECT_EQ(pack(empty).total, 0U);
}

}  // namespace
}  // namespace aureole
