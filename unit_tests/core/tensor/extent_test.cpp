#include "core/tensor/extent.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.hpp"
#include "core/graph/graph.hpp"

namespace aureole::test {
namespace {

constexpr Index most = std::numeric_limits<Index>::max();

TEST(Extent, KnowsWhat64BitsHold) {
    EXPECT_EQ((Extent(most) * 1 + 0).known(), most);
    EXPECT_EQ((Extent(3) * 5 + 7).known(), 22);
    EXPECT_FALSE((Extent(most) + 1).is_known());
    EXPECT_FALSE((Extent(Index{1} << 32) * (Index{1} << 32)).is_known()) << "wraps to 0";
    EXPECT_FALSE((Extent(Index{1} << 32) * (Index{1} << 32) * 0).is_known()) << "what came before is forgotten";
    EXPECT_TRUE(Extent(7).is_at_most(7));
    EXPECT_FALSE(Extent(8).is_at_most(7));
    EXPECT_FALSE((Extent(most) * 2).is_at_most(most));
}

TEST(Extent, SaysWhatIsTooLarge) {
    EXPECT_EQ(Extent(7).value("pixels"), 7);
    try {
        static_cast<void>((Extent(most) * most).value("the pixels of a window"));
        ADD_FAILURE() << "was counted";
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        EXPECT_NE(std::string(error.what()).find("the pixels of a window"), std::string::npos) << error.what();
    }
}

TEST(Extent, ShapesCountNoMoreThan64BitsHold) {
    Shape const large{1, 1, Index{1} << 31, Index{1} << 31, 4};
    EXPECT_THROW(static_cast<void>(large.volume()), Error);
    EXPECT_EQ(large.pixels(), Index{1} << 62);
    Shape const wraps{1, 1, Index{1} << 32, Index{1} << 32, 1};
    EXPECT_THROW(static_cast<void>(wraps.pixels()), Error);
    EXPECT_THROW(static_cast<void>(wraps.pixels_per_sample()), Error);
}

TEST(Extent, GraphsRefuseTensorsThatNoMachineHolds) {
    auto const add = [](Shape const& shape) {
        Graph graph;
        graph.add_value({"layer7", {DType::f32, shape}, Role::activation, none, {}, true});
    };
    EXPECT_NO_THROW(add({1, 1, 1 << 24, 1 << 24, 1}));  // 2^50 bytes
    EXPECT_NO_THROW(add({1, 1, most_axis_pixels, 1, 1}));
    for (Shape const& shape : {Shape{1, 1, 1 << 24, 1 << 24, 2}, Shape{1, 1, most_axis_pixels + 1, 1, 1},
                               Shape{1, 1, Index{1} << 32, Index{1} << 32, 1}}) {
        try {
            add(shape);
            ADD_FAILURE() << to_string(shape) << " was taken";
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::bad_deck);
            EXPECT_NE(std::string(error.what()).find("layer7"), std::string::npos) << error.what();
        }
    }
}

}  // namespace
}  // namespace aureole::test
