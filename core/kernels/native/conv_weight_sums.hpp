#pragma once
#include <type_traits>

#include "core/kernels/launch.hpp"
#include "core/kernels/native/conv_geometry.hpp"
#include "core/tensor/lines.hpp"

namespace aureole::native {

/// Partial sums of dw over one chunk of output pixels: dw[tap][c][k] = sum of x[o * stride + tap, c] * dy[o, k].
///
/// A row is one chunk, one tap, one group, `Block` input channels and one chunk of `Columns` filters; the innermost sum
/// runs over pixels, at most `run` of them before it is added to the row's total, so that f32 sums stay accurate.
template <class T, class A, int Block, int Columns>
struct ConvWeightPartial {
    static constexpr Index run = 256;

    A* partial;  ///< [chunk][tap][c][k]
    T const* x;
    T const* dy;
    Place in, out;
    WeightAxis axis[3];
    Index pixels, chunk_pixels;     ///< output pixels here, and in one chunk
    Index inputs, outputs, groups;  ///< channels per group
    Index input_blocks, output_chunks;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const chunk_of_outputs = row % output_chunks;
        Index const limit = outputs - chunk_of_outputs * Columns;
        Index column = begin;
        Index const stop = end < limit ? end : limit;
        if constexpr (runs_on_host) {
            for (; column + Columns <= stop; column += Columns) { compute<Columns>(row, column); }
            for (; column + Columns / 4 <= stop; column += Columns / 4) { compute<Columns / 4>(row, column); }
        }
        for (; column < stop; ++column) { compute<1>(row, column); }
    }

    template <int Width>
    KOKKOS_INLINE_FUNCTION void compute(Index row, Index column) const {
        Index rest = row;
        Index const output = rest % output_chunks * Columns + column;
        rest /= output_chunks;
        Index const input = rest % input_blocks * Block;
        rest /= input_blocks;
        Index const group = rest % groups;
        rest /= groups;
        Index const taps = axis[0].taps * axis[1].taps * axis[2].taps;
        Index const tap = rest % taps, chunk = rest / taps;
        Index const valid = inputs - input < Block ? inputs - input : Block;

        A total[Block][Width];
        for (int b = 0; b < Block; ++b) {
            for (int v = 0; v < Width; ++v) { total[b][v] = A(0); }
        }
        sum_pixels<Width>(total, tap, chunk, x + group * inputs + input, dy + group * outputs + output, valid);

        A* result = partial + ((chunk * taps + tap) * inputs + input) * groups * outputs + group * outputs + output;
        for (int b = 0; b < valid; ++b) {
            for (int v = 0; v < Width; ++v) { result[b * groups * outputs + v] = total[b][v]; }
        }
    }

    /// Walks the chunk's pixels row of the image by row, leaving out what reads padding.
    template <int Width>
    KOKKOS_INLINE_FUNCTION void sum_pixels(A (&total)[Block][Width], Index tap, Index chunk, T const* inputs_here,
                                           T const* outputs_here, Index valid) const {
        Index const s = tap % axis[2].taps, r = tap / axis[2].taps % axis[1].taps,
                    t = tap / (axis[2].taps * axis[1].taps);
        Index const at_d = axis[0].first + t * axis[0].dilation;
        Index const at_h = axis[1].first + r * axis[1].dilation;
        Index const at_w = axis[2].first + s * axis[2].dilation;
        // o * stride + at_w must lie in [0, extent)
        Index const w_lo = at_w >= 0 ? 0 : (-at_w + axis[2].stride - 1) / axis[2].stride;
        Index const room = axis[2].extent - 1 - at_w;
        Index const w_hi = room < 0 ? 0 : room / axis[2].stride + 1;

        Index position = chunk * chunk_pixels;
        Index const last = position + chunk_pixels < pixels ? position + chunk_pixels : pixels;
        Index w = position % axis[2].count, line = position / axis[2].count;
        while (position < last) {
            Index const length = axis[2].count - w < last - position ? axis[2].count - w : last - position;
            Index const h = line % axis[1].count, d = line / axis[1].count % axis[0].count;
            Index const n = line / (axis[1].count * axis[0].count);
            Index const source_d = d * axis[0].stride + at_d, source_h = h * axis[1].stride + at_h;
            if (source_d >= 0 && source_d < axis[0].extent && source_h >= 0 && source_h < axis[1].extent) {
                Index const begin = w > w_lo ? w : w_lo, end = w + length < w_hi ? w + length : w_hi;
                Index const source = in.at(n, source_d, source_h, at_w), gradient = out.at(n, d, h, 0);
                for (Index o = begin; o < end; o += run) {
                    Index const count = end - o < run ? end - o : run;
                    add_run<Width>(total, inputs_here + source + o * axis[2].stride * in.w,
                                   outputs_here + gradient + o * out.w, count, valid);
                }
            }
            position += length;
            w = 0;
            ++line;
        }
    }

    template <int Width>
    KOKKOS_INLINE_FUNCTION void add_run(A (&total)[Block][Width], T const* source, T const* gradient, Index count,
                                        Index valid) const {
        Index const source_step = axis[2].stride * in.w, gradient_step = out.w;
        int channel[Block];  // beyond the last channel the last one is read again and the sum dropped
        for (int b = 0; b < Block; ++b) { channel[b] = b < valid ? b : static_cast<int>(valid) - 1; }
        A sum[Block][Width];
        for (int b = 0; b < Block; ++b) {
            for (int v = 0; v < Width; ++v) { sum[b][v] = A(0); }
        }
        for (Index i = 0; i < count; ++i) {
            A converted[Width];
            A const* row = converted;
            if constexpr (std::is_same_v<T, A>) {
                row = gradient + i * gradient_step;
            } else {
#pragma omp simd
                for (int v = 0; v < Width; ++v) { converted[v] = static_cast<A>(gradient[i * gradient_step + v]); }
            }
            for (int b = 0; b < Block; ++b) {
                A const value = static_cast<A>(source[i * source_step + channel[b]]);
#pragma omp simd
                for (int v = 0; v < Width; ++v) { sum[b][v] += value * row[v]; }
            }
        }
        for (int b = 0; b < Block; ++b) {
            for (int v = 0; v < Width; ++v) { total[b][v] += sum[b][v]; }
        }
    }
};

/// Sums of columns over chunks of rows, which are pixels: partial[chunk][c] = sum of dy[row, c].
template <class T>
struct ColumnSums {
    double* partial;
    T const* dy;
    Lines lines;
    Index rows, chunk_rows, columns;

    KOKKOS_INLINE_FUNCTION void operator()(Index chunk, Index begin, Index end) const {
        Index const first = chunk * chunk_rows;
        Index const last = first + chunk_rows < rows ? first + chunk_rows : rows;
        double* __restrict sums = partial + chunk * columns;
        for (Index c = begin; c < end; ++c) { sums[c] = 0; }
        for (Index row = first; row < last; ++row) {
            T const* __restrict values = dy + lines.at(row * columns);
            for (Index c = begin; c < end; ++c) {
                sums[c] += static_cast<double>(static_cast<Accumulation<T>>(values[c]));
            }
        }
    }
};

/// result (+)= the chunks' partial sums, added in order in double.
template <class A, class P>
struct CombineChunks {
    A* result;
    P const* partial;
    Index count, chunks;
    bool accumulate;

    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            double sum = accumulate ? static_cast<double>(result[i]) : 0.0;
            for (Index chunk = 0; chunk < chunks; ++chunk) { sum += static_cast<double>(partial[chunk * count + i]); }
            result[i] = static_cast<A>(sum);
        }
    }
};

}  // namespace aureole::native
