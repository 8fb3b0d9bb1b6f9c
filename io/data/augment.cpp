#include "io/data/augment.hpp"

#include <algorithm>

#include "core/tensor/philox.hpp"

namespace aureole {

namespace {

/// Uniform in [lo, hi].
Index draw_between(std::uint32_t word, Index lo, Index hi) {
    auto const span = static_cast<std::uint64_t>(hi - lo + 1);
    return lo + static_cast<Index>(word * span >> 32U);
}

struct HW {
    Index h, w;
};

/// Source offset, within the window, of output pixel (h, w) after flips and turns. Quarter turns as numpy.rot90.
HW follow(HW p, Shape const& output, bool flip_h, bool flip_w, int turns) {
    Index const last = output.h - 1;
    for (int i = 0; i < turns; ++i) { p = {p.w, last - p.h}; }
    return {flip_h ? output.h - 1 - p.h : p.h, flip_w ? output.w - 1 - p.w : p.w};
}

}  // namespace

bool Geometry::is_identity() const {
    return origin_d == 0 && origin_h == 0 && origin_w == 0 && step_d == 1 && hh == 1 && hw == 0 && wh == 0 && ww == 1;
}

Box Geometry::source_box(Box const& output) const {
    auto const map = [&](Index d, Index h, Index w) {
        return std::array<Index, 3>{origin_d + step_d * d, origin_h + hh * h + hw * w, origin_w + wh * h + ww * w};
    };
    auto const a = map(output.lo[1], output.lo[2], output.lo[3]);
    auto const b = map(output.hi[1] - 1, output.hi[2] - 1, output.hi[3] - 1);
    Box box = output;
    for (std::size_t i = 0; i < 3; ++i) {
        box.lo[i + 1] = std::min(a[i], b[i]);
        box.hi[i + 1] = std::max(a[i], b[i]) + 1;
    }
    return box;
}

Geometry draw_geometry(AugmentSpec const& augment, Shape const& stored, Shape const& output, std::uint64_t seed,
                       std::int64_t epoch, std::int64_t sample) {
    constexpr std::uint64_t augment_stream = 0x4155474D454E54ULL;
    auto const random = Philox::at(mix(mix(seed, augment_stream), static_cast<std::uint64_t>(epoch)),
                                   static_cast<std::uint64_t>(sample));
    auto const bit = [&](unsigned i) { return (random.word[0] >> i & 1U) != 0; };
    bool const flip_d = augment.flip_d && bit(0), flip_h = augment.flip_h && bit(1), flip_w = augment.flip_w && bit(2);
    int const turns = augment.rotate90 ? static_cast<int>(random.word[0] >> 3U & 3U) : 0;

    Index const pad = augment.crop_pad, pad_d = stored.d > 1 ? pad : 0;  // images have no depth to pad
    Index const d = draw_between(random.word[1], -pad_d, stored.d + pad_d - output.d);
    Index const h = draw_between(random.word[2], -pad, stored.h + pad - output.h);
    Index const w = draw_between(random.word[3], -pad, stored.w + pad - output.w);

    HW const zero = follow({0, 0}, output, flip_h, flip_w, turns),
             along_h = follow({1, 0}, output, flip_h, flip_w, turns),
             along_w = follow({0, 1}, output, flip_h, flip_w, turns);
    Geometry geometry;
    geometry.origin_d = d + (flip_d ? output.d - 1 : 0);
    geometry.origin_h = h + zero.h;
    geometry.origin_w = w + zero.w;
    geometry.step_d = flip_d ? -1 : 1;
    geometry.hh = static_cast<int>(along_h.h - zero.h);
    geometry.wh = static_cast<int>(along_h.w - zero.w);
    geometry.hw = static_cast<int>(along_w.h - zero.h);
    geometry.ww = static_cast<int>(along_w.w - zero.w);
    return geometry;
}

Geometry centre_geometry(Shape const& stored, Shape const& output) {
    Geometry geometry;
    geometry.origin_d = (stored.d - output.d) / 2;
    geometry.origin_h = (stored.h - output.h) / 2;
    geometry.origin_w = (stored.w - output.w) / 2;
    return geometry;
}

template <class T>
void apply_geometry(Geometry const& geometry, T const* in, Box const& source, Box const& output, T* out, T outside) {
    Shape const shape = source.shape();
    Index const c = shape.c, pixel_step = (geometry.hw * shape.w + geometry.ww) * c;
    for (Index d = output.lo[1]; d < output.hi[1]; ++d) {
        for (Index h = output.lo[2]; h < output.hi[2]; ++h) {
            Index const source_d = geometry.origin_d + geometry.step_d * d - source.lo[1];
            for (Index w = output.lo[3]; w < output.hi[3];) {
                Index const source_h = geometry.origin_h + geometry.hh * h + geometry.hw * w - source.lo[2];
                Index const source_w = geometry.origin_w + geometry.wh * h + geometry.ww * w - source.lo[3];
                bool const inside = source_d >= 0 && source_d < shape.d && source_h >= 0 && source_h < shape.h &&
                                    source_w >= 0 && source_w < shape.w;
                if (!inside) {
                    out = std::fill_n(out, c, outside);
                    ++w;
                    continue;
                }
                // the run of pixels until the walk along w leaves the source
                Index const at = geometry.hw != 0 ? source_h : source_w;
                Index const size = geometry.hw != 0 ? shape.h : shape.w;
                int const direction = geometry.hw + geometry.ww;
                Index const run = std::min(output.hi[3] - w, direction > 0 ? size - at : at + 1);
                T const* from = in + ((source_d * shape.h + source_h) * shape.w + source_w) * c;
                if (pixel_step == c) {
                    out = std::copy_n(from, run * c, out);
                } else if (c == 1) {
                    for (Index i = 0; i < run; ++i, from += pixel_step) { *out++ = *from; }
                } else {
                    for (Index i = 0; i < run; ++i, from += pixel_step) { out = std::copy_n(from, c, out); }
                }
                w += run;
            }
        }
    }
}

template void apply_geometry(Geometry const&, float const*, Box const&, Box const&, float*, float);
template void apply_geometry(Geometry const&, std::int32_t const*, Box const&, Box const&, std::int32_t*, std::int32_t);

}  // namespace aureole
