// Tensors that ranks share: how they are cut, summed share by share, and put together again.
#include "parallel/exchange/shares.hpp"

#include <gtest/gtest.h>

#include "core/graph/memory_plan.hpp"
#include "parallel/exchange/all_gather.hpp"
#include "parallel/exchange/reduce_scatter.hpp"
#include "parallel/grid/wait.hpp"
#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/random.hpp"

namespace aureole::test {
namespace {

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

TEST(Shares, CoverTheTensorEvenlyAndAligned) {
    for (DType const dtype : {DType::f32, DType::f64}) {
        auto const block = static_cast<Index>(arena_alignment / size_of(dtype));
        for (int const owners : {1, 2, 3, 4, 7, 16}) {
            for (Index const count : {0, 1, 8, 15, 16, 17, 100, 128, 1000, 4097}) {
                std::vector<Elements> const shares = shares_of(count, dtype, owners);
                ASSERT_EQ(shares.size(), static_cast<std::size_t>(owners));
                Index next = 0, before = count;
                for (Elements const& each : shares) {
                    EXPECT_EQ(each.first, next);
                    EXPECT_TRUE(each.count == 0 || each.first % block == 0);
                    EXPECT_LE(each.count, before);
                    next = each.end();
                    before = each.count;
                }
                EXPECT_EQ(next, count);
                EXPECT_LT(shares[0].count, count / owners + block + 1);
            }
        }
    }
}

TEST(Shares, Intersections) {
    EXPECT_EQ(intersection(Elements{0, 10}, Elements{5, 10}), (Elements{5, 5}));
    EXPECT_EQ(intersection(Elements{5, 10}, Elements{6, 2}), (Elements{6, 2}));
    EXPECT_EQ(intersection(Elements{0, 5}, Elements{5, 3}), Elements{});
    EXPECT_EQ(intersection(Elements{7, 0}, Elements{5, 5}), Elements{});
}

HostTensor tensor_of_rank(Index count, DType dtype, int rank, int round) {
    auto const seed = mix(static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(round));
    return random_tensor({1, 1, 1, 1, count}, dtype, seed, 0, 1);
}

/// A share of the sums and everything put together, twice on the same memory.
void expect_sums(Index count, DType dtype) {
    SCOPED_TRACE(::testing::Message() << count << " elements of " << name_of(dtype) << " on rank " << world().rank());
    double const tolerance = dtype == DType::f64 ? 1e-15 : 1e-6;
    DeviceBuffer const buffer(TensorSpec::whole(dtype, {1, 1, 1, 1, count}));
    std::vector<Elements> const shares = shares_of(count, dtype, world().size());
    Elements const mine = shares[static_cast<std::size_t>(world().rank())];
    ReduceScatter sum(world(), buffer.tensor(), shares);
    AllGather gather;
    gather.add(world(), buffer.tensor(), shares);
    for (int round = 0; round < 2; ++round) {
        std::vector<double> want(static_cast<std::size_t>(count), 0);
        for (int rank = 0; rank < world().size(); ++rank) {
            std::vector<double> const values = tensor_of_rank(count, dtype, rank, round).values;
            for (std::size_t i = 0; i < want.size(); ++i) { want[i] += values[i]; }
        }
        buffer.upload(tensor_of_rank(count, dtype, world().rank(), round));
        sum.begin();
        sum.proceed();
        sum.finish();
        std::vector<double> got = buffer.download().values;
        for (auto i = static_cast<std::size_t>(mine.first); i < static_cast<std::size_t>(mine.end()); ++i) {
            EXPECT_NEAR(got[i], want[i], tolerance * world().size()) << i;
        }
        gather.run();
        got = buffer.download().values;
        for (std::size_t i = 0; i < want.size(); ++i) { EXPECT_NEAR(got[i], want[i], tolerance * world().size()) << i; }
    }
}

TEST(Shares, OfASumComeTogetherAsTheSum) {
    for (DType const dtype : {DType::f32, DType::f64}) {
        for (Index const count : {1, 16, 17, 33, 250, 5000, 100000}) { expect_sums(count, dtype); }
    }
}

TEST(Shares, GapsStayZero) {
    Index const count = 1000;
    DeviceBuffer const buffer(TensorSpec::whole(DType::f64, {1, 1, 1, 1, count}));
    HostTensor given = tensor_of_rank(count, DType::f64, world().rank(), 0);
    std::vector<Elements> const gaps{{3, 5}, {130, 6}, {501, 3}, {990, 10}};
    for (Elements const& gap : gaps) {
        for (Index i = gap.first; i < gap.end(); ++i) { given.values[static_cast<std::size_t>(i)] = 0; }
    }
    buffer.upload(given);
    ReduceScatter sum(world(), buffer.tensor(), shares_of(count, DType::f64, world().size()));
    for (int round = 0; round < 3; ++round) {
        sum.begin();
        sum.finish();
    }
    std::vector<double> const got = buffer.download().values;
    for (Elements const& gap : gaps) {
        for (Index i = gap.first; i < gap.end(); ++i) { EXPECT_EQ(got[static_cast<std::size_t>(i)], 0) << i; }
    }
}

/// A rank that never comes.
TEST(Shares, AWaitInVainEnds) {
    if (world().size() == 1) { GTEST_SKIP() << "nobody to wait for"; }
    Comm const other = world().duplicate();  // collective calls on one communicator come in one order on all ranks
    DeviceBuffer const buffer(TensorSpec::whole(DType::f64, {1, 1, 1, 1, 1000}));
    buffer.upload(tensor_of_rank(1000, DType::f64, world().rank(), 0));
    ReduceScatter sum(world(), buffer.tensor(), shares_of(1000, DType::f64, world().size()));
    if (world().rank() == 0) {
        sum.begin();
        set_wait_limit(0.2);
        EXPECT_THROW(sum.finish(), Error);
        set_wait_limit(0);
    }
    other.barrier();
    if (world().rank() != 0) { sum.begin(); }
    sum.finish();
}

}  // namespace
}  // namespace aureole::test
