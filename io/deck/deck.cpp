#include "io/deck/deck.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace aureole {
namespace {

template <class T>
T const& get(LayerSpec const& layer, std::string_view key) {
    auto const found = layer.attributes.find(std::string(key));
    bool const is_there = found != layer.attributes.end() && std::holds_alternative<T>(found->second);
    require(is_there, "layer '{}' has no attribute '{}' of the type asked for", layer.op, key);
    return std::get<T>(found->second);
}

}  // namespace

std::string to_string(Place const& place) {
    return place.line > 0 ? fmt::format("{}:{}:{}", place.file, place.line, place.column) : place.file;
}

bool LayerSpec::flag(std::string_view key) const { return get<bool>(*this, key); }
Index LayerSpec::integer(std::string_view key) const { return get<Index>(*this, key); }
double LayerSpec::real(std::string_view key) const { return get<double>(*this, key); }
std::string const& LayerSpec::text(std::string_view key) const { return get<std::string>(*this, key); }
Padding const& LayerSpec::padding(std::string_view key) const { return get<Padding>(*this, key); }

std::vector<Index> LayerSpec::integers(std::string_view key, std::size_t axes) const {
    auto const& values = get<std::vector<Index>>(*this, key);
    if (values.size() == 1) { return std::vector<Index>(axes, values.front()); }
    require(values.size() == axes, ExitCode::bad_deck,
            "{}: {} of {} has {} numbers (the image has {} axes): write one number, or one per axis", to_string(place),
            key, op, values.size(), axes);
    return values;
}

std::optional<Index> Deck::ignored_label() const {
    if (data.ignore_label) { return data.ignore_label; }
    for (LossSpec const& each : train.loss) {
        if (each.ignore_index) { return each.ignore_index; }
    }
    return {};
}

Shape ImageSpec::shape() const {
    require(size.size() == 2 || size.size() == 3, "image.size has {} entries, not 2 or 3", size.size());
    bool const is_volume = size.size() == 3;
    return {1, is_volume ? size[0] : 1, size[size.size() - 2], size[size.size() - 1], channels};
}

std::array<Index, 3> ParallelSpec::Spatial::counts() const {
    if (tiles.size() == 3) { return {tiles[0], tiles[1], tiles[2]}; }
    if (tiles.size() == 2) { return {1, tiles[0], tiles[1]}; }
    Index const count = tiles.empty() ? 1 : tiles[0];
    switch (slice) {
        case Slice::vertical: return {1, 1, count};
        case Slice::horizontal: return {1, count, 1};
        case Slice::square: break;
    }
    auto const root = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(count))));
    return {1, root, root};
}

std::array<Index, 3> ParallelSpec::Spatial::counts(Index stage) const {
    if (stage_tiles.empty()) { return stage < stages ? counts() : std::array<Index, 3>{1, 1, 1}; }
    if (stage >= static_cast<Index>(stage_tiles.size())) { return {1, 1, 1}; }
    Index const count = stage_tiles[static_cast<std::size_t>(stage)];
    switch (slice) {
        case Slice::vertical: return {1, 1, count};
        case Slice::horizontal: return {1, count, 1};
        case Slice::square: break;
    }
    Index rows = count;  // as square as the number can be cut, at least as many rows as columns
    for (Index i = 1; i * i <= count; ++i) {
        if (count % i == 0) { rows = count / i; }
    }
    return {1, rows, count / rows};
}

Index ParallelSpec::rows() const { return std::max<Index>(1, stages / chunks); }

bool ParallelSpec::is_tiled(Index row) const { return spatial.counts(row) != std::array<Index, 3>{1, 1, 1}; }

Extent ParallelSpec::counted_ranks() const {
    Extent ranks = 0;
    for (Index row = 0; row < rows(); ++row) {
        auto const [d, h, w] = spatial.counts(row);
        ranks = ranks + (is_tiled(row) ? Extent(d) * h * w : local_data);
    }
    return ranks * data;
}

Place Deck::place(std::string_view path) const {
    for (std::string key(path); !key.empty();) {
        if (auto const found = places.find(key); found != places.end()) { return found->second; }
        auto const dot = key.rfind('.');
        key.resize(dot == std::string::npos ? 0 : dot);
    }
    return {file, 0, 0};
}

}  // namespace aureole
