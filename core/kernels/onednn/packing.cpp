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

/// Packs one stripe of 16 rows of one tap and group. Places beyond the stored extents are filled with zeros.
struct PackStripe {
    float const* stored;
    void* packed;
    bool bf16;
    Pattern pattern;
    Index const *taps, *groups, *rows, *columns;
    Index group_count, stored_groups, stripes, padded_rows;
    Index row_count, column_count;
    bool reversed;
    Index tap_count;

    void operator()(Index task, Index begin, Index end) const {
        Index const stripe = task % stripes, group = task / stripes % group_count, tap = task / stripes / group_count;
        Index const place = taps[reversed ? tap_count - 1 - tap : tap] + groups[group];
        Index const row_stride = stored_groups * column_count;
        float const* const source = stored + tap * row_count * row_stride + group * column_count;
        Index const first_row = stripe * tile;
        Index const held_rows = group < stored_groups ? std::clamp<Index>(row_count - first_row, 0, tile) : 0;
        Index const last_row = std::min(tile, padded_rows - first_row);
        for (Index column = begin; column < end; column += tile) {
            float values[tile][tile] = {};
            Index const held = std::clamp<Index>(column_count - column, 0, tile);
            for (Index i = 0; i < held_rows; ++i) {
                std::copy_n(source + (first_row + i) * row_stride + column, held, values[i]);
            }
            write(values, place, first_row, last_row, column, std::min(tile, end - column));
        }
    }

    void write(float const (&values)[tile][tile], Index place, Index row, Index row_end, Index column,
               Index column_end) const {
        auto* const words = static_cast<float*>(packed);
        auto* const halves = static_cast<BFloat16*>(packed);
        switch (pattern) {
            case Pattern::columns:
                for (Index i = 0; i < row_end; ++i) {
                    std::copy_n(values[i], tile, words + place + rows[row + i] + columns[column]);
                }
                break;
            case Pattern::rows:
                for (Index j = 0; j < column_end; ++j) {
                    float* const to = words + place + rows[row] + columns[column + j];
                    for (Index i = 0; i < tile; ++i) { to[i] = values[i][j]; }
                }
                break;
            case Pattern::row_pairs:
                for (Index i = 0; i < row_end; i += 2) {
                    write_pairs(values[i], values[i + 1], halves + place + rows[row + i] + columns[column]);
                }
                break;
            case Pattern::column_pairs:
                for (Index j = 0; j < column_end; j += 2) {
                    std::uint32_t pairs[tile];
                    for (Index i = 0; i < tile; ++i) { pairs[i] = pair_of(values[i][j], values[i][j + 1]); }
                    std::memcpy(halves + place + rows[row] + columns[column + j], pairs, sizeof(pairs));
                }
                break;
            case Pattern::scattered:
                for (Index i = 0; i < row_end; ++i) {
                    for (Index j = 0; j < column_end; ++j) {
                        Index const at = place + rows[row + i] + columns[column + j];
                        if (bf16) {
                            halves[at] = values[i][j];
                        } else {
                            words[at] = values[i][j];
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
    auto const padded_rows = static_cast<Index>(rows_.size()), padded_columns = static_cast<Index>(columns_.size());
    auto const groups = static_cast<Index>(groups_.size()), taps = static_cast<Index>(taps_.size());
    PackStripe pack{static_cast<float const*>(stored),
                    workspace + packed_,
                    bf16_,
                    pattern_,
                    taps_.data(),
                    groups_.data(),
                    rows_.data(),
                    columns_.data(),
                    groups,
                    stored_.groups,
                    (padded_rows + tile - 1) / tile,
                    padded_rows,
                    stored_.shape.w,
                    stored_.shape.c / stored_.groups,
                    stored_.reversed,
                    taps};
    for_rows("aureole::onednn::pack_weights", taps * groups * pack.stripes, padded_columns, pack);
    return workspace + packed_;
}

}  // namespace aureole::onednn
