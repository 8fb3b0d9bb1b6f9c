#include "io/data/normalization.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace aureole {

namespace {

constexpr std::size_t repeats = 16;

/// One figure per channel out of one per channel or one for all.
std::vector<double> per_channel(std::vector<double> const& figures, Index channels, double fallback, char const* name) {
    auto const count = static_cast<std::size_t>(channels);
    if (figures.empty()) { return std::vector<double>(count, fallback); }
    if (figures.size() == 1) { return std::vector<double>(count, figures[0]); }
    require(figures.size() == count, ExitCode::bad_deck,
            "normalisation: {} figures of {} for {} channels: give one per channel, or one for all", figures.size(),
            name, channels);
    return figures;
}

std::vector<double> repeat(std::vector<double> const& figures) {
    std::vector<double> repeated;
    for (std::size_t i = 0; i < repeats; ++i) { repeated.insert(repeated.end(), figures.begin(), figures.end()); }
    return repeated;
}

}  // namespace

NormalizationFigures figures_of(NormalizeSpec const& spec, Index channels, Statistics const* statistics) {
    using Kind = NormalizeSpec::Kind;
    if (spec.kind != Kind::given && spec.kind != Kind::dataset) { return {}; }
    bool const given = spec.kind == Kind::given;
    require(given || statistics != nullptr, "normalisation by the data set without its statistics");
    require(given || static_cast<Index>(statistics->mean.size()) == channels, ExitCode::data_error,
            "statistics of {} channels for images of {}: delete the file, so that they are computed anew",
            given ? 0 : statistics->mean.size(), channels);
    return {per_channel(given ? spec.mean : statistics->mean, channels, 0, "mean"),
            per_channel(given ? spec.deviation : statistics->deviation, channels, 1, "deviation")};
}

Normalization Normalization::preparation(NormalizeSpec const& spec, Index channels) {
    Normalization preparation;
    preparation.channels_ = channels;
    if (spec.kind == NormalizeSpec::Kind::none) { return preparation; }
    preparation.clip_ = spec.clip_lo.has_value() || spec.clip_hi.has_value();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    preparation.clip_lo_ = spec.clip_lo.value_or(-infinity);
    preparation.clip_hi_ = spec.clip_hi.value_or(infinity);
    require(preparation.clip_lo_ <= preparation.clip_hi_, ExitCode::bad_deck,
            "normalisation: clip range [{}, {}] is empty: give the lower bound first", preparation.clip_lo_,
            preparation.clip_hi_);
    preparation.log_ = spec.log;
    preparation.factor_ = spec.factor;
    preparation.offset_ = spec.offset;
    if (spec.factor != 1 || spec.offset != 0) {
        auto const count = static_cast<std::size_t>(channels);
        preparation.set_figures(std::vector<double>(count, 0), std::vector<double>(count, 1));
    }
    return preparation;
}

Normalization::Normalization(NormalizeSpec const& spec, Index channels, Statistics const* statistics)
    : Normalization(preparation(spec, channels)) {
    per_sample_ = spec.kind == NormalizeSpec::Kind::sample;
    NormalizationFigures const figures = figures_of(spec, channels, statistics);
    if (!figures.mean.empty()) { set_figures(figures.mean, figures.deviation); }
}

void Normalization::set_figures(std::vector<double> const& mean, std::vector<double> const& deviation) {
    std::vector<double> shift(mean.size()), inverse(mean.size());
    for (std::size_t c = 0; c < mean.size(); ++c) {
        require(deviation[c] >= 0, ExitCode::bad_deck,
                "normalisation: deviation {} of channel {}: give a positive figure", deviation[c], c);
        shift[c] = offset_ - mean[c];
        inverse[c] = deviation[c] == 0 ? 1 : 1 / deviation[c];
    }
    affine_ = true;
    shift_ = repeat(shift);
    inverse_ = repeat(inverse);
}

Normalization Normalization::for_sample(Statistics const& statistics) const {
    Normalization whole = *this;
    whole.per_sample_ = false;
    whole.set_figures(statistics.mean, statistics.deviation);
    return whole;
}

template <class In, class Out>
void Normalization::apply(In const* x, Index pixels, Out* y) const {
    Index const size = pixels * channels_;
    auto const period = static_cast<Index>(shift_.size());
    if (!clip_ && !log_ && affine_) {
        double const *const shift = shift_.data(), *const inverse = inverse_.data();
        double const factor = factor_;
        for (Index first = 0; first < size; first += period) {
            Index const count = std::min(period, size - first);
            for (Index i = 0; i < count; ++i) {
                y[first + i] = static_cast<Out>((static_cast<double>(x[first + i]) * factor + shift[i]) * inverse[i]);
            }
        }
        return;
    }
    for (Index i = 0, c = 0; i < size; ++i, c = c + 1 == period ? 0 : c + 1) {
        double value = x[i];
        if (clip_) { value = std::min(std::max(value, clip_lo_), clip_hi_); }
        if (log_) { value = std::copysign(std::log1p(std::abs(value)), value); }
        if (affine_) {
            value = (value * factor_ + shift_[static_cast<std::size_t>(c)]) * inverse_[static_cast<std::size_t>(c)];
        }
        y[i] = static_cast<Out>(value);
    }
}

template void Normalization::apply(float const*, Index, float*) const;
template void Normalization::apply(float const*, Index, double*) const;
template void Normalization::apply(double const*, Index, float*) const;
template void Normalization::apply(double const*, Index, double*) const;

}  // namespace aureole
