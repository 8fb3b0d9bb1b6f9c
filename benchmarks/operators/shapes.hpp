#pragma once
#include <string>
#include <vector>

#include "core/ops/conv.hpp"

namespace aureole::benchmarks {

/// A convolution layer of one of the networks that are measured, one sample of `size` x `size` pixels.
struct ConvShape {
    std::string network;
    Index channels, size, filters, kernel, stride;

    [[nodiscard]] Shape x() const { return {1, 1, size, size, channels}; }
    [[nodiscard]] ConvAttributes attributes() const {
        // odd kernels keep the extent, even ones halve it without overlap
        Window const both{kernel, stride, (kernel - 1) / 2, (kernel - 1) / 2, 1};
        return {{Window{}, both, both}, filters, 1, false};
    }
    /// "resnet50_c64_h128_k64_r3_s1"
    [[nodiscard]] std::string name() const;
};

/// Distinct layers of ResNet-50, ResNet-110-v2 and a U-Net with 32 base channels on an image of 512 x 512 pixels.
[[nodiscard]] std::vector<ConvShape> const& conv_shapes();

}  // namespace aureole::benchmarks
