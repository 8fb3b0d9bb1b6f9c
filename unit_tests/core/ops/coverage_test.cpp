// Every entry of the native kernel table ran between red zones, when all tests of operators have run: the harness puts
// them around each tensor and workspace (core/tensor/memory_guard.hpp). Some run in guarded programs instead.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "core/kernels/native/table.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {
namespace {

/// Halves of operators that are parted over tiles, and what follows a step: unit_tests/parallel runs them.
std::set<std::string_view> const in_programs{"norm_moments", "norm_finish",      "dice_sums",
                                             "dice_finish",  "metric_confusion", "optimizer_update"};

class Coverage : public testing::Environment {
  public:
    void TearDown() override {
        if (GTEST_FLAG_GET(filter) != "*" || testing::UnitTest::GetInstance()->Failed()) { return; }
        std::printf("runs of kernels between red zones:\n");
        for (Implementation const& each : native::implementations()) {
            if (in_programs.count(each.kind) != 0) { continue; }
            std::string const name = std::string(each.kind) + ": " + std::string(each.library);
            int const runs = runs_between_red_zones(name);
            std::printf("    %-50s %d\n", name.c_str(), runs);
            EXPECT_GT(runs, 0) << name;
        }
    }
};

testing::Environment* const coverage = testing::AddGlobalTestEnvironment(new Coverage);

}  // namespace
}  // namespace aureole::test
