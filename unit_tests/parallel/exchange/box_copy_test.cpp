// Copies and additions of parts of tensors against loops over their elements.
#include "parallel/exchange/box_copy.hpp"

#include <gtest/gtest.h>

#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/random_layouts.hpp"

namespace aureole::test {
namespace {

std::vector<DType> const every_type{DType::f32, DType::bf16, DType::f64, DType::i32, DType::u8};

/// Whether the positions of the part follow each other in the memory of the whole.
bool is_contiguous(Box const& whole, Box const& part) {
    std::vector<std::size_t> places;
    for_positions(part, [&](auto const& at) { places.push_back(place_in(whole, at)); });
    for (std::size_t i = 1; i < places.size(); ++i) {
        if (places[i] != places[i - 1] + 1) { return false; }
    }
    return true;
}

/// Every non-empty part of a box.
template <class Visit>
void for_parts(Box const& whole, Visit const& visit) {
    Box ends = whole;
    for (Index& hi : ends.hi) { ++hi; }
    for_positions(whole, [&](auto const& lo) {
        Box rest = ends;
        for (std::size_t axis = 0; axis < axis_count; ++axis) { rest.lo[axis] = lo[axis] + 1; }
        for_positions(rest, [&](auto const& hi) { visit(Box{lo, hi}); });
    });
}

TEST(ContiguousOffset, IsKnownForExactlyThePartsThatAreContiguous) {
    for (Shape const& shape :
         {Shape{2, 2, 3, 2, 2}, Shape{1, 1, 4, 3, 2}, Shape{3, 1, 1, 3, 1}, Shape{1, 3, 2, 1, 3}}) {
        Box whole = Box::whole(shape);
        for (std::size_t axis = 0; axis < axis_count; ++axis) {  // a part of a larger tensor
            whole.lo[axis] += 3 + static_cast<Index>(axis);
            whole.hi[axis] += 3 + static_cast<Index>(axis);
        }
        for_parts(whole, [&](Box const& part) {
            auto const offset = contiguous_offset(whole, part);
            ASSERT_EQ(offset.has_value(), is_contiguous(whole, part)) << to_string(part) << " of " << to_string(whole);
            if (offset) { ASSERT_EQ(static_cast<std::size_t>(*offset), place_in(whole, part.lo)); }
        });
    }
}

TEST(ContiguousOffset, RowsOfATileAreContiguous) {
    Box const tile{{0, 0, 4, 0, 0}, {1, 1, 9, 16, 3}};
    EXPECT_EQ(contiguous_offset(tile, {{0, 0, 5, 0, 0}, {1, 1, 7, 16, 3}}), 48);
    EXPECT_FALSE(contiguous_offset(tile, {{0, 0, 4, 1, 0}, {1, 1, 9, 16, 3}}));
}

struct Parts {
    std::vector<std::unique_ptr<DeviceBuffer>> sources;
    std::vector<HostTensor> values;  ///< of the sources
    std::vector<BoxCopy> copies;
};

/// Disjoint parts of one target, each from a source of its own that holds more than the part.
Parts random_parts(Random& random, BoxedTensor const& target, Shape const& shape, int count, std::uint64_t seed) {
    Parts parts;
    Layout const pieces = random_partition(random, count, shape), held = with_halo(random, pieces, shape, 2);
    for (int i = 0; i < count; ++i) {
        TensorSpec const spec{target.tensor.dtype, shape, held[i]};
        parts.sources.push_back(std::make_unique<DeviceBuffer>(spec));
        bool const small = spec.dtype == DType::u8;
        parts.values.push_back(
            random_tensor(spec.local(), spec.dtype, mix(seed, static_cast<std::uint64_t>(i)), small ? 0 : -100, 100));
        parts.sources.back()->upload(parts.values.back());
        parts.copies.push_back({{parts.sources.back()->tensor(), held[i]}, target, pieces[i]});
    }
    return parts;
}

void expect_as_loops(DType dtype, bool add, int count, std::uint64_t seed) {
    Random random(seed);
    Shape shape = random_shape(random);
    if (count > 16) { shape.h = shape.w = 12; }
    Box const box = Box::whole(shape);
    DeviceBuffer const target(TensorSpec::whole(dtype, shape));
    HostTensor want = random_tensor(shape, dtype, seed + 1, 0, 50);
    target.upload(want);
    Parts const parts = random_parts(random, {target.tensor(), box}, shape, count, seed);
    for (std::size_t i = 0; i < parts.copies.size(); ++i) {
        BoxCopy const& copy = parts.copies[i];
        for_positions(copy.part, [&](auto const& at) {
            double const value = parts.values[i].values[place_in(copy.from.box, at)];
            double& to = want.values[place_in(box, at)];
            to = add ? to + value : value;
        });
    }
    if (add) {
        add_boxes("aureole::test::add", parts.copies);
    } else {
        copy_boxes("aureole::test::copy", parts.copies);
    }
    ASSERT_EQ(target.download().values, as_type(want, dtype).values);
}

TEST(CopyBoxes, AsLoops) {
    for (DType const dtype : every_type) {
        SCOPED_TRACE(name_of(dtype));
        for (std::uint64_t seed = 0; seed < 40; ++seed) {
            SCOPED_TRACE(seed);
            expect_as_loops(dtype, false, static_cast<int>(1 + seed % 9), seed);
        }
    }
}

TEST(CopyBoxes, AnyNumberOfParts) {
    for (DType const dtype : every_type) {
        for (int const count : {15, 16, 17, 31, 32, 33, 50}) {
            SCOPED_TRACE(count);
            for (std::uint64_t seed = 0; seed < 5; ++seed) { expect_as_loops(dtype, false, count, seed); }
        }
    }
}

TEST(AddBoxes, AsLoops) {
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        SCOPED_TRACE(name_of(dtype));
        for (std::uint64_t seed = 0; seed < 40; ++seed) {
            SCOPED_TRACE(seed);
            expect_as_loops(dtype, true, static_cast<int>(1 + seed % 9), seed);
        }
        for (int const count : {16, 17, 33}) { expect_as_loops(dtype, true, count, 7); }
    }
}

TEST(AddBoxes, RefusesIntegers) {
    DeviceBuffer const buffer(TensorSpec::whole(DType::i32, {1, 1, 2, 2, 1}));
    Box const box = Box::whole({1, 1, 2, 2, 1});
    std::vector<BoxCopy> const copies{{{buffer.tensor(), box}, {buffer.tensor(), box}, box}};
    EXPECT_THROW(add_boxes("aureole::test::add", copies), Error);
}

TEST(CopyBoxes, NothingIsNothing) {
    copy_boxes("aureole::test::copy", {});
    add_boxes("aureole::test::add", {});
    DeviceBuffer const buffer(TensorSpec::whole(DType::f32, {1, 1, 2, 2, 1}));
    Box const box = Box::whole({1, 1, 2, 2, 1});
    std::vector<BoxCopy> const empty{{{buffer.tensor(), box}, {buffer.tensor(), box}, Box{}}};
    copy_boxes("aureole::test::copy", empty);
}

}  // namespace
}  // namespace aureole::test
