// Combined results of ranks against one pass over all their elements; every rank gets the same bits.
#include "parallel/exchange/all_reduce.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/random.hpp"

namespace aureole::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

/// What every rank brings: tensors[rank][tensor]. Known to all ranks, so that each can compute what is to come out.
struct Contributions {
    std::vector<std::vector<HostTensor>> tensors;
    std::vector<bool> empty;  ///< ranks that have no pixels: what they hold is NaN

    explicit Contributions(std::function<std::vector<HostTensor>(int rank)> const& of)
        : empty(static_cast<std::size_t>(world().size()), false) {
        for (int rank = 0; rank < world().size(); ++rank) { tensors.push_back(of(rank)); }
    }
    [[nodiscard]] double at(int rank, std::size_t tensor, std::size_t element) const {
        return tensors[static_cast<std::size_t>(rank)][tensor].values[element];
    }
    [[nodiscard]] bool counts(int rank) const { return !empty[static_cast<std::size_t>(rank)]; }
};

void expect_same_bits_everywhere(std::vector<HostTensor> const& tensors) {
    for (HostTensor const& tensor : tensors) {
        std::vector<double> of_rank_0 = tensor.values;
        world().broadcast(of_rank_0.data(), of_rank_0.size() * sizeof(double));
        EXPECT_EQ(std::memcmp(of_rank_0.data(), tensor.values.data(), of_rank_0.size() * sizeof(double)), 0)
            << "rank " << world().rank() << " has other bits than rank 0";
    }
}

/// Every test runs between pairs of ranks and by MPI.
bool in_pairs = true;

class AllReduces : public ::testing::TestWithParam<bool> {
  protected:
    void SetUp() override { in_pairs = GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Ways, AllReduces, ::testing::Values(true, false),
                         [](auto const& each) { return std::string(each.param ? "in_pairs" : "by_mpi"); });

/// Runs twice on the same memory, with fresh contributions each time.
std::vector<HostTensor> combine(Combine how, Contributions const& all) {
    auto const mine = static_cast<std::size_t>(world().rank());
    std::vector<TensorSpec> specs;
    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    std::vector<Tensor> tensors;
    for (HostTensor const& tensor : all.tensors[mine]) {
        specs.push_back(TensorSpec::whole(tensor.dtype, tensor.shape));
        buffers.push_back(std::make_unique<DeviceBuffer>(specs.back()));
        tensors.push_back(buffers.back()->tensor());
    }
    AllReduce reduce(how, specs, {world().size(), in_pairs, all.empty[mine]});
    DeviceBuffer const buffer(reduce.buffer_bytes());
    reduce.bind(world(), 7, tensors, buffer.data());
    std::vector<HostTensor> results;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            HostTensor given = all.tensors[mine][i];
            if (all.empty[mine] && given.dtype != DType::i32) { given.values.assign(given.values.size(), nan); }
            buffers[i]->upload(given);
        }
        reduce.begin();
        reduce.finish();
        results.clear();
        for (auto const& each : buffers) { results.push_back(each->download()); }
        expect_same_bits_everywhere(results);
    }
    return results;
}

HostTensor vector_of(std::vector<double> values, DType dtype = DType::f64) {
    return {{1, 1, 1, 1, static_cast<Index>(values.size())}, dtype, std::move(values)};
}

void expect_sums(Contributions const& all, double tolerance) {
    std::vector<HostTensor> const got = combine(Combine::sum, all);
    for (std::size_t i = 0; i < got.size(); ++i) {
        HostTensor want = got[i];
        want.values.assign(want.values.size(), 0);
        for (int rank = 0; rank < world().size(); ++rank) {
            for (std::size_t k = 0; k < want.values.size() && all.counts(rank); ++k) {
                want.values[k] += all.at(rank, i, k);
            }
        }
        expect_near(got[i], as_type(want, want.dtype), tolerance);
    }
}

TEST_P(AllReduces, SumsTensorsOfEveryType) {
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        SCOPED_TRACE(name_of(dtype));
        double const tolerance = dtype == DType::f64 ? 1e-15 : dtype == DType::f32 ? 1e-6 : 4e-3;
        for (Index const count : {1, 7, 5000}) {
            Contributions const all([&](int rank) {
                return std::vector{random_tensor({1, 1, 1, 1, count}, dtype, static_cast<std::uint64_t>(rank), 0, 1)};
            });
            expect_sums(all, tolerance);
        }
    }
}

