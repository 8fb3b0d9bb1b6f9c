#include "benchmarks/operators/shapes.hpp"

#include <fmt/format.h>

namespace aureole::benchmarks {

std::string ConvShape::name() const {
    return fmt::format("{}_c{}_h{}_k{}_r{}_s{}", network, channels, size, filters, kernel, stride);
}

std::vector<ConvShape> const& conv_shapes() {
    static std::vector<ConvShape> const shapes{
        {"resnet50", 3, 512, 64, 7, 2},       {"resnet50", 64, 128, 64, 1, 1},
        {"resnet50", 64, 128, 64, 3, 1},      {"resnet50", 64, 128, 256, 1, 1},
        {"resnet50", 256, 128, 64, 1, 1},     {"resnet50", 256, 128, 128, 1, 1},
        {"resnet50", 128, 128, 128, 3, 2},    {"resnet50", 256, 128, 512, 1, 2},
        {"resnet50", 128, 64, 128, 3, 1},     {"resnet50", 128, 64, 512, 1, 1},
        {"resnet50", 512, 64, 128, 1, 1},     {"resnet50", 512, 64, 256, 1, 1},
        {"resnet50", 256, 64, 256, 3, 2},     {"resnet50", 512, 64, 1024, 1, 2},
        {"resnet50", 256, 32, 256, 3, 1},     {"resnet50", 256, 32, 1024, 1, 1},
        {"resnet50", 1024, 32, 256, 1, 1},    {"resnet50", 1024, 32, 512, 1, 1},
        {"resnet50", 512, 32, 512, 3, 2},     {"resnet50", 1024, 32, 2048, 1, 2},
        {"resnet50", 512, 16, 512, 3, 1},     {"resnet50", 512, 16, 2048, 1, 1},
        {"resnet50", 2048, 16, 512, 1, 1},    {"resnet110v2", 3, 512, 16, 3, 1},
        {"resnet110v2", 16, 512, 16, 1, 1},   {"resnet110v2", 16, 512, 16, 3, 1},
        {"resnet110v2", 16, 512, 64, 1, 1},   {"resnet110v2", 64, 512, 16, 1, 1},
        {"resnet110v2", 64, 512, 64, 1, 2},   {"resnet110v2", 64, 512, 128, 1, 2},
        {"resnet110v2", 64, 256, 64, 3, 1},   {"resnet110v2", 64, 256, 128, 1, 1},
        {"resnet110v2", 128, 256, 64, 1, 1},  {"resnet110v2", 128, 256, 128, 1, 2},
        {"resnet110v2", 128, 256, 256, 1, 2}, {"resnet110v2", 128, 128, 128, 3, 1},
        {"resnet110v2", 128, 128, 256, 1, 1}, {"resnet110v2", 256, 128, 128, 1, 1},
        {"unet", 3, 512, 32, 3, 1},           {"unet", 32, 512, 32, 3, 1},
        {"unet", 64, 512, 32, 3, 1},          {"unet", 32, 512, 2, 1, 1},
        {"unet", 32, 256, 64, 3, 1},          {"unet", 64, 256, 64, 3, 1},
        {"unet", 128, 256, 64, 3, 1},         {"unet", 64, 128, 128, 3, 1},
        {"unet", 128, 128, 128, 3, 1},        {"unet", 256, 128, 128, 3, 1},
        {"unet", 128, 64, 256, 3, 1},         {"unet", 256, 64, 256, 3, 1},
        {"unet", 512, 64, 256, 3, 1},         {"unet", 256, 32, 512, 3, 1},
        {"unet", 512, 32, 512, 3, 1},         {"unet_up", 32, 512, 64, 2, 2},
        {"unet_up", 64, 256, 128, 2, 2},      {"unet_up", 128, 128, 256, 2, 2},
        {"unet_up", 256, 64, 512, 2, 2},
    };
    return shapes;
}

}  // namespace aureole::benchmarks
