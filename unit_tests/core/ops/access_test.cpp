#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/ops/conv.hpp"
#include "core/ops/global_pool.hpp"
#include "core/ops/linear.hpp"
#include "core/ops/pool.hpp"
#include "core/ops/transposed_conv.hpp"
#include "core/ops/upsample.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

namespace {

struct Span {
    Index lo, hi;
    friend bool operator==(Span const&, Span const&) = default;
    friend std::ostream& operator<<(std::ostream& out, Span const& span) {
        return out << "[" << span.lo << ", " << span.hi << ")";
    }
};

/// Smallest span of the positions [0, extent) that satisfy the predicate.
template <class Predicate>
Span hull(Index extent, Predicate const& predicate) {
    Span span{extent, 0};
    for (Index i = 0; i < extent; ++i) {
        if (predicate(i)) { span = {std::min(span.lo, i), i + 1}; }
    }
    return span;
}

Span needed_along_h(Access const& access, Shape const& output, Shape const& input, Span const& part) {
    Box box = Box::whole(output);
    box.lo[2] = part.lo;
    box.hi[2] = part.hi;
    Box const needed = needed_box(access, box, input);
    return {needed.lo[2], needed.hi[2]};
}

bool reads(Window const& window, Index o, Index i) {
    for (Index k = 0; k < window.size; ++k) {
        if (o * window.stride - window.pad_lo + k * window.dilation == i) { return true; }
    }
    return false;
}

/// Every window with sizes 1-4, strides 1-3, dilations 1-3, paddings below the window, on images of 1-9 pixels.
template <class Visit>
void for_windows(Visit const& visit) {
    for (Index size = 1; size <= 4; ++size) {
        for (Index stride = 1; stride <= 3; ++stride) {
            for (Index dilation = 1; dilation <= 3; ++dilation) {
                for (Index lo = -2; lo <= 2; ++lo) {
                    for (Index hi = -2; hi <= 2; ++hi) {
                        for (Index extent = 1; extent <= 9; ++extent) {
                            Window const window{size, stride, lo, hi, dilation};
                            if (window.output_extent(extent) > 0) { visit(window, extent); }
                        }
                    }
                }
            }
        }
    }
}

/// Positions of input 0 along h that each output position depends on, found by following a NaN through the kernel,
/// against the access rule: the rule must name all of them, and no more if `tight`.
void expect_access_covers_dependency(OperatorPtr const& op, std::vector<HostTensor> inputs, bool tight) {
    Shape const input = inputs[0].shape;
    Index const row = input.w * input.c;
    std::vector<std::vector<bool>> depends;  // [output][input]
    Shape output;
    for (Index i = 0; i < input.h; ++i) {
        std::vector<HostTensor> marked = inputs;
        for (Index k = 0; k < row; ++k) {
            marked[0].values[static_cast<std::size_t>(i * row + k)] = std::numeric_limits<double>::quiet_NaN();
        }
        HostTensor const y = run_operator(op, marked).outputs[0];
        output = y.shape;
        depends.resize(static_cast<std::size_t>(output.h), std::vector<bool>(static_cast<std::size_t>(input.h)));
        for (Index o = 0; o < output.h; ++o) {
            for (Index k = 0; k < output.w * output.c; ++k) {
                if (std::isnan(y.values[static_cast<std::size_t>(o * output.w * output.c + k)])) {
                    depends[static_cast<std::size_t>(o)][static_cast<std::size_t>(i)] = true;
                }
            }
        }
    }
    Index dependencies = 0;
    for (Index lo = 0; lo < output.h; ++lo) {
        for (Index hi = lo + 1; hi <= output.h; ++hi) {
            Span const needed = needed_along_h(op->access(0), output, input, {lo, hi});
            Span const actual = hull(input.h, [&](Index i) {
                for (Index o = lo; o < hi; ++o) {
                    if (depends[static_cast<std::size_t>(o)][static_cast<std::size_t>(i)]) { return true; }
                }
                return false;
            });
            if (actual.lo >= actual.hi) { continue; }
            ++dependencies;
            EXPECT_LE(needed.lo, actual.lo) << op->kind() << " outputs " << Span{lo, hi};
            EXPECT_GE(needed.hi, actual.hi) << op->kind() << " outputs " << Span{lo, hi};
            if (tight) { EXPECT_EQ(needed, actual) << op->kind() << " outputs " << Span{lo, hi}; }
        }
    }
    EXPECT_GT(dependencies, 0) << op->kind();
}

}  // namespace

TEST(Access, WindowNamesWhatIsRead) {
    Index checked = 0;
    for_windows([&](Window const& window, Index extent) {
        Access const access = Access::windowed({Window{}, window, Window{}}, Reach::window, Reach::same);
        Index const outputs = window.output_extent(extent);
        for (Index lo = 0; lo < outputs; ++lo) {
            for (Index hi = lo + 1; hi <= outputs; ++hi) {
                Span const needed = needed_along_h(access, {1, 1, outputs, 1, 1}, {1, 1, extent, 1, 1}, {lo, hi});
                Span const actual = hull(extent, [&](Index i) {
                    for (Index o = lo; o < hi; ++o) {
                        if (reads(window, o, i)) { return true; }
                    }
                    return false;
                });
                if (actual.lo >= actual.hi) { continue; }
                ++checked;
                ASSERT_LE(needed.lo, actual.lo);
                ASSERT_GE(needed.hi, actual.hi);
                ASSERT_GE(needed.lo, 0);
                ASSERT_LE(needed.hi, extent);
                if (window.dilation == 1 && std::max(window.pad_lo, window.pad_hi) < window.size) {
                    ASSERT_EQ(needed, actual);
                }
            }
        }
    });
    EXPECT_GT(checked, 10000);
}

