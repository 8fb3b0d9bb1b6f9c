#include "core/kernels/onednn/patches.hpp"

#include <algorithm>

namespace aureole::onednn {

namespace {

/// Position of a window's element; the window is at `at` of y.
Index position(Window const& window, Index at, Index element) {
    return at * window.stride - window.pad_lo + element * window.dilation;
}

}  // namespace

Patches::Patches(ConvGeometry const& geometry)
    : x_(geometry.x),
      y_(geometry.y),
      strides_(geometry.x_strides),
      window_(geometry.window),
      length_(window_[0].size * window_[1].size * window_[2].size * x_.c),
      are_pixels_(std::all_of(window_.begin(), window_.end(), [](Window const& each) {
          return each.size == 1 && each.stride == 1 && each.pad_lo == 0 && each.pad_hi == 0;
      })) {}

/// One row of a window: neighbours in memory but for a dilation. `row`: of x, or none where it is padding.
template <class T>
float* Patches::gather_row(T const* row, Index w, float* to) const {
    Window const& window = window_[2];
    Index const c = x_.c, size = window.size;
    if (row == nullptr) { return std::fill_n(to, size * c, 0.0F); }
    if (window.dilation == 1) {
        Index const begin = position(window, w, 0);
        Index const lo = std::clamp<Index>(-begin, 0, size), hi = std::clamp<Index>(x_.w - begin, lo, size);
        to = std::fill_n(to, lo * c, 0.0F);
        to = std::copy_n(row + (begin + lo) * c, (hi - lo) * c, to);
        return std::fill_n(to, (size - hi) * c, 0.0F);
    }
    for (Index s = 0; s < size; ++s) {
        Index const at = position(window, w, s);
        to = at < 0 || at >= x_.w ? std::fill_n(to, c, 0.0F) : std::copy_n(row + at * c, c, to);
    }
    return to;
}

template <class T>
void Patches::gather(T const* x, Index first, Index count, float* to) const {
    Index w = first % y_.w, rest = first / y_.w;
    Index h = rest % y_.h;
    rest /= y_.h;
    Index d = rest % y_.d, n = rest / y_.d;
    for (Index i = 0; i < count; ++i) {
        for (Index t = 0; t < window_[0].size; ++t) {
            Index const in_d = position(window_[0], d, t);
            for (Index r = 0; r < window_[1].size; ++r) {
                Index const in_h = position(window_[1], h, r);
                bool const padding = in_d < 0 || in_d >= x_.d || in_h < 0 || in_h >= x_.h;
                to = gather_row<T>(padding ? nullptr : x + n * strides_.n + in_d * strides_.d + in_h * strides_.h, w,
                                   to);
            }
        }
        if (++w < y_.w) { continue; }
        w = 0;
        if (++h < y_.h) { continue; }
        h = 0;
        if (++d < y_.d) { continue; }
        d = 0;
        ++n;
    }
}

template void Patches::gather(float const* x, Index first, Index count, float* to) const;
template void Patches::gather(BFloat16 const* x, Index first, Index count, float* to) const;

}  // namespace aureole::onednn
