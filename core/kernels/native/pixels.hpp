#pragma once
#include "core/kernels/launch.hpp"
#include "core/tensor/shape.hpp"

namespace aureole::native {

/// Turns rows (n, d, h) with columns (w, c) into calls body(n, d, h, w, first channel, last channel) for every pixel.
template <class Body>
struct PixelRows {
    Body body;
    Index depth, height, channels;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const h = row % height, slice = row / height;
        Index const d = slice % depth, n = slice / depth;
        Index w = begin / channels, c = begin - w * channels;
        while (begin < end) {
            Index const count = channels - c < end - begin ? channels - c : end - begin;
            body(n, d, h, w, c, c + count);
            begin += count;
            ++w;
            c = 0;
        }
    }
};

/// Runs the body for every pixel of a local tensor: all channels at once on the host, one by one on a device.
template <class Body>
void for_pixels(char const* label, Shape const& local, Body const& body) {
    for_rows(label, local.n * local.d * local.h, local.w * local.c, PixelRows<Body>{body, local.d, local.h, local.c});
}

/// Alignment of an array of `count` values that vector instructions fill: without it compilers peel loops to align
/// stores.
template <class T>
[[nodiscard]] constexpr std::size_t vector_alignment(int count) {
    std::size_t const bytes = static_cast<std::size_t>(count) * sizeof(T);
    return bytes < 64 ? bytes : 64;
}

/// Calls block.template compute<Width>(c) for the channels [begin, end): on the host in blocks whose intermediate
/// values stay in vector registers, on a device one by one.
template <class Block>
KOKKOS_INLINE_FUNCTION void for_channel_blocks(Block const& block, Index begin, Index end) {
    if constexpr (runs_on_host) {
        for (; begin + 32 <= end; begin += 32) { block.template compute<32>(begin); }
        for (; begin + 8 <= end; begin += 8) { block.template compute<8>(begin); }
    }
    for (; begin < end; ++begin) { block.template compute<1>(begin); }
}

}  // namespace aureole::native
