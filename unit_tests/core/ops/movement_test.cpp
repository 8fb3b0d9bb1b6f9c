#include <cmath>

#include "core/error.hpp"
#include "core/ops/add.hpp"
#include "core/ops/cast.hpp"
#include "core/ops/concat.hpp"
#include "core/ops/reshape.hpp"
#include "core/ops/slice.hpp"
#include "unit_tests/core/ops/pointwise_cases.hpp"

namespace aureole::test {

namespace {

/// Values 0, 1, 2, ... in memory order.
HostTensor counted(Shape const& shape, DType dtype = DType::f32) {
    HostTensor tensor{shape, dtype, {}};
    for (Index i = 0; i < shape.volume(); ++i) { tensor.values.push_back(static_cast<double>(i)); }
    return tensor;
}

Index offset(Shape const& s, std::array<Index, 5> const& at) {
    return (((at[0] * s.d + at[1]) * s.h + at[2]) * s.w + at[3]) * s.c + at[4];
}

/// Calls visit(position) for every position of the shape in memory order.
template <class Visit>
void for_positions(Shape const& s, Visit const& visit) {
    for (Index i = 0; i < s.volume(); ++i) {
        visit(std::array<Index, 5>{i / (s.d * s.h * s.w * s.c), i / (s.h * s.w * s.c) % s.d, i / (s.w * s.c) % s.h,
                                   i / s.c % s.w, i % s.c});
    }
}

}  // namespace

TEST(Add, AddsAndHandsBothTheGradient) {
    for (DType const dtype : floating_types) {
        Shape const shape{2, 1, 5, 7, 3};
        HostTensor const a = random_tensor(shape, dtype, 1), b = random_tensor(shape, dtype, 2);
        HostTensor const dy = random_tensor(shape, dtype, 3);
        HostTensor sum{shape, DType::f64, a.values};
        for (std::size_t i = 0; i < sum.values.size(); ++i) { sum.values[i] += b.values[i]; }
        OperatorRun const run = run_operator(std::make_shared<Add>(), {a, b}, {dy});
        EXPECT_EQ(run.outputs[0].values, as_type(sum, dtype).values);
        EXPECT_EQ(run.gradients[0]->values, dy.values);
        EXPECT_EQ(run.gradients[1]->values, dy.values);
    }
}

TEST(Add, RefusesOtherShapes) {
    EXPECT_THROW(
        (void)Add().infer(std::array{ValueType{DType::f32, {1, 1, 2, 2, 3}}, ValueType{DType::f32, {1, 1, 2, 2, 1}}}),
        Error);
}

TEST(Cast, RoundsToNearestEvenAndBack) {
    Shape const shape{2, 1, 5, 7, 3};
    for (DType const from : floating_types) {
        for (DType const to : floating_types) {
            HostTensor const x = random_tensor(shape, from, 1), dy = random_tensor(shape, to, 2);
            OperatorRun const run = run_operator(std::make_shared<Cast>(to), {x}, {dy});
            EXPECT_EQ(run.outputs[0].dtype, to);
            EXPECT_EQ(run.outputs[0].values, as_type(x, to).values);
            EXPECT_EQ(run.gradients[0]->dtype, from);
            EXPECT_EQ(run.gradients[0]->values, as_type(dy, from).values);
        }
    }
    HostTensor const ties{{1, 1, 1, 1, 3}, DType::f32, {1 + 0x1p-8, 1 + 0x3p-8, INFINITY}};
    OperatorRun const run = run_operator(std::make_shared<Cast>(DType::bf16), {ties});
    EXPECT_EQ(run.outputs[0].values, (std::vector<double>{1, 1 + 0x4p-8, INFINITY}));
}

TEST(Concat, JoinsChannelsInOrder) {
    std::vector<Index> const channels{3, 1, 17};
    std::vector<HostTensor> inputs;
    for (std::size_t i = 0; i < channels.size(); ++i) {
        inputs.push_back(random_tensor({2, 2, 3, 5, channels[i]}, DType::f32, i));
    }
    HostTensor const dy = random_tensor({2, 2, 3, 5, 21}, DType::f32, 9);
    OperatorRun const run = run_operator(std::make_shared<Concat>(), inputs, {dy});
    ASSERT_EQ(run.outputs[0].shape, dy.shape);
    for_positions(dy.shape, [&](std::array<Index, 5> at) {
        auto const to = static_cast<std::size_t>(offset(dy.shape, at));
        std::size_t part = 0;
        while (at[4] >= channels[part]) { at[4] -= channels[part++]; }
        auto const from = static_cast<std::size_t>(offset(inputs[part].shape, at));
        EXPECT_EQ(run.outputs[0].values[to], inputs[part].values[from]);
        EXPECT_EQ(run.gradients[part]->values[from], dy.values[to]);
    });
}

TEST(Concat, TilesMatchWhole) {
    expect_tiles_match_whole(
        std::make_shared<Concat>(),
        {random_tensor({2, 1, 5, 7, 3}, DType::bf16, 1), random_tensor({2, 1, 5, 7, 2}, DType::bf16, 2)}, {1, 2, 3});
}

TEST(Concat, RefusesOtherSizes) {
    EXPECT_THROW((void)Concat().infer(
                     std::array{ValueType{DType::f32, {1, 1, 2, 2, 3}}, ValueType{DType::f32, {1, 1, 2, 3, 3}}}),
                 Error);
    EXPECT_THROW((void)Concat().infer({}), Error);
}

/// Every axis: the slice is what indexing says, its gradient is zero outside, and tiles see the same.
TEST(Slice, CutsEveryAxis) {
    HostTensor const x = counted({3, 4, 5, 6, 7});
    for (Axis const axis : {Axis::n, Axis::d, Axis::h, Axis::w, Axis::c}) {
        auto const along = static_cast<std::size_t>(axis);
        SliceAttributes const attributes{axis, 1, x.shape[axis] - 1};
        Shape const cut = Slice(attributes).infer(std::array{ValueType{x.dtype, x.shape}})[0].shape;
        EXPECT_EQ(cut[axis], x.shape[axis] - 2);
        HostTensor const dy = random_tensor(cut, x.dtype, 5);
        OperatorRun const run = run_operator(std::make_shared<Slice>(attributes), {x}, {dy});
        std::vector<double> gradient(x.values.size(), 0);
        for_positions(cut, [&](std::array<Index, 5> at) {
            auto const to = static_cast<std::size_t>(offset(cut, at));
            at[along] += 1;
            auto const from = static_cast<std::size_t>(offset(x.shape, at));
            EXPECT_EQ(run.outputs[0].values[to], x.values[from]);
            gradient[from] = dy.values[to];
        });
        EXPECT_EQ(run.gradients[0]->values, gradient);
        expect_tiles_match_whole(std::make_shared<Slice>(attributes), {x}, {2, 3, 2});
        expect_tiles_match_whole(std::make_shared<SliceInputGradient>(attributes, x.shape), {dy}, {2, 3, 2});
    }
}

TEST(Slice, RefusesRangesOutside) {
    auto const x = std::array{ValueType{DType::f32, {1, 1, 2, 2, 3}}};
    for (auto const& [begin, end] : {std::pair<Index, Index>{-1, 2}, {1, 4}, {2, 2}}) {
        EXPECT_THROW((void)Slice({Axis::c, begin, end}).infer(x), Error);
    }
}

TEST(Reshape, KeepsTheOrderOfElements) {
    HostTensor const x = counted({2, 1, 3, 4, 5});
    HostTensor const dy = random_tensor({2, 1, 1, 1, 60}, DType::f32, 1);
    OperatorRun const run = run_operator(std::make_shared<Reshape>(dy.shape), {x}, {dy});
    EXPECT_EQ(run.outputs[0].shape, dy.shape);
    EXPECT_EQ(run.outputs[0].values, x.values);
    EXPECT_EQ(run.gradients[0]->shape, x.shape);
    EXPECT_EQ(run.gradients[0]->values, dy.values);
    EXPECT_THROW((void)Reshape(Shape{2, 1, 1, 1, 61}).infer(std::array{ValueType{x.dtype, x.shape}}), Error);
}

}  // namespace aureole::test
