#include "core/kernels/onednn/packing.hpp"

#include <algorithm>
#include <cstring>

#include "core/error.hpp"
#include "core/kernels/launch.hpp"

namespace aureole::onednn {

namespace {

using Pattern = PackedWeights::Pattern;
constexpr Index tile = 16;

/// Contribution of every index of an axis to the place of an element.
std::vector<Index> terms(Blocking const& blocking, int axis) {
    std::vector<Index> result;
    for (Index index = 0; index < blocking.extents[static_cast<std::size_t>(axis)]; ++index) {
        Index rest = index, place = 0, stride = 1;
        for (auto block = blocking.blocks.rbegin(); block != blocking.blocks.rend(); ++block) {
            if (block->axis == axis) {
                place += rest % block->size * stride;
                rest /= block->size;
            }
            stride *= block->size;
        }
        result.push_back(place + rest * blocking.strides[static_cast<std::size_t>(axis)]);
    }
    return result;
}

/// Whether indices from..from+tile-1 lie `step` apart, for every tile of the axis.
bool runs_in_tiles(std::vector<Index> const& places, Index step) {
    if (places.size() % tile != 0) { return false; }
    for (std::size_t i = 1; i < places.size(); ++i) {
        if (i % tile != 0 && places[i] != places[i - 1] + step) { return false; }
    }
    return true;
}

/// Whether every odd index follows its even neighbour.
bool runs_in_pairs(std::vector<Index> const& places) {
    if (places.size() % 2 != 0) { return false; }
    for (std::size_t i = 1; i < places.size(); i += 2) {
        if (places[i] != places[i - 1] + 1) { return false; }
    }
    return true;
}

Pattern pattern_of(std::vector<Index> const& rows, std::vector<Index> const& columns, bool bf16) {
    if (bf16) {
        if (runs_in_tiles(columns, 2) && runs_in_pairs(rows)) { return Pattern::row_pairs; }
        if (runs_in_tiles(rows, 2) && runs_in_pairs(columns)) { return Pattern::column_pairs; }
        return Pattern::scattered;
    }
    if (runs_in_tiles(columns, 1)) { return Pattern::columns; }
    return runs_in_tiles(rows, 1) ? Pattern::rows : Pattern::scattered;
}

std::uint32_t pair_of(float low, float high) {
    return BFloat16(low).bits | static_cast<std::uint32_t>(BFloat16(high).bits) << 16U;
}

/// A tile of the stored weights; what lies beyond their extents reads as zero.
class Tile {
  public:
    Tile(float const* source, Index row_stride, Index rows, Index columns) {
        if (rows == tile && columns == tile) {
            for (Index i = 0; i < tile; ++i) { rows_[i] = source + i * row_stride; }
            return;
        }
        std::fill_n(&edge_[0][0], tile * tile, 0.0F);
        for (Index i = 0; i < tile; ++i) {
            if (i < rows && columns > 0) { std::copy_n(source + i * row_stride, columns, edge_[i]); }
            rows_[i] = edge_[i];
        }
    }
    Tile(Tile const&) = delete;
    [[nodiscard]] float const* row(Index i) const { return rows_[i]; }

