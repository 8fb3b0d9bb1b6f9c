// A write of one byte beyond a tensor or a workspace is found after the operator that made it, which is named.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "core/tensor/alignment.hpp"
#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

enum class Beyond { front, rear };
enum class Of { output, workspace };

/// A kernel that asks for some workspace more than another one and, where `plant` says so, writes one byte too many.
class Overrunning : public Kernel {
  public:
    struct Plant {
        Of of = Of::output;
        Beyond beyond = Beyond::rear;
        std::size_t distance = 1;  ///< bytes beyond
    };
    Overrunning(std::unique_ptr<Kernel> inner, Plant const& plant) : inner_(std::move(inner)), plant_(plant) {}
    [[nodiscard]] std::size_t workspace_bytes() const override { return inner_->workspace_bytes(); }
    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        inner_->run(context, outputs, inputs, workspace);
        std::byte* const begin = plant_.of == Of::output ? static_cast<std::byte*>(outputs[0].data) : workspace;
        std::size_t const bytes = plant_.of == Of::output ? outputs[0].bytes() : workspace_bytes();
        std::byte* const at =
            plant_.beyond == Beyond::front ? begin - plant_.distance : begin + bytes - 1 + plant_.distance;
        std::byte value{0};
        copy_to_host({at, DType::u8, {}}, &value);
        value ^= std::byte{1};
        copy_to_device(&value, {at, DType::u8, {}});
    }

  private:
    std::unique_ptr<Kernel> inner_;
    Plant plant_;
};

/// Steps whose kernel can be replaced: with a workspace if that is what is overrun.
std::vector<std::size_t> candidates(Program const& program, Of of) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < program.steps().size(); ++i) {
        Step const& step = program.steps()[i];
        if (!step.kernel || program.graph().node(step.node).outputs.empty()) { continue; }
        if (of == Of::output || step.kernel->workspace_bytes() > 0) { found.push_back(i); }
    }
    return found;
}

std::string message_of(NetworkRunner const& runner) {
    try {
        runner.run();
    } catch (Error const& error) { return error.what(); }
    return "";
}

void expect_named(NetworkSpec const& spec, std::size_t step, Overrunning::Plant const& plant) {
    NetworkRunner runner(spec);
    runner.write_random();
    std::string const name = runner.program().graph().node(runner.program().steps()[step].node).name;
    runner.replace_kernel(
        step, [&](std::unique_ptr<Kernel> inner) { return std::make_unique<Overrunning>(std::move(inner), plant); });
    std::string const message = message_of(runner);
    EXPECT_TRUE(message.starts_with(name + " (")) << message;
    std::string const side = plant.beyond == Beyond::front ? "in front of" : "behind";
    EXPECT_NE(message.find(fmt::format("byte {} {}", plant.distance, side)), std::string::npos) << message;
    bool const workspace = message.find("workspace") != std::string::npos;
    EXPECT_EQ(workspace, plant.of == Of::workspace) << message;
}

class MemoryGuarded : public testing::Test {
  protected:
    void SetUp() override {
        if (!guard_by_default()) { GTEST_SKIP() << "AUREOLE_MEMORY_GUARD is not 1"; }
    }
};

TEST_F(MemoryGuarded, OneByteBeyondIsNamed) {
    NetworkSpec const spec = branches();
    for (Of const of : {Of::output, Of::workspace}) {
        NetworkRunner const reference(spec);
        std::vector<std::size_t> const steps = candidates(reference.program(), of);
        ASSERT_FALSE(steps.empty());
        for (std::size_t i = 0; i < steps.size(); i += 5) {
            for (Beyond const beyond : {Beyond::front, Beyond::rear}) {
                for (std::size_t const distance : {std::size_t{1}, red_zone}) {
                    expect_named(spec, steps[i], {of, beyond, distance});
                }
            }
        }
    }
}

TEST_F(MemoryGuarded, RedZonesArePartOfThePlanAndChangeNoResult) {
    for (NamedSpec const& each : small_networks()) {
        SCOPED_TRACE(each.name);
        StepResult const guarded = run_step(each.spec);
        NetworkRunner const with(each.spec);
        ASSERT_EQ(setenv("AUREOLE_MEMORY_GUARD", "0", 1), 0);
        NetworkRunner const without(each.spec);
        StepResult const plain = run_step(each.spec);
        ASSERT_EQ(setenv("AUREOLE_MEMORY_GUARD", "1", 1), 0);
        expect_same(guarded, plain);
        EXPECT_EQ(with.persistent().bytes() - with.persistent().red_zones(), without.persistent().bytes());
        EXPECT_GE(with.program().transient_bytes(), without.program().transient_bytes() + 2 * red_zone);
        MemorySplit const split = with.program().transient_split();
        EXPECT_EQ(split.total(), with.program().transient_bytes());
        EXPECT_GE(split.red_zones, 2 * red_zone);
        EXPECT_EQ(without.program().transient_split().red_zones, 0U);
    }
}

TEST(MemoryGuard, BlocksThatMeetAreADefectOfThePlan) {
    Arena const arena(16 * red_zone, Arena::Guard::on);
    MemoryGuard& guard = *arena.guard();
    guard.open(4 * red_zone, 100, "first", MemoryGuard::Contents::nan);
    auto const expect_refused = [&](std::size_t offset, std::size_t bytes) {
        EXPECT_THROW(guard.open(offset, bytes, "second", MemoryGuard::Contents::nan), Error) << offset;
    };
    expect_refused(4 * red_zone, 100);
    expect_refused(4 * red_zone + arena_alignment, 8);
    expect_refused(5 * red_zone, 8);
    expect_refused(2 * red_zone, red_zone + 1);
    guard.open(2 * red_zone - arena_alignment, arena_alignment, "in front", MemoryGuard::Contents::nan);
    guard.open(6 * red_zone + 2 * arena_alignment, 8, "behind", MemoryGuard::Contents::nan);
    guard.check([] { return "nobody"; });
    guard.close(4 * red_zone);
    guard.open(4 * red_zone, 64, "later", MemoryGuard::Contents::nan);
    guard.check([] { return "nobody"; });
}

TEST(MemoryGuard, FreshBlocksHoldNaNAndKeptOnesWhatTheyHeld) {
    Arena const arena(8 * red_zone, Arena::Guard::on);
    Tensor const fresh = arena.tensor(red_zone, DType::f32, {1, 1, 1, 1, 3});
    Tensor const kept = arena.tensor(4 * red_zone, DType::f64, {1, 1, 1, 1, 5});
    write_values({1, 2, 3}, fresh);
    write_values({1, 2, 3, 4, 5}, kept);
    arena.guard()->open(red_zone, fresh.bytes(), "fresh", MemoryGuard::Contents::nan);
    arena.guard()->open(4 * red_zone, kept.bytes(), "kept", MemoryGuard::Contents::kept);
    for (double const value : read_values(fresh)) { EXPECT_TRUE(std::isnan(value)); }
    EXPECT_EQ(read_values(kept), (std::vector<double>{1, 2, 3, 4, 5}));
    write_values({1, 2, 3}, fresh);
    arena.guard()->check([] { return "nobody"; });
}

}  // namespace
}  // namespace aureole::test
