// Redistribution of tensors between ranks against slices of the whole tensor, and its adjoint.
#include "parallel/exchange/exchange.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/kernels/launch.hpp"
#include "core/tensor/arena.hpp"
#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/random_layouts.hpp"

namespace aureole::test {
namespace {

Comm const& world() {
    static Comm const comm = Comm::world();
    return comm;
}

/// Whole numbers that every type can hold, so that nothing is rounded.
HostTensor whole_numbers(Shape const& shape, DType dtype, std::uint64_t seed) {
    return as_type(random_tensor(shape, DType::i32, seed, 0, 250), dtype);
}

HostTensor part_of(HostTensor const& whole, Box const& box) {
    HostTensor part{box.shape(), whole.dtype, {}};
    Box const all = Box::whole(whole.shape);
    for_positions(box, [&](auto const& at) { part.values.push_back(whole.values[place_in(all, at)]); });
    return part;
}

/// How `from` lies in memory.
enum class Memory : std::uint8_t { separate, inside };

struct Case {
    Shape shape;
    DType dtype;
    Layout from, to;
    Exchange::Direction direction = Exchange::Direction::forward;
};

/// One rank's exchange with its memory.
class RankExchange {
  public:
    RankExchange(Case const& spec, Memory memory, int tag)
        : from_spec_(source_of(spec, memory)),
          to_spec_{spec.dtype, spec.shape, spec.to[world().rank()]},
          exchange_(plan_redistribution(spec.from, spec.to, world().rank()), from_spec_, to_spec_, spec.direction),
          from_memory_(from_spec_),
          to_memory_(to_spec_),
          messages_(exchange_.buffer_bytes()) {
        from_ = from_memory_.tensor();
        if (from_spec_.within) {
            from_.data = address_of({to_memory_.tensor(), to_spec_.box}, from_spec_.box);
            from_.strided = from_spec_.strides();
        }
        fill(to_memory_.tensor());
        fill(messages_.data(), exchange_.buffer_bytes());
        exchange_.bind(world(), tag, from_, to_memory_.tensor(), messages_.data());
    }
    [[nodiscard]] Tensor from() const { return from_; }
    [[nodiscard]] Tensor to() const { return to_memory_.tensor(); }
    [[nodiscard]] Box const& from_box() const { return from_spec_.box; }
    [[nodiscard]] Box const& to_box() const { return to_spec_.box; }
    [[nodiscard]] Exchange& exchange() { return exchange_; }
    void run() {
        exchange_.begin();
        exchange_.finish();
        aureole::fence("test");
    }

  private:
    TensorSpec from_spec_, to_spec_;
    Exchange exchange_;
    DeviceBuffer from_memory_, to_memory_, messages_;
    Tensor from_;

    /// What this rank holds before; inside what it is to hold if that has room.
    static TensorSpec source_of(Case const& spec, Memory memory) {
        TensorSpec source{spec.dtype, spec.shape, spec.from[world().rank()]};
        Box const& to = spec.to[world().rank()];
        bool const fits = !source.box.empty() && contains(to, source.box) && to.shape().c == source.local().c;
        if (memory == Memory::inside && fits) { source.within = to; }
        return source;
    }
    /// NaN, or the largest number.
    static void fill(Tensor const& tensor) { fill(static_cast<std::byte*>(tensor.data), tensor.bytes()); }
    static void fill(std::byte* data, std::size_t bytes) {
        std::vector<std::byte> const values(bytes, std::byte{0xFF});
        copy_to_device(values.data(), {data, DType::u8, {1, 1, 1, 1, static_cast<Index>(bytes)}});
    }
};

/// The exchange gives the target part of the whole tensor; twice, since its messages are made once.
void expect_slices(Case const& spec, Memory memory, int tag) {
    RankExchange run(spec, memory, tag);
    for (std::uint64_t round = 0; round < 2; ++round) {
        HostTensor const whole = whole_numbers(spec.shape, spec.dtype, 11 + round);
        write_values(part_of(whole, run.from_box()).values, run.from());
        run.run();
        EXPECT_EQ(read_values(run.to()), part_of(whole, run.to_box()).values)
            << "rank " << world().rank() << ", round " << round;
    }
}

DType random_type(Random& random) {
    return random.of(std::vector<DType>{DType::f32, DType::bf16, DType::f64, DType::i32, DType::u8});
}

TEST(Exchange, GivesSlicesOfTheWhole) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        Random random(seed);
        Shape const shape = random_shape(random);
        Layout const from = random_source(random, world().size(), shape), to = random_target(random, from, shape);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", from\n" + to_string(from) + "to\n" + to_string(to));
        expect_slices({shape, random_type(random), from, to}, Memory::separate, static_cast<int>(seed));
    }
}

