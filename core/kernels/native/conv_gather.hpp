#pragma once
#include "core/kernels/launch.hpp"
#include "core/kernels/native/conv_geometry.hpp"

namespace aureole::native {

/// Packed weights: [group][chunk of Columns outputs][tap][input channel][Columns], zero where outputs end. A row is one
/// group, tap and input channel, its columns are all outputs, so that the weights are read in their order.
template <class A, class W, int Columns>
struct PackWeights {
    A* packed;
    W const* weights;
    Index taps, inputs, outputs, chunks;                          ///< inputs and outputs per group
    Index tap_stride, input_stride, output_stride, group_stride;  ///< of `weights`, in elements

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const pairs = taps * inputs, group = row / pairs, pair = row - group * pairs;
        Index const tap = pair / inputs, input = pair - tap * inputs;
        W const* source = weights + tap * tap_stride + input * input_stride + group * group_stride;
        A* slab = packed + (group * chunks * pairs + pair) * Columns;
        Index output = begin;
        for (; output + Columns <= end && output + Columns <= outputs && output % Columns == 0; output += Columns) {
            A* chunk = slab + output / Columns * pairs * Columns;
            for (int i = 0; i < Columns; ++i) { chunk[i] = static_cast<A>(source[(output + i) * output_stride]); }
        }
        for (; output < end; ++output) {
            slab[output / Columns * pairs * Columns + output % Columns] =
                output < outputs ? static_cast<A>(source[output * output_stride]) : A(0);
        }
    }
};

