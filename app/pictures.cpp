#include "app/pictures.hpp"

#include <cmath>

#include "core/tensor/arena.hpp"

namespace aureole {

namespace {

constexpr Index gap = 6;

Index image_channels(SampleSpec const& sample) { return sample.x.c >= 3 ? 3 : 1; }

/// Every how many pixels one is drawn.
Index sampling_of(SampleSpec const& sample) {
    Index const side = std::max(sample.x.h, sample.x.w);
    return (side + SampledPrediction::largest_side - 1) / SampledPrediction::largest_side;
}

}  // namespace

bool can_draw(SampleSpec const& sample) {
    return sample.y.d == 1 && sample.y.h == sample.x.h && sample.y.w == sample.x.w && sample.y.h * sample.y.w > 1;
}

SampledPrediction::SampledPrediction(SampleSpec const& sample, Index logit_channels)
    : sample_(sample),
      logit_channels_(logit_channels),
      every_(sampling_of(sample)),
      h_((sample.x.h + every_ - 1) / every_),
      w_((sample.x.w + every_ - 1) / every_) {
    image_.channels = image_channels(sample);
    for (Layer* const layer : {&image_, &mask_, &prediction_}) {
        layer->sums.assign(static_cast<std::size_t>(h_ * w_ * layer->channels), 0);
        layer->counts = layer->sums;
    }
}

std::size_t SampledPrediction::bytes(SampleSpec const& sample) {
    Index const every = sampling_of(sample);
    Index const pixels = ((sample.x.h + every - 1) / every) * ((sample.x.w + every - 1) / every);
    return static_cast<std::size_t>(2 * (image_channels(sample) + 2) * pixels) * sizeof(double);
}

/// value(n, h, w, c) of the part, in coordinates that begin at the part's lowest corner.
template <class Value>
void SampledPrediction::add(Layer& layer, Box const& part, Index i, Value const& value) const {
    if (part.empty() || i < part.lo[0] || i >= part.hi[0] || part.lo[1] > 0) { return; }
    for (Index h = (part.lo[2] + every_ - 1) / every_; h * every_ < part.hi[2]; ++h) {
        for (Index w = (part.lo[3] + every_ - 1) / every_; w * every_ < part.hi[3]; ++w) {
            for (Index c = 0; c < layer.channels; ++c) {
                auto const at = static_cast<std::size_t>((h * w_ + w) * layer.channels + c);
                layer.sums[at] += value(i - part.lo[0], h * every_ - part.lo[2], w * every_ - part.lo[3], c);
                layer.counts[at] += 1;
            }
        }
    }
}

void SampledPrediction::add_image(Batch const& batch, Box const& read, Index i) {
    Shape const shape = read.shape();
    add(image_, read, i, [&](Index n, Index h, Index w, Index c) {
        Index const at = ((n * shape.d * shape.h + h) * shape.w + w) * shape.c + c;
        return static_cast<double>(batch.x[static_cast<std::size_t>(at)]);
    });
}

void SampledPrediction::add_mask(Batch const& batch, Box const& read, Index i) {
    Shape const shape = read.shape();
    bool const classes = sample_.labels == SampleSpec::Labels::classes;
    add(mask_, read, i, [&](Index n, Index h, Index w, Index /*c*/) {
        auto const at = static_cast<std::size_t>(((n * shape.d * shape.h + h) * shape.w + w) * shape.c);
        return classes ? static_cast<double>(batch.classes[at]) : static_cast<double>(batch.values[at]);
    });
}

/// One line of pixels after another: no copy of the whole part is made.
void SampledPrediction::add_prediction(Part const& logits, Index i) {
    Tensor const& all = logits.tensor;
    Strides const strides = all.strides();
    std::vector<double> line;
    Index line_of = -1;
    add(prediction_, logits.spec.box, i, [&](Index n, Index h, Index w, Index /*c*/) {
        if (line_of != h) {
            auto const before = static_cast<std::size_t>(n * strides.n + h * strides.h) * size_of(all.dtype);
            line = read_values(
                Tensor{static_cast<std::byte*>(all.data) + before, all.dtype, {1, 1, 1, all.shape.w, all.shape.c}});
            line_of = h;
        }
        double const* const z = line.data() + w * logit_channels_;
        if (logit_channels_ == 1) { return 1 / (1 + std::exp(-z[0])); }
        return static_cast<double>(std::max_element(z, z + logit_channels_) - z);
    });
}

void SampledPrediction::combine(Comm const& comm) {
    for (Layer* const layer : {&image_, &mask_, &prediction_}) {
        comm.sum(layer->sums.data(), mpi_count(layer->sums.size()));
        comm.sum(layer->counts.data(), mpi_count(layer->counts.size()));
    }
}

double SampledPrediction::value_of(Layer const& layer, std::size_t at) {
    require(layer.counts[at] > 0, "a pixel of a picture lies on no rank");
    return layer.sums[at] / layer.counts[at];
}

Picture SampledPrediction::draw_layer(Layer const& layer, double lo, double hi) const {
    Picture picture(w_, h_, layer.channels);
    for (std::size_t at = 0; at < layer.sums.size(); ++at) {
        picture.pixels[at] = grey_level(value_of(layer, at), lo, hi);
    }
    return picture;
}

/// The normalised image is stretched to its own range.
Picture SampledPrediction::draw() const {
    double lo = value_of(image_, 0), hi = lo;
    for (std::size_t at = 0; at < image_.sums.size(); ++at) {
        lo = std::min(lo, value_of(image_, at));
        hi = std::max(hi, value_of(image_, at));
    }
    auto const most = static_cast<double>(std::max<Index>(1, sample_.classes - 1));
    bool const classes = sample_.labels == SampleSpec::Labels::classes;
    return beside({draw_layer(image_, lo, hi), draw_layer(mask_, 0, classes ? most : 1),
                   draw_layer(prediction_, 0, logit_channels_ == 1 ? 1 : most)},
                  gap);
}

}  // namespace aureole
