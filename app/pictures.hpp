#pragma once
#include "app/network.hpp"
#include "io/data/loader.hpp"
#include "io/picture/png.hpp"

namespace aureole {

/// Whether the deck's labels are two-dimensional masks, which can be drawn.
[[nodiscard]] bool can_draw(SampleSpec const& sample);

/// One sample as a strip: image, mask, prediction. One channel of logits is drawn as its probability, several as the
/// most likely class.
/// @param logits of the whole micro-batch (n, 1, h, w, c)
/// @param i      sample within the micro-batch
[[nodiscard]] Picture draw_prediction(SampleSpec const& sample, Batch const& batch, std::vector<double> const& logits,
                                      Index logit_channels, Index i);

}  // namespace aureole