/// y = bias + addend + sum over taps and input channels of source * weights, for blocks of `Pixels` positions and
/// chunks of `Columns` channels. A row is one block and one chunk; sums of a whole row stay in registers on the host,
/// those of a column on a device. Order of summation: taps, then input channels; it does not depend on tile or thread.
template <class T, class A, int Pixels, int Columns>
struct ConvGather {
    T* y;
    T const* source;
    T const* zeros;  ///< as many zeros as the longest sum has terms, read in place of padding
    A const* packed;
    A const* bias;    ///< or null
    T const* addend;  ///< or null
    Place out, in, add;
    GatherAxis axis[3];
    Index positions, blocks;        ///< lattice positions over all samples; blocks of them
    Index inputs, outputs, chunks;  ///< per group
    bool adjacent;                  ///< taps along w are neighbours in memory, in the order of the weights

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        if constexpr (runs_on_host) {
            if (end - begin == Columns) {
                compute<Columns>(row, 0);
                return;
            }
        }
        for (Index column = begin; column < end; ++column) { compute<1>(row, column); }
    }

    template <int Width>
    KOKKOS_INLINE_FUNCTION void compute(Index row, Index column) const {
        Index const slab = row / blocks, first = (row - slab * blocks) * Pixels;
        Index const group = slab / chunks, output = (slab - group * chunks) * Columns + column;
        if (output >= outputs) { return; }
        Index const width = outputs - output < Width ? outputs - output : Width;
        Index const taps = axis[0].taps * axis[1].taps * axis[2].taps;
        A const* weights = packed + slab * taps * inputs * Columns + column;
        T const* x = source + group * inputs;

        int n[Pixels], d[Pixels], h[Pixels], w[Pixels];  // 32 bits spare registers
        Index base[Pixels];
        locate(first, n, d, h, w);
        for (int p = 0; p < Pixels; ++p) {
            base[p] = in.at(n[p], d[p] * axis[0].step_source, h[p] * axis[1].step_source, w[p] * axis[2].step_source);
        }
        A sum[Pixels][Width];
        for (int p = 0; p < Pixels; ++p) {
            for (int v = 0; v < Width; ++v) { sum[p][v] = A(0); }
        }
        for (Index t = 0; t < axis[0].taps; ++t) {
            Index const at_d = axis[0].first + t * axis[0].tap, source_d = at_d / axis[0].divisor;
            if (source_d * axis[0].divisor != at_d) { continue; }
            for (Index r = 0; r < axis[1].taps; ++r) {
                Index const at_h = axis[1].first + r * axis[1].tap, source_h = at_h / axis[1].divisor;
                if (source_h * axis[1].divisor != at_h) { continue; }
                Index const tap = (t * axis[1].taps + r) * axis[2].taps;
                Index const shift = source_d * in.d + source_h * in.h;
                bool exists[Pixels], any = false;
                for (int p = 0; p < Pixels; ++p) {
                    exists[p] = within(axis[0], source_d, d[p]) && within(axis[1], source_h, h[p]);
                    any = any || exists[p];
                }
                if (any) { add_line<Width>(sum, exists, base, w, x + shift, weights + tap * inputs * Columns); }
            }
        }
        store<Width>(sum, first, n, d, h, w, group * outputs + output, width);
    }

    /// Lattice coordinates of the block's positions; beyond the end the last one is repeated.
    KOKKOS_INLINE_FUNCTION void locate(Index first, int* n, int* d, int* h, int* w) const {
        Index rest = first;
        w[0] = static_cast<int>(rest % axis[2].count);
        rest /= axis[2].count;
        h[0] = static_cast<int>(rest % axis[1].count);
        rest /= axis[1].count;
        d[0] = static_cast<int>(rest % axis[0].count);
        n[0] = static_cast<int>(rest / axis[0].count);
        for (int p = 1; p < Pixels; ++p) {
            n[p] = n[p - 1], d[p] = d[p - 1], h[p] = h[p - 1], w[p] = w[p - 1];
            if (first + p >= positions || ++w[p] < axis[2].count) { continue; }
            w[p] = 0;
            if (++h[p] < axis[1].count) { continue; }
            h[p] = 0;
            if (++d[p] < axis[0].count) { continue; }
            d[p] = 0;
            ++n[p];
        }
    }

    [[nodiscard]] KOKKOS_INLINE_FUNCTION static bool within(GatherAxis const& a, Index source_first, Index j) {
        Index const position = source_first + j * a.step_source;
        return position >= 0 && position < a.extent;
    }

    /// Adds the taps along w. Where they read neighbouring pixels and none is padding they make one long sum.
    template <int Width>
    KOKKOS_INLINE_FUNCTION void add_line(A (&sum)[Pixels][Width], bool const* exists, Index const* base, int const* w,
                                         T const* x, A const* weights) const {
        T const* pixel[Pixels];
        if (adjacent) {
            bool inside = true;
            for (int p = 0; p < Pixels; ++p) {
                inside = inside && within(axis[2], axis[2].first, w[p]) &&
                         within(axis[2], axis[2].first + axis[2].taps - 1, w[p]);
                pixel[p] = exists[p] ? x + base[p] + axis[2].first * in.w : zeros;
            }
            if (inside) {
                accumulate<Width>(sum, pixel, weights, axis[2].taps * inputs);
                return;
            }
        }
        for (Index s = 0; s < axis[2].taps; ++s) {
            Index const at = axis[2].first + s * axis[2].tap, source = at / axis[2].divisor;
            if (source * axis[2].divisor != at) { continue; }
            bool any = false;
            for (int p = 0; p < Pixels; ++p) {
                bool const here = exists[p] && within(axis[2], source, w[p]);
                pixel[p] = here ? x + base[p] + source * in.w : zeros;
                any = any || here;
            }
            if (any) { accumulate<Width>(sum, pixel, weights + s * inputs * Columns, inputs); }
        }
    }

    template <int Width>
    KOKKOS_INLINE_FUNCTION void accumulate(A (&sum)[Pixels][Width], T const* const* pixel, A const* weights,
                                           Index count) const {
        A local[Pixels][Width];
        for (int p = 0; p < Pixels; ++p) {
            for (int v = 0; v < Width; ++v) { local[p][v] = sum[p][v]; }
        }
        for (Index c = 0; c < count; ++c) {
            for (int p = 0; p < Pixels; ++p) {
                A const value = static_cast<A>(pixel[p][c]);
#pragma omp simd
                for (int v = 0; v < Width; ++v) { local[p][v] += value * weights[c * Columns + v]; }
            }
        }
        for (int p = 0; p < Pixels; ++p) {
            for (int v = 0; v < Width; ++v) { sum[p][v] = local[p][v]; }
        }
    }

    template <int Width>
    KOKKOS_INLINE_FUNCTION void store(A const (&sum)[Pixels][Width], Index first, int const* n, int const* d,
                                      int const* h, int const* w, Index channel, Index width) const {
        for (int p = 0; p < Pixels; ++p) {
            if (first + p >= positions) { return; }
            Index const od = axis[0].first_out + d[p] * axis[0].step_out;
            Index const oh = axis[1].first_out + h[p] * axis[1].step_out;
            Index const ow = axis[2].first_out + w[p] * axis[2].step_out;
            A value[Width];
            for (int v = 0; v < Width; ++v) { value[v] = sum[p][v]; }
            if (bias != nullptr) {
                for (Index v = 0; v < width; ++v) { value[v] += bias[channel + v]; }
            }
            if (addend != nullptr) {
                T const* more = addend + add.at(n[p], od, oh, ow) + channel;
                for (Index v = 0; v < width; ++v) { value[v] += static_cast<A>(more[v]); }
            }
            T* result = y + out.at(n[p], od, oh, ow) + channel;
            if (width == Width) {
                for (int v = 0; v < Width; ++v) { result[v] = static_cast<T>(value[v]); }
            } else {
                for (Index v = 0; v < width; ++v) { result[v] = static_cast<T>(value[v]); }
            }
        }
    }
};

}  // namespace aureole::native