TEST_P(AllReduces, WholeNumbersAreExact) {
    Contributions const all([&](int rank) {
        auto const seed = static_cast<std::uint64_t>(rank);
        return std::vector{as_type(random_tensor({1, 1, 1, 1, 300}, DType::i32, seed, -10, 10), DType::f64)};
    });
    expect_sums(all, 0);
}

TEST_P(AllReduces, SumsSeveralTensorsInOneMessage) {
    for (bool const with_f64 : {false, true}) {
        Contributions const all([&](int rank) {
            auto const seed = static_cast<std::uint64_t>(3 * rank);
            return std::vector{random_tensor({1, 1, 1, 1, 33}, DType::f32, seed, 0, 1),
                               random_tensor({3, 1, 1, 2, 5}, with_f64 ? DType::f64 : DType::f32, seed + 1, 0, 1),
                               random_tensor({1, 1, 1, 1, 4}, DType::f32, seed + 2, 0, 1)};
        });
        expect_sums(all, 1e-6);
    }
    Contributions const mixed([&](int rank) {
        auto const seed = static_cast<std::uint64_t>(2 * rank);
        return std::vector{random_tensor({1, 1, 1, 1, 9}, DType::bf16, seed, 0, 1),
                           random_tensor({1, 1, 1, 1, 6}, DType::f32, seed + 1, 0, 1)};
    });
    expect_sums(mixed, 4e-3);
}

TEST_P(AllReduces, RanksWithoutPixelsDoNotCount) {
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        for (std::size_t const tensors : {std::size_t{1}, std::size_t{2}}) {
            Contributions all([&](int rank) {
                auto const seed = static_cast<std::uint64_t>(rank);
                return std::vector(tensors, random_tensor({1, 1, 1, 1, 12}, dtype, seed, 0, 1));
            });
            for (std::size_t rank = 1; rank < all.empty.size(); rank += 2) { all.empty[rank] = true; }
            expect_sums(all, dtype == DType::bf16 ? 4e-3 : 1e-6);
        }
    }
}

/// Elements of every rank for `groups` statistics: `mean` far from 0, deviation 1; some ranks have few or none.
std::vector<std::vector<double>> elements_of(int rank, std::size_t groups, double mean) {
    std::vector<std::vector<double>> elements(groups);
    Random random(static_cast<std::uint64_t>(rank) + 40);
    for (std::size_t g = 0; g < groups; ++g) {
        Index const count = (rank + static_cast<int>(g)) % 4 == 3 ? 0 : random.between(1, 200);
        auto const seed = mix(static_cast<std::uint64_t>(rank), g);
        for (double const value : random_tensor({1, 1, 1, 1, count}, DType::f64, seed, -2, 2).values) {
            elements[g].push_back(mean * static_cast<double>(g + 1) + value + 0.1 * rank);
        }
    }
    return elements;
}

struct Moments {
    double count = 0, mean = 0, squares = 0;
};

Moments two_passes(std::vector<double> const& elements) {
    Moments moments{static_cast<double>(elements.size()), 0, 0};
    if (elements.empty()) { return moments; }
    long double sum = 0, squares = 0;
    for (double const value : elements) { sum += value; }
    long double const mean = sum / static_cast<long double>(elements.size());
    for (double const value : elements) { squares += (value - mean) * (value - mean); }
    moments.mean = static_cast<double>(mean);
    moments.squares = static_cast<double>(squares);
    return moments;
}

void expect_moments(double mean, bool some_empty) {
    std::size_t const groups = 6;
    Contributions all([&](int rank) {
        std::vector<double> triples;
        for (auto const& elements : elements_of(rank, groups, mean)) {
            Moments const moments = two_passes(elements);
            triples.insert(triples.end(), {moments.count, moments.mean, moments.squares});
        }
        HostTensor tensor = vector_of(triples);
        tensor.shape = {2, 1, 1, 3, 3};
        return std::vector{tensor};
    });
    for (std::size_t rank = 0; rank < all.empty.size(); ++rank) { all.empty[rank] = some_empty && rank % 3 == 1; }
    HostTensor const got = combine(Combine::moments, all)[0];
    for (std::size_t g = 0; g < groups; ++g) {
        std::vector<double> elements;
        for (int rank = 0; rank < world().size(); ++rank) {
            if (!all.counts(rank)) { continue; }
            auto const part = elements_of(rank, groups, mean)[g];
            elements.insert(elements.end(), part.begin(), part.end());
        }
        Moments const want = two_passes(elements);
        EXPECT_EQ(got.values[3 * g], want.count);
        EXPECT_NEAR(got.values[3 * g + 1], want.mean, 4e-15 * std::abs(want.mean) + 1e-14);
        EXPECT_NEAR(got.values[3 * g + 2], want.squares, (1e-12 + 1e-15 * std::abs(mean)) * (want.squares + 1));
    }
}

