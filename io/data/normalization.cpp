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

void apply_affine(float* x, Index size, std::vector<float> const& scale, std::vector<float> const& shift) {
    auto const period = static_cast<Index>(scale.size());
    float const *const a = scale.data(), *const b = shift.data();
    Index first = 0;
    for (; first + period <= size; first += period) {
        for (Index i = 0; i < period; ++i) { x[first + i] = x[first + i] * a[i] + b[i]; }
    }
    for (Index i = 0; first + i < size; ++i) { x[first + i] = x[first + i] * a[i] + b[i]; }
}

std::vector<float> repeat(std::vector<double> const& figures) {
    std::vector<float> repeated;
    for (std::size_t i = 0; i < repeats; ++i) { repeated.insert(repeated.end(), figures.begin(), figures.end()); }
    return repeated;
}

}  // namespace

Normalization Normalization::preparation(NormalizeSpec const& spec, Index channels) {
    Normalization preparation;
    preparation.channels_ = channels;
    if (spec.kind == NormalizeSpec::Kind::none) { return preparation; }
    preparation.clip_ = spec.clip_lo.has_value() || spec.clip_hi.has_value();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    preparation.clip_lo_ = static_cast<float>(spec.clip_lo.value_or(-infinity));
    preparation.clip_hi_ = static_cast<float>(spec.clip_hi.value_or(infinity));
    require(preparation.clip_lo_ <= preparation.clip_hi_, ExitCode::bad_deck,
            "normalisation: clip range [{}, {}] is empty: give the lower bound first", preparation.clip_lo_,
            preparation.clip_hi_);
    preparation.log_ = spec.log;
    if (spec.factor != 1 || spec.offset != 0) {
        auto const count = static_cast<std::size_t>(channels);
        preparation.set_affine(std::vector<double>(count, spec.factor), std::vector<double>(count, spec.offset));
    }
    return preparation;
}

Normalization::Normalization(NormalizeSpec const& spec, Index channels, Statistics const* statistics)
    : Normalization(preparation(spec, channels)) {
    using Kind = NormalizeSpec::Kind;
    per_sample_ = spec.kind == Kind::sample;
    if (spec.kind != Kind::given && spec.kind != Kind::dataset) { return; }
    require(spec.kind == Kind::given || statistics != nullptr, "normalisation by the data set without its statistics");
    bool const given = spec.kind == Kind::given;
    std::vector<double> const mean = per_channel(given ? spec.mean : statistics->mean, channels, 0, "mean");
    std::vector<double> scale = per_channel(given ? spec.deviation : statistics->deviation, channels, 1, "deviation");
    std::vector<double> shift(mean.size());
    for (std::size_t c = 0; c < mean.size(); ++c) {
        require(scale[c] >= 0, ExitCode::bad_deck, "normalisation: deviation {} of channel {}: give a positive figure",
                scale[c], c);
        double const inverse = scale[c] == 0 ? 1 : 1 / scale[c];
        scale[c] = spec.factor * inverse;
        shift[c] = (spec.offset - mean[c]) * inverse;
    }
    set_affine(scale, shift);
}

void Normalization::set_affine(std::vector<double> const& scale, std::vector<double> const& shift) {
    affine_ = true;
    scale_ = repeat(scale);
    shift_ = repeat(shift);
}

void Normalization::apply(float* x, Index pixels) const {
    Index const size = pixels * channels_;
    if (clip_) {
        for (Index i = 0; i < size; ++i) { x[i] = std::min(std::max(x[i], clip_lo_), clip_hi_); }
    }
    if (log_) {
        for (Index i = 0; i < size; ++i) { x[i] = std::copysign(std::log1p(std::abs(x[i])), x[i]); }
    }
    if (affine_) { apply_affine(x, size, scale_, shift_); }
}

void Normalization::standardize(Statistics const& statistics, float* x, Index pixels) {
    NormalizeSpec spec;
    spec.kind = NormalizeSpec::Kind::dataset;
    auto const channels = static_cast<Index>(statistics.mean.size());
    Normalization(spec, channels, &statistics).apply(x, pixels);
}

}  // namespace aureole
