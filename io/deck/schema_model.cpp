#include "io/deck/sections.hpp"

namespace aureole::deck {

Choices<ModelSpec::Kind> choices_of(Of<ModelSpec::Kind> /*type*/) {
    return {{"layers", ModelSpec::Kind::layers},
            {"resnet_cifar", ModelSpec::Kind::resnet_cifar},
            {"resnet", ModelSpec::Kind::resnet},
            {"amoebanet", ModelSpec::Kind::amoebanet},
            {"unet", ModelSpec::Kind::unet}};
}
Choices<ModelSpec::Norm> choices_of(Of<ModelSpec::Norm> /*type*/) {
    return {{"batch", ModelSpec::Norm::batch},
            {"instance", ModelSpec::Norm::instance},
            {"group", ModelSpec::Norm::group},
            {"none", ModelSpec::Norm::none}};
}
Choices<ModelSpec::Up> choices_of(Of<ModelSpec::Up> /*type*/) {
    return {{"transposed", ModelSpec::Up::transposed},
            {"nearest", ModelSpec::Up::nearest},
            {"linear", ModelSpec::Up::linear}};
}

std::vector<Field> fields_of(Of<ModelSpec> /*type*/) {
    using M = ModelSpec;
    return {
        field("name", &M::kind, "a network that the program builds, or layers: the list in this deck"),
        field("classes", &M::classes, "channels of the network's output")
            .is_required()
            .at_least(1)
            .with("name", {"resnet_cifar", "resnet", "amoebanet", "unet"}),
        field("depth", &M::depth,
              "weighted layers; resnet_cifar: 6n+2 (version 1) or 9n+2 (version 2); resnet: 18, 34, 50, 101 or 152")
            .is_required()
            .between(8, 2'000)
            .in("layers")
            .with("name", {"resnet_cifar", "resnet"}),
        field("version", &M::version, "1: normalisation after the convolution; 2: before it (pre-activation)")
            .between(1, 2)
            .with("name", {"resnet_cifar"}),
        field("width", &M::width, "filters of the first stage")
            .at_least(1)
            .in("channels")
            .with("name", {"resnet_cifar"}),
        field("cells", &M::cells, "normal cells, a multiple of 3; the network has four reduction cells more")
            .is_required()
            .between(3, 120)
            .with("name", {"amoebanet"}),
        field("filters", &M::filters, "four times the filters of the stem; every reduction cell doubles them")
            .is_required()
            .at_least(8)
            .in("channels")
            .with("name", {"amoebanet"}),
        field("dimensions", &M::dimensions, "image axes of the convolutions: 2 or 3")
            .between(2, 3)
            .otherwise("as many as image.size has")
            .with("name", {"unet"}),
        field("base", &M::base, "filters of the first level; every level doubles them")
            .at_least(1)
            .in("channels")
            .with("name", {"unet"}),
        field("levels", &M::levels, "number of poolings").between(1, 12).with("name", {"unet"}),
        field("norm", &M::norm, "normalisation after each convolution").with("name", {"unet"}),
        field("norm_groups", &M::norm_groups, "groups of channels of norm: group").at_least(1).with("name", {"unet"}),
        field("up", &M::up, "how images grow again: transposed convolution, or upsampling and a convolution")
            .with("name", {"unet"}),
        field("layers", &M::layers, "the network, layer by layer (or choose a builder with name)")
            .items(1, 100'000)
            .is_required()
            .with("name", {"layers"}),
    };
}

std::vector<Field> fields_of(Of<ImageSpec> /*type*/) {
    return {
        field("size", &ImageSpec::size, "height and width, or depth, height and width, of the network's input")
            .is_required()
            .items(2, 3)
            .at_least(1)
            .in("pixels"),
        field("channels", &ImageSpec::channels, "channels of an image (1: grey, 3: colour)")
            .is_required()
            .at_least(1)
            .in("channels"),
    };
}

}  // namespace aureole::deck
