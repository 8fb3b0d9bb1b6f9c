#include "app/pictures.hpp"

#include <cmath>

namespace aureole {

namespace {

constexpr Index gap = 6;

/// The normalised image, stretched to its own range; the first three channels as colours, or the first one.
Picture draw_image(Shape const& shape, float const* x) {
    Index const channels = shape.c >= 3 ? 3 : 1;
    float lo = x[0], hi = x[0];
    for (Index k = 0; k < shape.volume(); ++k) {
        lo = std::min(lo, x[k]);
        hi = std::max(hi, x[k]);
    }
    Picture picture(shape.w, shape.h, channels);
    for (Index pixel = 0; pixel < shape.h * shape.w; ++pixel) {
        for (Index c = 0; c < channels; ++c) {
            picture.pixels[static_cast<std::size_t>(pixel * channels + c)] = grey_level(x[pixel * shape.c + c], lo, hi);
        }
    }
    return picture;
}

template <class Level>
Picture draw_levels(Shape const& shape, Level const& level) {
    Picture picture(shape.w, shape.h, 1);
    for (Index pixel = 0; pixel < shape.h * shape.w; ++pixel) {
        picture.pixels[static_cast<std::size_t>(pixel)] = level(pixel);
    }
    return picture;
}

}  // namespace

bool can_draw(SampleSpec const& sample) {
    return sample.y.d == 1 && sample.y.h == sample.x.h && sample.y.w == sample.x.w && sample.y.h * sample.y.w > 1;
}

Picture draw_prediction(SampleSpec const& sample, Batch const& batch, std::vector<double> const& logits,
                        Index logit_channels, Index i) {
    Index const pixels = sample.x.h * sample.x.w;
    bool const classes = sample.labels == SampleSpec::Labels::classes;
    auto const most = static_cast<double>(std::max<Index>(1, sample.classes - 1));
    Picture const image = draw_image(sample.x, batch.x.data() + i * sample.x.volume());
    Picture const mask = draw_levels(sample.x, [&](Index pixel) {
        auto const at = static_cast<std::size_t>(i * sample.y.volume() + pixel * sample.y.c);
        return classes ? grey_level(batch.classes[at], 0, most) : grey_level(batch.values[at], 0, 1);
    });
    Picture const prediction = draw_levels(sample.x, [&](Index pixel) {
        double const* const z = logits.data() + (i * pixels + pixel) * logit_channels;
        if (logit_channels == 1) { return grey_level(1 / (1 + std::exp(-z[0])), 0, 1); }
        return grey_level(static_cast<double>(std::max_element(z, z + logit_channels) - z), 0, most);
    });
    return beside({image, mask, prediction}, gap);
}

}  // namespace aureole
