#pragma once
#include "core/models/network_builder.hpp"
#include "io/deck/deck.hpp"

namespace aureole {

/// Builds the network that a deck writes out as a list of layers; the result of the last layer is returned. A layer
/// that does not fit its input is one Error(bad_deck) with the layer's place in the deck.
ValueId build_layers(NetworkBuilder& net, ValueId x, Dimensions dimensions, std::vector<LayerSpec> const& layers);

}  // namespace aureole
