#pragma once
#include "core/models/network_builder.hpp"

namespace aureole {

/// ResNet-18, -34, -50, -101, -152 (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015), with
/// the stride of a bottleneck in its 3 x 3 convolution and names as in torchvision. x (n, 1, h, w, c) -> logits
/// (n, 1, 1, 1, classes). Units: the stem, each block, the head.
ValueId resnet(NetworkBuilder& net, ValueId x, Index depth, Index classes);

struct ResNetCifarOptions {
    Index depth = 20;
    Index version = 1;
    Index width = 16;  ///< filters of the first stage
    Index classes = 10;
};

/// The CIFAR family, for images of any size of at least 8 x 8 (version 1) or 32 x 32 (version 2).
///
/// Version 1, depth 6n + 2: three stages of n basic blocks; projection by a strided 1 x 1 convolution; global average
/// pooling. Version 2, depth 9n + 2 (He et al., "Identity mappings in deep residual networks", 2016, in the form with
/// two 3 x 3 convolutions and a closing 1 x 1 convolution to 4, 8 and 16 times the width): every convolution has a
/// bias, the first block's first convolution has no norm before it, projections are bare 1 x 1 convolutions, and the
/// head pools 8 x 8 averages, so its linear layer grows with the image. The network ends in logits: no softmax before
/// the loss.
ValueId resnet_cifar(NetworkBuilder& net, ValueId x, ResNetCifarOptions const& options);

}  // namespace aureole