TEST(Exchange, FillsTheHaloAroundATileInPlace) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        Random random(seed + 1000);
        Shape shape = random_shape(random);
        if (seed % 2 == 0) { shape.n = shape.d = 1; }  // a single image is contiguous where it is cut along h only
        bool const rows = seed % 4 == 0;
        TileGrid const grid =
            rows ? TileGrid(std::array<Index, 3>{1, world().size(), 1}) : random_grid(random, world().size(), shape);
        Layout const from = Layout::tiled(grid, shape);
        Layout to = with_halo(random, from, shape, 3);
        if (rows) {
            for (Box& box : to.boxes) {
                if (!box.empty()) { box.lo[3] = 0, box.hi[3] = shape.w; }
            }
        }
        SCOPED_TRACE("seed " + std::to_string(seed) + ", from\n" + to_string(from) + "to\n" + to_string(to));
        Case const spec{shape, random_type(random), from, to};
        expect_slices(spec, Memory::inside, static_cast<int>(seed));
        if (rows) {
            EXPECT_EQ(RankExchange(spec, Memory::inside, 1).exchange().buffer_bytes(), 0U) << "rows need no buffers";
        }
    }
}

TEST(Exchange, RowsOfDeepImagesAndOfSamplesNeedBuffers) {
    if (world().size() == 1) { GTEST_SKIP() << "nothing travels"; }
    Shape const shape{2, 1, 4 * world().size(), 3, 2};
    Layout const from = Layout::tiled(TileGrid(std::array<Index, 3>{1, world().size(), 1}), shape);
    Layout to = from;
    for (Box& box : to.boxes) {
        box.lo[2] = std::max<Index>(0, box.lo[2] - 1);
        box.hi[2] = std::min(shape.h, box.hi[2] + 1);
    }
    RankExchange run({shape, DType::f32, from, to}, Memory::separate, 0);
    int const neighbours = world().rank() == 0 || world().rank() + 1 == world().size() ? 1 : 2;
    EXPECT_EQ(run.exchange().messages_sent(), static_cast<std::size_t>(neighbours));
    EXPECT_EQ(run.exchange().bytes_sent(), static_cast<std::size_t>(neighbours * 2 * 3 * 2 * 4));
    EXPECT_EQ(run.exchange().buffer_bytes(), static_cast<std::size_t>(2 * neighbours * 64));
}

double dot(std::vector<double> const& a, std::vector<double> const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) { sum += a[i] * b[i]; }
    return sum;
}

double sum_over_ranks(double value) {
    world().sum(&value, 1);
    return value;
}

/// <F x, y> = <x, F* y>, scalar products over all ranks.
void expect_adjoint(Case const& spec, std::uint64_t seed, int tag, Memory memory = Memory::separate) {
    RankExchange forward(spec, memory, tag);
    Case backward = spec;
    backward.direction = Exchange::Direction::adjoint;
    RankExchange adjoint(backward, Memory::separate, tag + 1);
    for (std::uint64_t round = 0; round < 2; ++round) {
        HostTensor const whole = random_tensor(spec.shape, DType::f64, mix(seed, round));
        std::vector<double> const x = part_of(whole, forward.from_box()).values;
        auto const mine = static_cast<std::uint64_t>(world().rank());
        std::vector<double> const y =
            random_tensor(forward.to_box().shape(), DType::f64, mix(mix(seed, round), mine + 77)).values;
        write_values(x, forward.from());
        forward.run();
        write_values(y, adjoint.to());
        adjoint.run();
        std::vector<double> const fx = read_values(forward.to()), fy = read_values(adjoint.from());
        double const left = sum_over_ranks(dot(fx, y)), right = sum_over_ranks(dot(x, fy));
        double const scale = std::sqrt(sum_over_ranks(dot(fx, fx)) * sum_over_ranks(dot(y, y)));
        EXPECT_NEAR(left, right, 1e-12 * scale);
        EXPECT_EQ(read_values(adjoint.to()), y) << "the adjoint leaves its source as it is";
    }
}

