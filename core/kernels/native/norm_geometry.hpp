#pragma once
#include <algorithm>

#include "core/kernels/kernel.hpp"
#include "core/kernels/launch.hpp"
#include "core/ops/norm.hpp"
#include "core/tensor/lines.hpp"

namespace aureole::native {

/// How the kernels of normalisation walk through a channels-last tensor.
///
/// A *segment* is the part of the local tensor that shares one row of the statistics: whole samples, contiguous in
/// memory. A segment is cut into *chunks* of fixed length, the unit of parallel work and of partial sums. Within a
/// chunk several pixels are taken together as one *wide row*, so that loops are long enough to vectorise when channels
/// are few; column j of a wide row belongs to channel j % channels. Per-channel factors are laid out as vectors of that
/// width. None of this depends on the number of threads.
struct NormGeometry {
    enum class Pass : std::uint8_t { sums, elementwise };  ///< element-wise work wants short chunks on a device
    /// `by_lines`: for tensors of which some are strided; no chunk goes beyond the end of a line.
    static NormGeometry of(TensorSpec const& x, TensorSpec const& statistics, Pass pass, bool by_lines = false);

    Index channels = 1;         ///< local
    Index sample_elements = 1;  ///< local elements of one sample
    Index samples = 1;          ///< local
    Index first_sample = 0;     ///< global index of local sample 0
    Index samples_per_row = 1;  ///< samples that share one row of the statistics
    Index first_row = 0;        ///< row of the statistics of segment 0
    Index segments = 1;
    Index width = 1;                     ///< elements of a wide row, a multiple of channels
    Index height = 1;                    ///< wide rows of a chunk
    Index chunks = 1;                    ///< of a segment; those of a segment cut short by the box may be empty
    Index line = 0, chunks_of_line = 1;  ///< elements and chunks of a line; 0: chunks do not care where lines end

    /// Elements that share one statistic, in the global tensor.
    double elements_per_statistic = 1;

    [[nodiscard]] Index all_chunks() const { return segments * chunks; }
    /// Parallel units of the second stage of a sum: unit f adds up the chunks f, f + folds(), ...
    [[nodiscard]] Index folds() const { return std::min<Index>(chunks, 16); }

    KOKKOS_INLINE_FUNCTION Index segment_begin(Index segment) const {
        Index const sample = (first_row + segment) * samples_per_row - first_sample;
        return (sample > 0 ? sample : 0) * sample_elements;
    }
    KOKKOS_INLINE_FUNCTION Index segment_end(Index segment) const {
        Index const sample = (first_row + segment + 1) * samples_per_row - first_sample;
        return (sample < samples ? sample : samples) * sample_elements;
    }
    /// First element of a chunk of the segment; chunk + 1 gives its end.
    KOKKOS_INLINE_FUNCTION Index chunk_begin(Index segment, Index chunk) const {
        Index const end = segment_end(segment);
        Index begin = segment_begin(segment);
        if (line == 0) {
            begin += chunk * height * width;
        } else {
            Index const lines = chunk / chunks_of_line;
            begin += lines * line + (chunk - lines * chunks_of_line) * height * width;
        }
        return begin < end ? begin : end;
    }
};

/// Whether no tensor of a request is strided, in effect.
[[nodiscard]] bool all_dense(KernelRequest const& request);

/// Where the statistics and parameters of the local channels lie in their own local tensors.
struct NormPlacement {
    static NormPlacement of(TensorSpec const& x, TensorSpec const& statistics);

    Index first_channel = 0;         ///< global index of local channel 0
    Index channels = 1, groups = 1;  ///< global
    Index first_group = 0, local_groups = 1, first_row = 0;

    /// Index into mean, inv_std, s1, s2 for a local segment and a local channel.
    KOKKOS_INLINE_FUNCTION Index statistic(NormGeometry const& g, Index segment, Index channel) const {
        Index const group = (channel + first_channel) * groups / channels;
        return (g.first_row + segment - first_row) * local_groups + group - first_group;
    }
};

/// A tensor of the walk: element i of the dense order lies at at(i).
template <class T>
struct NormTensor {
    T* data;
    Lines lines;
    [[nodiscard]] KOKKOS_INLINE_FUNCTION T* at(Index element) const { return data + lines.at(element); }
};

/// Columns that a functor handles at a time: a host keeps their sums in the first-level cache, a device in registers.
inline constexpr Index norm_piece = runs_on_host ? 1024 : 1;

/// Calls functor.columns(segment, chunk, column, count) for pieces of the columns [begin, end) of the wide rows of
/// chunk `row` (counted over all segments).
template <class Functor>
KOKKOS_INLINE_FUNCTION void for_pieces(NormGeometry const& g, Index row, Index begin, Index end,
                                       Functor const& functor) {
    Index const segment = row / g.chunks, chunk = row - segment * g.chunks;
    for (Index column = begin; column < end; column += norm_piece) {
        functor.columns(segment, chunk, column, end - column < norm_piece ? end - column : norm_piece);
    }
}

/// Columns of a piece that exist in the wide row beginning at `element - column`: the last one may be short.
KOKKOS_INLINE_FUNCTION Index columns_left(Index element, Index last, Index count) {
    return last - element < count ? last - element : count;
}

/// Per-channel factors of the element-wise passes as vectors of one wide row, for every segment.
template <class A>
struct NormVectors {
    A* data;
    Index width;
    enum Vector : std::uint8_t { mean, scale, shift, slope, offset };
    static constexpr Index count = 5;
    [[nodiscard]] KOKKOS_INLINE_FUNCTION A* operator()(Index segment, Vector vector) const {
        return data + (segment * count + vector) * width;
    }
};

/// Writes mean, scale = gamma * inv_std, shift = beta and, with s1 and s2, the factors of
/// dx = scale * dz + slope * (x - mean) + offset: slope = -inv_std^2 * s2, offset = -inv_std * s1.
/// Absent pointers are null: gamma 1, beta 0, s1 = s2 = 0. Also clears `zeros`, a wide row of T for absent addends.
template <class T>
struct WriteNormVectors {
    using A = Accumulation<T>;
    NormGeometry g;
    NormPlacement place;
    A const *mean, *inv_std, *gamma, *beta, *s1, *s2;
    NormVectors<A> vectors;
    T* zeros;

    KOKKOS_INLINE_FUNCTION void operator()(Index segment, Index begin, Index end) const {
        for (Index j = begin; j < end; ++j) {
            Index const channel = j % g.channels;
            Index const i = place.statistic(g, segment, channel);
            A const deviation = inv_std[i];
            vectors(segment, vectors.mean)[j] = mean[i];
            vectors(segment, vectors.scale)[j] = gamma == nullptr ? deviation : gamma[channel] * deviation;
            vectors(segment, vectors.shift)[j] = beta == nullptr ? A(0) : beta[channel];
            vectors(segment, vectors.slope)[j] = s2 == nullptr ? A(0) : -deviation * deviation * s2[i];
            vectors(segment, vectors.offset)[j] = s1 == nullptr ? A(0) : -deviation * s1[i];
            if (segment == 0) { zeros[j] = T(A(0)); }
        }
    }
};

/// Offsets of 64-byte aligned parts of a workspace.
class WorkspaceLayout {
  public:
    template <class T>
    std::size_t add(Index count) {
        std::size_t const offset = bytes_;
        bytes_ += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
        return offset;
    }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    std::size_t bytes_ = 0;
};

}  // namespace aureole::native