  private:
    float edge_[tile][tile];
    float const* rows_[tile];
};

using Lanes = float __attribute__((vector_size(tile * sizeof(float))));

inline void perfect_shuffle(Lanes const (&in)[tile], Lanes (&out)[tile]) {
#pragma GCC unroll 8
    for (Index i = 0; i < tile / 2; ++i) {
        Lanes const &low = in[i], &high = in[i + tile / 2];
        out[2 * i] = __builtin_shufflevector(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        out[2 * i + 1] =
            __builtin_shufflevector(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
}

/// Rows become columns: four rounds of the perfect shuffle, in registers.
void transpose(Tile const& from, float (&to)[tile][tile]) {
    Lanes a[tile], b[tile];
#pragma GCC unroll 16
    for (Index i = 0; i < tile; ++i) { std::memcpy(&a[i], from.row(i), sizeof(Lanes)); }
    perfect_shuffle(a, b);
    perfect_shuffle(b, a);
    perfect_shuffle(a, b);
    perfect_shuffle(b, a);
#pragma GCC unroll 16
    for (Index i = 0; i < tile; ++i) { std::memcpy(to[i], &a[i], sizeof(Lanes)); }
}

/// Packs 64 columns of one tap and group; rows come in tiles.
struct PackColumns {
    static constexpr Index width = 4 * tile;
    float const* stored;
    void* packed;
    bool bf16, reversed;
    Pattern pattern;
    Index const *taps, *groups, *rows, *columns;
    Index tap_count, group_count, padded_rows, padded_columns;  // of the packed weights
    Index stored_groups, stored_rows, stored_columns;           // per group

    [[nodiscard]] Index chunks() const { return (padded_columns + width - 1) / width; }

    void operator()(Index task, Index begin, Index end) const {
        Index const chunk = task % chunks(), group = task / chunks() % group_count, tap = task / chunks() / group_count;
        Index const place = taps[reversed ? tap_count - 1 - tap : tap] + groups[group];
        Index const row_stride = stored_groups * stored_columns;
        float const* const source = stored + tap * stored_rows * row_stride + group * stored_columns;
        Index const last_column = std::min(padded_columns, (chunk + 1) * width);
        for (Index row = begin; row < end; row += tile) {
            Index const held_rows = group < stored_groups ? std::clamp<Index>(stored_rows - row, 0, tile) : 0;
            for (Index column = chunk * width; column < last_column; column += tile) {
                Tile const values(source + row * row_stride + column, row_stride, held_rows,
                                  std::clamp<Index>(stored_columns - column, 0, tile));
                write(values, place, row, std::min(tile, end - row), column, std::min(tile, last_column - column));
            }
        }
    }

    void write(Tile const& values, Index place, Index row, Index row_count, Index column, Index column_count) const {
        auto* const words = static_cast<float*>(packed) + place;
        auto* const halves = static_cast<BFloat16*>(packed) + place;
        switch (pattern) {
            case Pattern::columns:
                for (Index i = 0; i < row_count; ++i) {
                    std::copy_n(values.row(i), tile, words + rows[row + i] + columns[column]);
                }
                break;
            case Pattern::rows: {
                float turned[tile][tile];
                transpose(values, turned);
                for (Index j = 0; j < column_count; ++j) {
                    std::copy_n(turned[j], tile, words + rows[row] + columns[column + j]);
                }
                break;
            }
            case Pattern::row_pairs:
                for (Index i = 0; i < row_count; i += 2) {
                    write_pairs(values.row(i), values.row(i + 1), halves + rows[row + i] + columns[column]);
                }
                break;
            case Pattern::column_pairs: {
                float turned[tile][tile];
                transpose(values, turned);
                for (Index j = 0; j < column_count; j += 2) {
                    write_pairs(turned[j], turned[j + 1], halves + rows[row] + columns[column + j]);
                }
                break;
            }
            case Pattern::scattered:
                for (Index i = 0; i < row_count; ++i) {
                    for (Index j = 0; j < column_count; ++j) {
                        Index const at = rows[row + i] + columns[column + j];
                        if (bf16) {
                            halves[at] = values.row(i)[j];
                        } else {
                            words[at] = values.row(i)[j];
                        }
                    }
                }
                break;
        }
    }

    static void write_pairs(float const* low, float const* high, BFloat16* to) {
        std::uint32_t pairs[tile];
        for (Index j = 0; j < tile; ++j) { pairs[j] = pair_of(low[j], high[j]); }
        std::memcpy(to, pairs, sizeof(pairs));
    }
};

/// Whether places are 0, step, 2 step, ...
bool runs(std::vector<Index> const& places, Index step) {
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (places[i] != static_cast<Index>(i) * step) { return false; }
    }
    return true;
}

}  // namespace

PackedWeights::PackedWeights(StoredWeights const& stored, DType dtype, dnnl::memory::desc const& wanted,
                             WorkspaceLayout& workspace)
    : stored_(stored), bf16_(dtype == DType::bf16) {
    require(is_blocked(wanted), "oneDNN wants weights in a layout without a description");
    Blocking const blocking = blocking_of(wanted);
    int const output = stored.groups > 1 ? 1 : 0, axes = static_cast<int>(blocking.extents.size());
    taps_ = {0};
    for (int axis = output + 2; axis < axes; ++axis) {
        std::vector<Index> const along = terms(blocking, axis), outer = std::move(taps_);
        taps_.clear();
        for (Index const a : outer) {
            for (Index const b : along) { taps_.push_back(a + b); }
        }
    }
    groups_ = output == 1 ? terms(blocking, 0) : std::vector<Index>{0};
    columns_ = terms(blocking, stored.transposed ? output + 1 : output);
    rows_ = terms(blocking, stored.transposed ? output : output + 1);
    pattern_ = pattern_of(rows_, columns_, bf16_);
    Index const width = stored.shape.c;
    same_ = !bf16_ && !stored.reversed && blocking.blocks.empty() && runs(columns_, 1) && runs(rows_, width) &&
            runs(groups_, width / stored.groups) && runs(taps_, stored.shape.w * width);
    if (same_) { return; }
    packed_ = workspace.add(wanted.get_size());
}

void* PackedWeights::prepare(void* stored, std::byte* workspace) const {
    if (same_) { return stored; }
    PackColumns const pack{.stored = static_cast<float const*>(stored),
                           .packed = workspace + packed_,
                           .bf16 = bf16_,
                           .reversed = stored_.reversed,
                           .pattern = pattern_,
                           .taps = taps_.data(),
                           .groups = groups_.data(),
                           .rows = rows_.data(),
                           .columns = columns_.data(),
                           .tap_count = static_cast<Index>(taps_.size()),
                           .group_count = static_cast<Index>(groups_.size()),
                           .padded_rows = static_cast<Index>(rows_.size()),
                           .padded_columns = static_cast<Index>(columns_.size()),
                           .stored_groups = stored_.groups,
                           .stored_rows = stored_.shape.w,
                           .stored_columns = stored_.shape.c / stored_.groups};
    for_rows("aureole::onednn::pack_weights", pack.tap_count * pack.group_count * pack.chunks(), pack.padded_rows,
             pack);
    return workspace + packed_;
}

}  // namespace aureole::onednn