TEST(Exchange, AdjointIsTheTransposedMap) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Random random(seed + 2000);
        Shape const shape = random_shape(random);
        Layout const from = random_source(random, world().size(), shape), to = random_target(random, from, shape);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", from\n" + to_string(from) + "to\n" + to_string(to));
        expect_adjoint({shape, DType::f64, from, to}, seed, static_cast<int>(2 * seed));
    }
}

TEST(Exchange, AdjointOfAHaloAroundATileInPlace) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Random random(seed + 3000);
        Shape const shape = random_shape(random);
        Layout const from = Layout::tiled(random_grid(random, world().size(), shape), shape);
        Layout const to = with_halo(random, from, shape, 3);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", from\n" + to_string(from) + "to\n" + to_string(to));
        expect_adjoint({shape, DType::f64, from, to}, seed, static_cast<int>(2 * seed), Memory::inside);
    }
}

TEST(Exchange, TilesBecomePartsOfTheSamplesAndBack) {
    TileGrid const rows(std::array<Index, 3>{1, world().size(), 1});
    TileGrid const parts = TileGrid{}.with_sample_parts(world().size());
    for (Index const samples : {1, 2, 5, 9}) {
        Shape const shape{samples, 1, 11, 6, 3};
        Layout const tiled = Layout::tiled(rows, shape), shared = Layout::tiled(parts, shape);
        SCOPED_TRACE("from\n" + to_string(tiled) + "to\n" + to_string(shared));
        auto const seed = static_cast<std::uint64_t>(samples);
        expect_slices({shape, DType::f32, tiled, shared}, Memory::separate, 1);
        expect_slices({shape, DType::bf16, shared, tiled}, Memory::separate, 2);
        expect_adjoint({shape, DType::f64, tiled, shared}, seed, 3);
        expect_adjoint({shape, DType::f64, shared, tiled}, seed, 5);
    }
}

TEST(MessageSpan, StagedMemoryIsACopy) {
    Transport const before = transport();
    DeviceBuffer const memory(TensorSpec::whole(DType::f64, {1, 1, 1, 1, 3}));
    for (Transport const way : {Transport::direct, Transport::staged}) {
        set_transport(way);
        MessageSpan const span(memory.data(), memory.tensor().bytes());
        if (way == Transport::direct && runs_on_host) { EXPECT_EQ(span.address(), memory.data()); }
        if (way == Transport::direct) { continue; }
        EXPECT_NE(span.address(), memory.data());
        write_values(std::vector<double>{1, 2, 3}, memory.tensor());
        span.to_mpi();
        auto* const values = reinterpret_cast<double*>(span.address());
        EXPECT_EQ(std::vector<double>(values, values + 3), (std::vector<double>{1, 2, 3}));
        values[1] = 7;
        EXPECT_EQ(read_values(memory.tensor()), (std::vector<double>{1, 2, 3}));
        span.from_mpi();
        EXPECT_EQ(read_values(memory.tensor()), (std::vector<double>{1, 7, 3}));
    }
    set_transport(before);
}

TEST(Exchange, SeveralMayBeUnderWay) {
    Random random(5);
    Shape const shape{2, 1, 13, 9, 3};
    std::vector<std::unique_ptr<RankExchange>> runs;
    HostTensor const whole = whole_numbers(shape, DType::f32, 3);
    for (int tag = 0; tag < 6; ++tag) {
        Layout const from = random_source(random, world().size(), shape), to = random_target(random, from, shape);
        runs.push_back(std::make_unique<RankExchange>(Case{shape, DType::f32, from, to}, Memory::separate, tag));
        write_values(part_of(whole, runs.back()->from_box()).values, runs.back()->from());
    }
    // begun and finished in different orders on different ranks
    std::vector<std::size_t> order{0, 1, 2, 3, 4, 5};
    Random mine(static_cast<std::uint64_t>(world().rank()));
    mine.shuffle(order);
    for (std::size_t const i : order) { runs[i]->exchange().begin(); }
    mine.shuffle(order);
    for (std::size_t const i : order) { runs[i]->exchange().finish(); }
    for (auto const& run : runs) { EXPECT_EQ(read_values(run->to()), part_of(whole, run->to_box()).values); }
}

}  // namespace
}  // namespace aureole::test
