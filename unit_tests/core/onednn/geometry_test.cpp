#include "core/kernels/onednn/geometry.hpp"

#include <gtest/gtest.h>

namespace aureole::onednn {
namespace {

TensorSpec rows(Index global, Index lo, Index hi, Index columns = 8, Index samples = 1) {
    Shape const shape{samples, 1, global, columns, 4};
    TensorSpec spec = TensorSpec::whole(DType::f32, shape);
    spec.box.lo[2] = lo;
    spec.box.hi[2] = hi;
    return spec;
}

Windows const same3{Window{}, Window{3, 1, 1, 1}, Window{3, 1, 1, 1}};

TEST(OnednnGeometry, pads_only_at_the_image_border) {
    std::string refusal;
    auto const top = conv_geometry(same3, 1, rows(16, 0, 9), rows(16, 0, 8), Covered::output, refusal);
    ASSERT_TRUE(top) << refusal;
    EXPECT_EQ(top->window[1].pad_lo, 1);
    EXPECT_EQ(top->window[1].pad_hi, 0);
    auto const middle = conv_geometry(same3, 1, rows(16, 3, 9), rows(16, 4, 8), Covered::output, refusal);
    ASSERT_TRUE(middle) << refusal;
    EXPECT_EQ(middle->window[1].pad_lo, 0);
    EXPECT_EQ(middle->window[1].pad_hi, 0);
    EXPECT_EQ(middle->window[2].pad_lo, 1);
}

TEST(OnednnGeometry, cuts_off_rows_that_no_window_reads) {
    std::string refusal;
    auto const wide = conv_geometry(same3, 1, rows(16, 1, 12), rows(16, 4, 8), Covered::output, refusal);
    ASSERT_TRUE(wide) << refusal;
    EXPECT_EQ(wide->x.h, 6);
    EXPECT_EQ(wide->x_offset, 2 * 8 * 4);
    EXPECT_TRUE(wide->is_dense());
}

TEST(OnednnGeometry, primitives_are_refused_what_is_not_contiguous) {
    std::string refusal;
    TensorSpec const x = rows(16, 1, 12, 8, 2), y = rows(16, 4, 8, 8, 2);
    auto const strided = conv_geometry(same3, 1, x, y, Covered::output, refusal);
    ASSERT_TRUE(strided) << refusal;
    EXPECT_FALSE(strided->is_dense());
    EXPECT_EQ(strided->x_offset, 2 * 8 * 4);
    EXPECT_EQ(strided->x_strides.n, 11 * 8 * 4);
    EXPECT_FALSE(dense_geometry(same3, 1, x, y, Covered::output, refusal));
    EXPECT_FALSE(refusal.empty());
    TensorSpec part = rows(16, 0, 16);
    part.within = Box{{0, 0, 0, 0, 0}, {1, 1, 16, 9, 4}};
    refusal.clear();
    EXPECT_FALSE(dense_geometry({}, 1, part, rows(16, 0, 16), Covered::output, refusal));
    EXPECT_FALSE(refusal.empty());
}

TEST(OnednnGeometry, rows_of_large_images_are_samples_where_the_window_is_a_pixel) {
    std::string refusal;
    auto const whole = TensorSpec::whole(DType::f32, {2, 1, 4096, 4096, 3});
    auto const geometry = dense_geometry({}, 1, whole, whole, Covered::output, refusal);
    ASSERT_TRUE(geometry) << refusal;
    EXPECT_EQ(geometry->x, (Shape{8192, 1, 1, 4096, 3}));
    EXPECT_EQ(geometry->y, geometry->x);
    EXPECT_TRUE(geometry->is_dense());
    EXPECT_EQ(dense_geometry(same3, 1, whole, whole, Covered::output, refusal)->x, whole.local());
    auto const small = TensorSpec::whole(DType::f32, {2, 1, 1024, 1024, 3});
    EXPECT_EQ(dense_geometry({}, 1, small, small, Covered::output, refusal)->x, small.local());
}

TEST(OnednnGeometry, primitives_are_refused_what_the_library_cannot_count) {
    std::string refusal;
    auto const refused = [&](Windows const& window, Shape const& x, Shape const& y) {
        refusal.clear();
        auto const whole = [](Shape const& shape) { return TensorSpec::whole(DType::f32, shape); };
        EXPECT_TRUE(conv_geometry(window, 1, whole(x), whole(y), Covered::output, refusal)) << refusal;
        return !dense_geometry(window, 1, whole(x), whole(y), Covered::output, refusal) && !refusal.empty();
    };
    Index const side = 1 << 16;
    EXPECT_TRUE(refused(same3, {1, 1, side, side, 1}, {1, 1, side, side, 1})) << "as many pixels as wrap to none";
    EXPECT_FALSE(refused(same3, {1, 1, side, side / 2 - 1, 1}, {1, 1, side, side / 2 - 1, 1})) << refusal;
    EXPECT_TRUE(refused({}, {1, 1, 8, 8, 1 << 20}, {1, 1, 8, 8, 1 << 20})) << "a program for every channel";
    Window const wide{1 << 14, 1, (1 << 14) - 1, 0};
    EXPECT_TRUE(refused({Window{}, wide, Window{}}, {1, 1, 1 << 14, 8, 1}, {1, 1, 1 << 14, 8, 1}));
}

TEST(OnednnGeometry, input_gradient_reads_rows_of_dy_around_its_own) {
    std::string refusal;
    auto const middle = conv_geometry(same3, 1, rows(16, 4, 8), rows(16, 3, 9), Covered::input, refusal);
    ASSERT_TRUE(middle) << refusal;
    EXPECT_EQ(middle->window[1].pad_lo, 2);
    EXPECT_EQ(middle->window[1].pad_hi, 2);
    auto const wide = conv_geometry(same3, 1, rows(16, 4, 8), rows(16, 0, 16), Covered::input, refusal);
    ASSERT_TRUE(wide) << refusal;
    EXPECT_EQ(wide->y.h, 6);
    EXPECT_EQ(wide->y_offset, 3 * 8 * 4);
}

TEST(OnednnGeometry, refuses_a_tile_that_begins_between_windows) {
    Windows const stride2{Window{}, Window{1, 2, 0, 0}, Window{1, 2, 0, 0}};
    std::string refusal;
    EXPECT_FALSE(conv_geometry(stride2, 1, rows(16, 3, 8), rows(8, 2, 4, 4), Covered::input, refusal));
    EXPECT_FALSE(refusal.empty());
}

}  // namespace
}  // namespace aureole::onednn
