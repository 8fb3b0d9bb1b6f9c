#pragma once
#include <cstdint>

#include "core/tensor/box.hpp"
#include "io/data/data_spec.hpp"

namespace aureole {

/// Where each pixel of the network's input comes from in the stored sample: flips, quarter turns and a shift, the same
/// for image and mask. Output pixel (d, h, w) takes source pixel (origin_d + step_d d, origin_h + hh h + hw w, origin_w
/// + wh h + ww w); what lies outside the sample is zero, in masks the label that does not
/// count if there is one.
struct Geometry {
    Index origin_d = 0, origin_h = 0, origin_w = 0;
    int step_d = 1;
    int hh = 1, hw = 0, wh = 0, ww = 1;

    [[nodiscard]] bool is_identity() const;
    /// The part of the source that an output box needs, not cut at the border of the sample. Channels are kept.
    [[nodiscard]] Box source_box(Box const& output) const;
};

/// Draws the change of one sample from (seed, epoch, sample): window of the output's size in the stored sample with its
/// padding, then flips, then counter-clockwise quarter turns.
[[nodiscard]] Geometry draw_geometry(AugmentSpec const& augment, Shape const& stored, Shape const& output,
                                     std::uint64_t seed, std::int64_t epoch, std::int64_t sample);

/// No random change: the middle of the stored sample.
[[nodiscard]] Geometry centre_geometry(Shape const& stored, Shape const& output);

/// Fills `out`, the box `output` as (d, h, w, c), from `in`, which holds the box `source` of the stored sample; what
/// lies outside it becomes `outside`.
template <class T>
void apply_geometry(Geometry const& geometry, T const* in, Box const& source, Box const& output, T* out,
                    T outside = T{0});

}  // namespace aureole
