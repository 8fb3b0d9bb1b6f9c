#include "io/data/axes.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "io/hdf5/dataset.hpp"

namespace aureole {

namespace {

constexpr std::string_view memory_order = "ndhwc";

/// All orders that samples of this shape may be stored in with `rank` axes, the likeliest first.
std::vector<AxisOrder> possible_orders(std::size_t rank, Shape const& sample) {
    std::vector<AxisOrder> orders;
    for (bool const with_n : {true, false}) {
        for (unsigned absent = 0; absent < 16; ++absent) {  // bit i: the axis memory_order[i + 1] is not stored
            std::string spatial;
            bool possible = true;
            for (unsigned i = 0; i < 4; ++i) {
                bool const stored = (absent >> i & 1U) == 0;
                possible = possible && (stored || sample.extents()[i + 1] == 1);
                if (stored && i < 3) { spatial += memory_order[i + 1]; }
            }
            bool const with_c = (absent >> 3U) == 0;
            std::string const n = with_n ? "n" : "";
            if (!possible || n.size() + spatial.size() + (with_c ? 1 : 0) != rank) { continue; }
            orders.push_back({n + spatial + (with_c ? "c" : "")});
            if (with_c && !spatial.empty()) { orders.push_back({n + "c" + spatial}); }
        }
    }
    std::stable_sort(orders.begin(), orders.end(), [](AxisOrder const& a, AxisOrder const& b) {
        auto const rank_of = [](AxisOrder const& order) {
            int const channels = !order.has('c') ? 2 : (order.letters.back() == 'c' ? 0 : 1);
            return (order.has('n') ? 0 : 3) + channels;
        };
        return rank_of(a) < rank_of(b);
    });
    return orders;
}

bool agrees(Shape const& stored, Shape const& sample, bool larger) {
    if (larger) { return stored.c == sample.c && stored.d >= sample.d && stored.h >= sample.h && stored.w >= sample.w; }
    return stored.c == sample.c && stored.d == sample.d && stored.h == sample.h && stored.w == sample.w;
}

}  // namespace

Shape AxisOrder::shape_of(std::vector<Index> const& extents) const {
    std::array<Index, axis_count> by_meaning{1, 1, 1, 1, 1};
    for (std::size_t i = 0; i < letters.size(); ++i) { by_meaning[memory_order.find(letters[i])] = extents[i]; }
    return Shape::of(by_meaning);
}

bool AxisOrder::is_channels_last() const {
    return std::is_sorted(letters.begin(), letters.end(),
                          [](char a, char b) { return memory_order.find(a) < memory_order.find(b); });
}

AxisOrder parse_axes(std::string const& letters, std::vector<Index> const& extents, std::string const& place) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
        require(memory_order.find(letters[i]) != std::string_view::npos && letters.find(letters[i]) == i,
                ExitCode::bad_deck, "axes '{}' of {}: letter '{}' (each of n d h w c may stand once): correct it",
                letters, place, letters[i]);
    }
    require(letters.size() == extents.size(), ExitCode::data_error,
            "{} has {} axes {}, the deck names {} ('{}'): name one letter of n d h w c for each axis", place,
            extents.size(), hdf5::to_string(extents), letters.size(), letters);
    return {letters};
}

AxisOrder guess_axes(std::vector<Index> const& extents, Shape const& sample, bool larger, std::string const& place) {
    std::vector<AxisOrder> const orders = possible_orders(extents.size(), sample);
    for (bool const allow_larger : {false, true}) {
        if (allow_larger && !larger) { break; }
        for (AxisOrder const& order : orders) {
            if (agrees(order.shape_of(extents), sample, allow_larger)) { return order; }
        }
    }
    std::string tried;
    for (AxisOrder const& order : orders) { tried += (tried.empty() ? "" : " ") + order.letters; }
    fail(ExitCode::data_error,
         "{} has shape {}, which does not hold samples of (d, h, w, c) = ({}, {}, {}, {}) (tried the axis orders: {}): "
         "correct the sizes in the deck, or name the axes by letters of n d h w c",
         place, hdf5::to_string(extents), sample.d, sample.h, sample.w, sample.c, tried.empty() ? "none fits" : tried);
}

}  // namespace aureole
