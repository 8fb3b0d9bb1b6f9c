#pragma once
#include "app/network.hpp"
#include "app/ranks.hpp"
#include "io/data/loader.hpp"
#include "io/picture/png.hpp"

namespace aureole {

/// Whether the deck's labels are two-dimensional masks, which can be drawn.
[[nodiscard]] bool can_draw(SampleSpec const& sample);

/// One sample of an evaluation as a strip: image, mask, prediction. Of images with more than `largest_side` pixels
/// along h or w every k-th pixel is drawn. Each rank adds what it has, so that no rank holds a whole image, and the
/// picture is the same on every grid.
class SampledPrediction {
  public:
    static constexpr Index largest_side = 512;

    /// @param logit_channels  one is drawn as its probability, several as the most likely class
    SampledPrediction(SampleSpec const& sample, Index logit_channels);
    /// Bytes that one of these takes.
    [[nodiscard]] static std::size_t bytes(SampleSpec const& sample);

    /// Adds the pixels of sample i of a micro-batch that lie in `read`, the part of it that the batch holds.
    void add_image(Batch const& batch, Box const& read, Index i);
    void add_mask(Batch const& batch, Box const& read, Index i);
    void add_prediction(Part const& logits, Index i);
    /// Puts together what all ranks have added. All ranks call.
    void combine(Comm const& comm);
    [[nodiscard]] Picture draw() const;

  private:
    /// Sampled pixels of one picture: where several ranks have a pixel, they have the same.
    struct Layer {
        Index channels = 1;
        std::vector<double> sums, counts;
    };
    SampleSpec sample_;
    Index logit_channels_, every_, h_, w_;
    Layer image_, mask_, prediction_;

    template <class Value>
    void add(Layer& layer, Box const& part, Index i, Value const& value) const;
    [[nodiscard]] static double value_of(Layer const& layer, std::size_t at);
    [[nodiscard]] Picture draw_layer(Layer const& layer, double lo, double hi) const;
};

}  // namespace aureole
