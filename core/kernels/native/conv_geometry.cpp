#include "core/kernels/native/conv_geometry.hpp"

#include <algorithm>

#include "core/tensor/lines.hpp"

namespace aureole::native {

Place place_of(TensorSpec const& tensor, std::array<Index, 4> const& corner) {
    Strides const strides = tensor.strides();
    Place place{0, strides.n, strides.d, strides.h, strides.w};
    std::array<Index, 4> const stride = strides.all();
    for (std::size_t i = 0; i < corner.size(); ++i) { place.origin += (corner[i] - tensor.box.lo[i]) * stride[i]; }
    return place;
}

Place local_place(TensorSpec const& tensor) {
    auto const& lo = tensor.box.lo;
    return place_of(tensor, {lo[0], lo[1], lo[2], lo[3]});
}

Place global_place(TensorSpec const& tensor, TensorSpec const& reference) {
    return place_of(tensor, {reference.box.lo[0], 0, 0, 0});
}

Lattice conv_lattice(Windows const& windows, TensorSpec const& x, TensorSpec const& y) {
    Lattice lattice{};
    for (std::size_t i = 0; i < lattice.size(); ++i) {
        Window const& window = windows[i];
        lattice[i] = {.count = y.local().extents()[i + 1],
                      .first_out = 0,
                      .step_out = 1,
                      .taps = window.size,
                      .first = y.box.lo[i + 1] * window.stride - window.pad_lo,
                      .tap = window.dilation,
                      .divisor = 1,
                      .step_source = window.stride,
                      .extent = x.global.extents()[i + 1]};
    }
    return lattice;
}

namespace {

/// The positions residue, residue + stride, ... of one axis of dx.
GatherAxis input_gradient_axis(Window const& window, Index residue, Index lo, Index count, Index dy_extent) {
    return {.count = count <= residue ? 0 : (count - residue + window.stride - 1) / window.stride,
            .first_out = residue,
            .step_out = window.stride,
            .taps = window.size,
            .first = lo + residue + window.pad_lo,
            .tap = -window.dilation,
            .divisor = window.stride,
            .step_source = 1,
            .extent = dy_extent};
}

bool is_trivial(Windows const& windows) {
    for (Window const& window : windows) {
        if (window.size != 1 || window.stride != 1 || window.pad_lo != 0) { return false; }
    }
    return true;
}

}  // namespace

std::vector<Lattice> input_gradient_lattices(Windows const& windows, TensorSpec const& dy, TensorSpec const& dx) {
    auto const axis = [&](std::size_t i, Index residue) {
        return input_gradient_axis(windows[i], residue, dx.box.lo[i + 1], dx.local().extents()[i + 1],
                                   dy.global.extents()[i + 1]);
    };
    auto const residues = [&](std::size_t i) { return std::min(windows[i].stride, dx.local().extents()[i + 1]); };
    std::vector<Lattice> lattices;
    if (dx.box.empty()) { return lattices; }
    for (Index d = 0; d < residues(0); ++d) {
        for (Index h = 0; h < residues(1); ++h) {
            for (Index w = 0; w < residues(2); ++w) { lattices.push_back({axis(0, d), axis(1, h), axis(2, w)}); }
        }
    }
    return lattices;
}

WeightGeometry weight_geometry(Windows const& windows, TensorSpec const& x, TensorSpec const& dy) {
    WeightGeometry geometry{{}, global_place(x, dy), local_place(dy), dy.local().pixels()};
    for (std::size_t i = 0; i < geometry.axis.size(); ++i) {
        Window const& window = windows[i];
        geometry.axis[i] = {.count = dy.local().extents()[i + 1],
                            .taps = window.size,
                            .stride = window.stride,
                            .first = dy.box.lo[i + 1] * window.stride - window.pad_lo,
                            .dilation = window.dilation,
                            .extent = x.global.extents()[i + 1]};
    }
    bool same_pixels = Lines::of(x).dense && Lines::of(dy).dense;
    for (std::size_t i = 0; i < 4; ++i) {
        same_pixels = same_pixels && x.box.lo[i] == dy.box.lo[i] && x.box.hi[i] == dy.box.hi[i];
    }
    if (is_trivial(windows) && same_pixels) {
        // a matrix product: all pixels make one long line, which spares the short lines of small images
        WeightAxis const single{.count = 1, .taps = 1, .stride = 1, .first = 0, .dilation = 1, .extent = 1};
        geometry.axis = {single, single, single};
        geometry.axis[2].count = geometry.pixels;
        geometry.axis[2].extent = geometry.pixels;
        geometry.in.origin = geometry.out.origin = 0;
    }
    return geometry;
}

}  // namespace aureole::native