TEST_P(AllReduces, MomentsAreThoseOfTwoPasses) {
    for (bool const some_empty : {false, true}) {
        expect_moments(0, some_empty);
        expect_moments(1, some_empty);
        expect_moments(-1e6, some_empty);  // sums of squares would have lost four of the variance's digits, and
        expect_moments(1e8, some_empty);   // here all of them
    }
}

TEST_P(AllReduces, MomentsOfNothingAreNothing) {
    Contributions const all([](int /*rank*/) { return std::vector{vector_of({0, 0, 0})}; });
    EXPECT_EQ(combine(Combine::moments, all)[0].values, (std::vector<double>{0, 0, 0}));
}

/// The larger value; the smaller place of equal ones; NaN is larger than any number.
void expect_maxima(Contributions const& all) {
    auto const got = combine(Combine::maximum, all);
    for (std::size_t k = 0; k < got[0].values.size(); ++k) {
        double best = -infinity, place = std::numeric_limits<std::int32_t>::max();
        for (int rank = 0; rank < world().size(); ++rank) {
            if (!all.counts(rank)) { continue; }
            double const value = all.at(rank, 0, k), here = all.at(rank, 1, k);
            bool const equal = value == best || (std::isnan(value) && std::isnan(best));
            bool const larger = (std::isnan(value) && !std::isnan(best)) || value > best;
            if (larger || (equal && here < place)) {
                best = value;
                place = here;
            }
        }
        EXPECT_TRUE(got[0].values[k] == best || (std::isnan(got[0].values[k]) && std::isnan(best))) << k;
        EXPECT_EQ(got[1].values[k], place) << k;
    }
}

TEST_P(AllReduces, NeutralTensorsChangeNothing) {
    for (Combine const how : {Combine::sum, Combine::moments, Combine::maximum}) {
        for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
            if (how == Combine::moments && dtype != DType::f64) { continue; }
            Contributions all([&](int rank) {
                std::vector<HostTensor> tensors{random_tensor({2, 1, 1, 4, 3}, dtype, 5, 0, 1)};
                if (how == Combine::maximum) { tensors.push_back(random_tensor({2, 1, 1, 4, 3}, DType::i32, 6, 0, 9)); }
                if (rank == 0) { return tensors; }
                for (HostTensor& tensor : tensors) {
                    DeviceBuffer const buffer(TensorSpec::whole(tensor.dtype, tensor.shape));
                    fill_neutral(how, std::vector{buffer.tensor()});
                    tensor = buffer.download();
                }
                return tensors;
            });
            std::vector<HostTensor> const got = combine(how, all);
            for (std::size_t i = 0; i < got.size(); ++i) { EXPECT_EQ(got[i].values, all.tensors[0][i].values); }
        }
    }
}

TEST_P(AllReduces, MaximumAndItsPlace) {
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        SCOPED_TRACE(name_of(dtype));
        for (bool const some_empty : {false, true}) {
            Contributions all([&](int rank) {
                Random random(static_cast<std::uint64_t>(rank) + 9);
                std::vector<double> values, places;
                for (int k = 0; k < 60; ++k) {
                    // few values, so that many are equal
                    values.push_back(random.of(std::vector<double>{-infinity, -2, -1, 0, 1, 1.5, nan}));
                    if (k < 20) { values.back() = random.of(std::vector<double>{-infinity, -3}); }
                    places.push_back(static_cast<double>(random.below(1000000) * world().size() + rank));
                }
                return std::vector{vector_of(values, dtype), vector_of(places, DType::i32)};
            });
            for (std::size_t rank = 0; rank < all.empty.size(); ++rank) {
                all.empty[rank] = some_empty && rank % 2 == 1;
            }
            expect_maxima(all);
        }
    }
}

TEST(PairwiseReduce, TakesWhatIsSmallAndAllOfTwoRanks) {
    EXPECT_TRUE(PairwiseReduce::suits(2, std::size_t{1} << 30U));
    EXPECT_FALSE(PairwiseReduce::suits(2, std::size_t{1} << 31U)) << "MPI counts bytes in an int";
    EXPECT_TRUE(PairwiseReduce::suits(1000, PairwiseReduce::most_bytes));
    EXPECT_FALSE(PairwiseReduce::suits(3, PairwiseReduce::most_bytes + 1));
    EXPECT_FALSE(PairwiseReduce::suits(1, 8));
}

}  // namespace
}  // namespace aureole::test
