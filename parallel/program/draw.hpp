#pragma once
#include "core/graph/graph.hpp"

namespace aureole {

/// Fills a tensor as its initializer says. Element i depends on (key, i) only, so every grid draws the same values:
/// normal deviates by the Box-Muller transform of counter-based uniform numbers.
void draw(Tensor const& tensor, Initializer const& initializer, std::uint64_t key);

}  // namespace aureole
