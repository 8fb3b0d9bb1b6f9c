#pragma once
#include "core/models/network_builder.hpp"

namespace aureole {

struct UNetOptions {
    enum class Norm : std::uint8_t { batch, instance, group, none };
    enum class Up : std::uint8_t { transposed, nearest, linear };
    Dimensions dimensions = Dimensions::two;
    Index base = 32;    ///< filters of the first level; doubled at every level
    Index levels = 4;   ///< number of poolings
    Index classes = 1;  ///< channels of the result
    Norm norm = Norm::batch;
    Index norm_groups = 8;
    Up up = Up::transposed;
};

/// U-Net (Ronneberger, Fischer, Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015; in three
/// dimensions Cicek et al., "3D U-Net", 2016) with padded convolutions, so that the result has the image's size.
/// Level: two 3 x 3 (x 3) convolutions, each followed by a norm and ReLU; 2 x 2 max pooling down; up by a transposed
/// convolution of size and stride 2, or by interpolation and a 1 x 1 convolution; concatenation with the skip.
/// x (n, d, h, w, c) -> logits (n, d, h, w, classes); the extents must be divisible by 2^levels. Units: each level of
/// the encoder and decoder, the head.
ValueId unet(NetworkBuilder& net, ValueId x, UNetOptions const& options);

}  // namespace aureole