TEST(Access, InverseWindowNamesEveryHolder) {
    Index checked = 0;
    for_windows([&](Window const& window, Index extent) {
        // the output of the inverse has the extent of the window's input
        Access const access = Access::windowed({Window{}, window, Window{}}, Reach::inverse_window, Reach::same);
        Index const inputs = window.output_extent(extent);
        for (Index lo = 0; lo < extent; ++lo) {
            for (Index hi = lo + 1; hi <= extent; ++hi) {
                Span const needed = needed_along_h(access, {1, 1, extent, 1, 1}, {1, 1, inputs, 1, 1}, {lo, hi});
                Span const actual = hull(inputs, [&](Index i) {
                    for (Index o = lo; o < hi; ++o) {
                        if (reads(window, i, o)) { return true; }
                    }
                    return false;
                });
                if (actual.lo >= actual.hi) { continue; }
                ++checked;
                ASSERT_LE(needed.lo, actual.lo);
                ASSERT_GE(needed.hi, actual.hi);
                ASSERT_GE(needed.lo, 0);
                ASSERT_LE(needed.hi, inputs);
                if (window.dilation == 1) { ASSERT_EQ(needed, actual); }
            }
        }
    });
    EXPECT_GT(checked, 10000);
}

TEST(Access, OtherAxesFollowTheirReach) {
    Access const pooling = Access::windowed({}, Reach::window, Reach::same);
    Access const mixing = Access::windowed({}, Reach::window, Reach::all);
    Box const part{{1, 0, 0, 0, 2}, {2, 1, 3, 3, 4}};
    Shape const input{4, 1, 3, 3, 9};
    EXPECT_EQ(needed_box(pooling, part, input), part);
    EXPECT_EQ(needed_box(mixing, part, input), (Box{{1, 0, 0, 0, 0}, {2, 1, 3, 3, 9}}));
    EXPECT_EQ(needed_box(Access::whole(), part, input), Box::whole(input));
    Access const global = GlobalPool(PoolKind::average).access(0);
    EXPECT_EQ(needed_box(global, {{1, 0, 0, 0, 2}, {2, 1, 1, 1, 4}}, {4, 2, 5, 6, 9}),
              (Box{{1, 0, 0, 0, 2}, {2, 2, 5, 6, 4}}));
}

TEST(Access, OperatorsReadNoMoreThanTheirRule) {
    HostTensor const x = random_tensor({1, 1, 9, 2, 2}, DType::f64, 1);
    std::vector<Window> const windows{{1}, {3, 1, 1, 1}, {3, 2, 1, 1}, {2, 2}, {4, 3, 2, 1}, {2, 1, 1, 0, 3}, {1, 3}};
    for (Window const& window : windows) {
        Windows const all{Window{}, window, Window{}};
        bool const tight = window.dilation == 1;
        ConvAttributes const conv{.window = all, .filters = 3};
        HostTensor const w = random_tensor(conv_weight_shape(conv, 2), DType::f64, 2);
        Shape y = output_shape(all, x.shape);
        HostTensor const pooled = random_tensor(y, DType::f64, 4);
        y.c = 3;
        HostTensor const dy = random_tensor(y, DType::f64, 3);
        expect_access_covers_dependency(std::make_shared<Conv>(conv), {x, w}, tight);
        expect_access_covers_dependency(std::make_shared<ConvInputGradient>(conv, x.shape), {dy, w}, tight);
        TransposedConvAttributes const transposed{.window = all, .filters = 3};
        expect_access_covers_dependency(std::make_shared<TransposedConv>(transposed),
                                        {x, random_tensor(transposed_conv_weight_shape(transposed, 2), DType::f64, 2)},
                                        tight);
        if (std::max(window.pad_lo, window.pad_hi) >= window.reach()) { continue; }
        for (PoolKind const kind : {PoolKind::max, PoolKind::average}) {
            expect_access_covers_dependency(std::make_shared<Pool>(PoolAttributes{all, kind}), {x}, tight);
        }
        expect_access_covers_dependency(
            std::make_shared<PoolInputGradient>(PoolAttributes{all, PoolKind::average}, x.shape), {pooled}, tight);
    }
    for (Window const& window : {Window{1, 2, -1, 1}, Window{3, 2, -2, 1}, Window{2, 3, -1, -1}}) {
        PoolAttributes const cropped{{Window{}, window, Window{}}, PoolKind::average, true};
        HostTensor const pooled = random_tensor(output_shape(cropped.window, x.shape), DType::f64, 4);
        bool const tight = window.pad_hi < window.size;  // or the last window holds padding only
        expect_access_covers_dependency(std::make_shared<Pool>(cropped), {x}, tight);
        expect_access_covers_dependency(std::make_shared<PoolInputGradient>(cropped, x.shape), {pooled}, true);
    }
    for (UpsampleMode const mode : {UpsampleMode::nearest, UpsampleMode::linear}) {
        for (Index scale = 1; scale <= 5; ++scale) {
            UpsampleAttributes const attributes{{1, scale, 1}, mode};
            expect_access_covers_dependency(std::make_shared<Upsample>(attributes), {x}, true);
            expect_access_covers_dependency(std::make_shared<UpsampleInputGradient>(attributes),
                                            {random_tensor({1, 1, 9 * scale, 2, 2}, DType::f64, 2)}, true);
        }
    }
    expect_access_covers_dependency(std::make_shared<Linear>(LinearAttributes{3, false}),
                                    {x, random_tensor({1, 1, 1, 2, 3}, DType::f64, 2)}, true);
}

}  // namespace aureole::test
