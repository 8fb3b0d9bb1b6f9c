#include "io/data/augment.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace aureole {
namespace {

using Image = std::vector<float>;

Image ramp_image(Shape const& shape) {
    Image image(static_cast<std::size_t>(shape.volume()));
    std::iota(image.begin(), image.end(), 1.0F);  // zero is the padding
    return image;
}

float at(Image const& image, Shape const& shape, Index d, Index h, Index w, Index c) {
    bool const inside = d >= 0 && d < shape.d && h >= 0 && h < shape.h && w >= 0 && w < shape.w;
    return inside ? image[static_cast<std::size_t>(((d * shape.h + h) * shape.w + w) * shape.c + c)] : 0;
}

Image transform(Geometry const& geometry, Image const& image, Shape const& stored, Box const& output) {
    Image out(static_cast<std::size_t>(output.shape().volume()));
    apply_geometry(geometry, image.data(), Box::whole(stored), output, out.data());
    return out;
}

/// numpy.rot90: element (i, j) of the turned image is (j, size - 1 - i) of the image.
Image turn(Image const& image, Shape const& shape) {
    Image out;
    for (Index i = 0; i < shape.h; ++i) {
        for (Index j = 0; j < shape.w; ++j) {
            for (Index c = 0; c < shape.c; ++c) { out.push_back(at(image, shape, 0, j, shape.h - 1 - i, c)); }
        }
    }
    return out;
}

Image flip(Image const& image, Shape const& shape, bool d_axis, bool h_axis, bool w_axis) {
    Image out;
    for (Index d = 0; d < shape.d; ++d) {
        for (Index h = 0; h < shape.h; ++h) {
            for (Index w = 0; w < shape.w; ++w) {
                for (Index c = 0; c < shape.c; ++c) {
                    out.push_back(at(image, shape, d_axis ? shape.d - 1 - d : d, h_axis ? shape.h - 1 - h : h,
                                     w_axis ? shape.w - 1 - w : w, c));
                }
            }
        }
    }
    return out;
}

TEST(Augment, WithoutChangesIsTheIdentity) {
    Shape const shape{1, 1, 6, 5, 3};
    EXPECT_TRUE(draw_geometry({}, shape, shape, 1, 2, 3).is_identity());
    EXPECT_TRUE(centre_geometry(shape, shape).is_identity());
}

TEST(Augment, FlipsAndTurnsGiveTheEightImagesAndNoOther) {
    for (Index const channels : {1, 3}) {
        Shape const shape{1, 1, 5, 5, channels};
        Image const image = ramp_image(shape);
        std::set<Image> expected;
        for (bool const h : {false, true}) {
            for (bool const w : {false, true}) {
                Image changed = flip(image, shape, false, h, w);
                for (int turns = 0; turns < 4; ++turns, changed = turn(changed, shape)) { expected.insert(changed); }
            }
        }
        ASSERT_EQ(expected.size(), 8U);  // flips and turns of a square form a group of eight
        AugmentSpec const augment{.flip_h = true, .flip_w = true, .rotate90 = true};
        std::map<Image, int> seen;
        for (std::int64_t sample = 0; sample < 800; ++sample) {
            ++seen[transform(draw_geometry(augment, shape, shape, 7, 0, sample), image, shape, Box::whole(shape))];
        }
        for (auto const& [result, count] : seen) {
            EXPECT_TRUE(expected.contains(result));
            EXPECT_GT(count, 60);  // 100 expected
            EXPECT_LT(count, 145);
        }
        EXPECT_EQ(seen.size(), 8U);
    }
}

TEST(Augment, OnlyWhatIsAskedForChanges) {
    Shape const shape{1, 3, 4, 6, 2};
    Image const image = ramp_image(shape);
    std::set<Image> seen;
    for (std::int64_t sample = 0; sample < 100; ++sample) {
        seen.insert(transform(draw_geometry({.flip_w = true, .flip_d = true}, shape, shape, 7, 0, sample), image, shape,
                              Box::whole(shape)));
    }
    std::set<Image> const expected{image, flip(image, shape, true, false, false),
                                   flip(image, shape, false, false, true), flip(image, shape, true, false, true)};
    EXPECT_EQ(seen, expected);
}

TEST(Augment, PaddedCropsShiftByUpToThePadding) {
    Shape const shape{1, 1, 6, 6, 2};
    Image const image = ramp_image(shape);
    std::set<std::pair<Index, Index>> shifts;
    for (std::int64_t sample = 0; sample < 500; ++sample) {
        Geometry const geometry = draw_geometry({.crop_pad = 2}, shape, shape, 7, 0, sample);
        shifts.insert({geometry.origin_h, geometry.origin_w});
        Image expected;
        for (Index h = 0; h < 6; ++h) {
            for (Index w = 0; w < 6; ++w) {
                for (Index c = 0; c < 2; ++c) {
                    expected.push_back(at(image, shape, 0, h + geometry.origin_h, w + geometry.origin_w, c));
                }
            }
        }
        ASSERT_EQ(transform(geometry, image, shape, Box::whole(shape)), expected);
    }
    EXPECT_EQ(shifts.size(), 25U);  // -2 .. 2 in both directions
    EXPECT_TRUE(shifts.contains({-2, 2}));
}

TEST(Augment, RandomCropsLieInsideTheSample) {
    Shape const stored{1, 1, 10, 12, 1}, output{1, 1, 8, 8, 1};
    std::set<Index> rows, columns;
    for (std::int64_t sample = 0; sample < 300; ++sample) {
        Geometry const geometry = draw_geometry({.rotate90 = true, .random_crop = true}, stored, output, 7, 0, sample);
        Box const source = geometry.source_box(Box::whole(output));
        EXPECT_TRUE(contains(Box::whole(stored), source));
        EXPECT_EQ(source.shape(), output);
        rows.insert(source.lo[2]);
        columns.insert(source.lo[3]);
    }
    EXPECT_EQ(rows, (std::set<Index>{0, 1, 2}));
    EXPECT_EQ(columns, (std::set<Index>{0, 1, 2, 3, 4}));
}

TEST(Augment, ATileIsTheTileOfTheWhole) {
    Shape const stored{1, 1, 9, 9, 3}, output{1, 1, 8, 8, 3};
    Image const image = ramp_image(stored);
    AugmentSpec const augment{.flip_h = true, .flip_w = true, .rotate90 = true, .crop_pad = 3, .random_crop = true};
    Box const tile{{0, 0, 2, 5, 0}, {1, 1, 6, 8, 3}};
    for (std::int64_t sample = 0; sample < 100; ++sample) {
        Geometry const geometry = draw_geometry(augment, stored, output, 3, 1, sample);
        Image const whole = transform(geometry, image, stored, Box::whole(output));
        Box const source = intersection(geometry.source_box(tile), Box::whole(stored));
        Image part;  // only what the tile needs
        for (Index h = source.lo[2]; h < source.hi[2]; ++h) {
            for (Index w = source.lo[3]; w < source.hi[3]; ++w) {
                for (Index c = 0; c < 3; ++c) { part.push_back(at(image, stored, 0, h, w, c)); }
            }
        }
        Image out(4 * 3 * 3);
        apply_geometry(geometry, part.data(), source, tile, out.data());
        Image expected;
        for (Index h = 2; h < 6; ++h) {
            for (Index w = 5; w < 8; ++w) {
                for (Index c = 0; c < 3; ++c) { expected.push_back(at(whole, output, 0, h, w, c)); }
            }
        }
        ASSERT_EQ(out, expected) << sample;
    }
}

TEST(Augment, DrawsDependOnSeedEpochAndSample) {
    Shape const shape{1, 1, 64, 64, 1};
    auto const draw = [&](std::uint64_t seed, std::int64_t epoch, std::int64_t sample) {
        Geometry const g = draw_geometry({.crop_pad = 30}, shape, shape, seed, epoch, sample);
        return std::pair(g.origin_h, g.origin_w);
    };
    EXPECT_EQ(draw(1, 2, 3), draw(1, 2, 3));
    EXPECT_NE(draw(1, 2, 3), draw(2, 2, 3));
    EXPECT_NE(draw(1, 2, 3), draw(1, 3, 3));
    EXPECT_NE(draw(1, 2, 3), draw(1, 2, 4));
}

}  // namespace
}  // namespace aureole
