#include "core/kernels/onednn/geometry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/tensor/lines.hpp"

namespace aureole::onednn {

namespace {

using Tag = dnnl::memory::format_tag;
using Dims = dnnl::memory::dims;

// above these the library's 32-bit numbers wrap, or it makes a program for every channel and position of a window
constexpr Index most_elements = std::numeric_limits<std::int32_t>::max();
constexpr Index most_channels = Index{1} << 16;
constexpr Index most_columns = Index{1} << 24;  // of weights, each of which is placed by itself when they are packed
constexpr Index most_reach = Index{1} << 12;

/// One axis of the convolution: window i of y begins at position i * stride - pad_lo of x.
struct AxisGeometry {
    Window window;
    Index x, y;            // extents that are left
    Index x_skip, y_skip;  // positions cut off at the lower end
    bool fits;
};

Index ceil_divide(Index a, Index b) { return (a + b - 1) / b; }  // a >= 0

AxisGeometry cover_output(Window window, Index pad, Index x, Index y) {
    Index x_skip = 0;
    if (pad < 0) {
        x_skip = -pad;
        x += pad;
        pad = 0;
    }
    Index const end = (y - 1) * window.stride - pad + window.reach();  // one past the last position read
    window.pad_lo = pad;
    window.pad_hi = std::max<Index>(0, end - x);
    if (window.output_extent(x) != y) { x = end; }
    return {window, x, y, x_skip, 0, x > 0 && window.output_extent(x) == y};
}

AxisGeometry cover_input(Window window, Index pad, Index x, Index y) {
    // windows that end before x begins, and windows that begin after it ends, add nothing
    Index const y_skip = pad < window.reach() ? 0 : ceil_divide(pad - window.reach() + 1, window.stride);
    pad -= y_skip * window.stride;
    y = std::min(y - y_skip, pad < 0 ? 0 : (x - 1 + pad) / window.stride + 1);
    if (pad < 0 || y <= 0) { return {window, x, y, 0, y_skip, false}; }
    window.pad_lo = pad;
    window.pad_hi = std::max<Index>(0, (y - 1) * window.stride - pad + window.reach() - x);
    return {window, x, y, 0, y_skip, window.output_extent(x) == y};
}

/// Whether slices of samples follow each other as slices of a sample do.
bool slices_are_even(Shape const& shape, Strides const& strides) {
    return shape.n == 1 || shape.d == 1 || strides.n == shape.d * strides.d;
}

void fold(Shape& shape, Strides& strides) {
    if (shape.d > 1) { strides.n = strides.d; }
    shape.n *= shape.d;
    shape.d = 1;
}

/// Folds slices into samples where the window does not look along d.
void fold_slices(ConvGeometry& geometry) {
    if (geometry.x.d != geometry.y.d || geometry.window[0] != Window{1, 1, 0, 0, geometry.window[0].dilation} ||
        !slices_are_even(geometry.x, geometry.x_strides) || !slices_are_even(geometry.y, geometry.y_strides)) {
        return;
    }
    fold(geometry.x, geometry.x_strides);
    fold(geometry.y, geometry.y_strides);
}

/// Folds the rows of large images into samples where the window is one pixel: the library looks at every number of
/// pixels of a sample up to all of them for the best block, which takes it seconds.
void fold_rows(ConvGeometry& geometry) {
    constexpr Index large = Index{1} << 24;  // pixels, which take it half a second
    auto const is_pixel = [&](std::size_t i) {
        return geometry.window[i] == Window{1, 1, 0, 0, geometry.window[i].dilation};
    };
    Shape &x = geometry.x, &y = geometry.y;
    Strides &from = geometry.x_strides, &to = geometry.y_strides;
    bool const same = x.d == 1 && y.d == 1 && x.h == y.h && x.w == y.w && is_pixel(0) && is_pixel(1) && is_pixel(2);
    bool const even = x.n == 1 || (from.n == x.h * from.h && to.n == y.h * to.h);
    if (!same || !even || x.h * x.w < large) { return; }
    for (auto* const folded : {&x, &y}) {
        folded->n *= folded->h;
        folded->h = 1;
    }
    from.n = from.d = from.h;
    to.n = to.d = to.h;
}

/// Cuts one image axis of a local tensor.
void cut(Shape& shape, Index& offset, Strides const& strides, std::size_t axis, Index skip, Index extent) {
    auto extents = shape.extents();
    offset += skip * strides.all()[axis];
    extents[axis] = extent;
    shape = Shape::of(extents);
}

Dims spatial(ConvGeometry const& geometry, Index (*of)(Window const&)) {
    Dims dims;
    for (std::size_t i = geometry.is_volume() ? 0 : 1; i < 3; ++i) { dims.push_back(of(geometry.window[i])); }
    return dims;
}

dnnl::memory::desc activations(Shape const& shape, DType dtype, bool volume) {
    return volume ? dnnl::memory::desc({shape.n, shape.c, shape.d, shape.h, shape.w}, library_type(dtype), Tag::ndhwc)
                  : dnnl::memory::desc({shape.n, shape.c, shape.h, shape.w}, library_type(dtype), Tag::nhwc);
}

Dims weight_dims(ConvGeometry const& geometry, Index outputs, Index inputs) {
    Dims dims = spatial(geometry, [](Window const& window) { return window.size; });
    dims.insert(dims.begin(), {outputs / geometry.groups, inputs / geometry.groups});
    if (geometry.groups > 1) { dims.insert(dims.begin(), geometry.groups); }
    return dims;
}

/// Strides of (t, r, s, c / groups, k) for dimensions ([g,] k / groups, c / groups, [t,] r, s).
Dims weight_strides(ConvGeometry const& geometry) {
    Index const k = geometry.y.c, matrix = geometry.x.c / geometry.groups * k;
    Index const row = geometry.window[2].size * matrix;
    Dims strides{1, k};
    if (geometry.is_volume()) { strides.push_back(geometry.window[1].size * row); }
    strides.insert(strides.end(), {row, matrix});
    if (geometry.groups > 1) { strides.insert(strides.begin(), k / geometry.groups); }
    return strides;
}

}  // namespace

std::optional<ConvGeometry> conv_geometry(Windows const& window, Index groups, TensorSpec const& x, TensorSpec const& y,
                                          Covered covered, std::string& refusal) {
    ConvGeometry geometry{x.local(), y.local(), window, groups, 0, 0, x.strides(), y.strides()};
    for (std::size_t i = 0; i < 3; ++i) {
        Index const pad = x.box.lo[i + 1] + window[i].pad_lo - y.box.lo[i + 1] * window[i].stride;
        Index const x_extent = x.local().extents()[i + 1], y_extent = y.local().extents()[i + 1];
        AxisGeometry const axis = covered == Covered::output ? cover_output(window[i], pad, x_extent, y_extent)
                                                             : cover_input(window[i], pad, x_extent, y_extent);
        bool const reached = axis.window.pad_lo < axis.window.reach() && axis.window.pad_hi < axis.window.reach();
        if (!axis.fits || !reached) {
            refusal = fmt::format("local padding {} of {} positions to {}", pad, x_extent, y_extent);
            return {};
        }
        geometry.window[i] = axis.window;
        cut(geometry.x, geometry.x_offset, geometry.x_strides, i + 1, axis.x_skip, axis.x);
        cut(geometry.y, geometry.y_offset, geometry.y_strides, i + 1, axis.y_skip, axis.y);
    }
    fold_slices(geometry);
    fold_rows(geometry);
    return geometry;
}

bool ConvGeometry::is_dense() const { return Lines::of(x, x_strides).dense && Lines::of(y, y_strides).dense; }

bool are_countable(std::initializer_list<Shape> tensors, std::string& refusal) {
    for (Shape const& shape : tensors) {
        if (shape.checked_volume().is_at_most(most_elements) && shape.c <= most_columns) { continue; }
        refusal = fmt::format("a tensor {} is too large for the library's numbers", to_string(shape));
        return false;
    }
    return true;
}

std::optional<ConvGeometry> dense_geometry(Windows const& window, Index groups, TensorSpec const& x,
                                           TensorSpec const& y, Covered covered, std::string& refusal) {
    auto const geometry = conv_geometry(window, groups, x, y, covered, refusal);
    if (!geometry) { return {}; }
    if (!geometry->is_dense()) {
        refusal = fmt::format("{} to {}: what is read or written is not contiguous", to_string(x.local()),
                              to_string(y.local()));
        return {};
    }
    if (!are_countable({geometry->x, geometry->y, geometry->weights()}, refusal)) { return {}; }
    for (Window const& each : geometry->window) {
        if (std::max({each.reach(), each.stride, each.pad_lo, each.pad_hi}) <= most_reach) { continue; }
        refusal =
            fmt::format("a window of {} positions, {} apart, is too large for the library", each.size, each.dilation);
        return {};
    }
    if (std::max(geometry->x.c, geometry->y.c) > most_channels) {
        refusal = fmt::format("{} to {} channels are too many for the library", geometry->x.c, geometry->y.c);
        return {};
    }
    return geometry;
}

ConvGeometry turned_round(ConvGeometry const& geometry) {
    ConvGeometry turned{geometry.y, geometry.x, geometry.window,    geometry.groups,
                        0,          0,          geometry.y_strides, geometry.x_strides};
    for (Window& window : turned.window) {
        window.pad_lo = window.reach() - 1 - window.pad_lo;
        window.pad_hi = window.reach() - 1 - window.pad_hi;
    }
    return turned;
}

dnnl::memory::data_type library_type(DType dtype) {
    return dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

bool has_bf16() {
    auto const wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

ConvDescription describe(ConvGeometry const& geometry, DType dtype, DType weights, bool bias) {
    bool const volume = geometry.is_volume();
    ConvDescription description;
    description.x = activations(geometry.x, dtype, volume);
    description.y = activations(geometry.y, dtype, volume);
    description.w = {weight_dims(geometry, geometry.y.c, geometry.x.c), library_type(weights), Tag::any};
    if (bias) { description.b = {{geometry.y.c}, dnnl::memory::data_type::f32, Tag::a}; }
    description.strides = spatial(geometry, [](Window const& window) { return window.stride; });
    description.dilations = spatial(geometry, [](Window const& window) { return window.dilation - 1; });
    description.pad_lo = spatial(geometry, [](Window const& window) { return window.pad_lo; });
    description.pad_hi = spatial(geometry, [](Window const& window) { return window.pad_hi; });
    return description;
}

ConvDescription describe_transposed(ConvGeometry const& geometry, DType dtype) {
    ConvDescription description = describe(geometry, dtype, dtype, false);
    std::swap(description.x, description.y);
    description.w = {weight_dims(geometry, geometry.x.c, geometry.y.c), library_type(dtype), Tag::any};
    return description;
}

dnnl::memory::desc stored_weights(ConvGeometry const& geometry) {
    return {weight_dims(geometry, geometry.y.c, geometry.x.c), dnnl::memory::data_type::f32, weight_strides(geometry)};
}

}  // namespace aureole::onednn
