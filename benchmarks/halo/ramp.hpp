#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/tensor/tensor.hpp"

namespace aureole::benchmarks {

/// An image that tells every element from its neighbours: its position in memory, modulo a prime so that the element
/// type holds it exactly.
[[nodiscard]] std::vector<double> ramp(Box const& part, Shape const& image, Index modulus);

/// The largest modulus that an element type holds.
[[nodiscard]] Index ramp_modulus(DType dtype);

/// A modulus for which sums of `terms` elements times weights of at most `weight` are exact in f32.
[[nodiscard]] Index ramp_modulus_for_sums(Index terms, Index weight);

/// The part of a dense tensor of the given shape.
[[nodiscard]] std::vector<double> part_of(std::vector<double> const& whole, Shape const& shape, Box const& part);

/// The first element that is not what it should be, with its place in the global tensor; nothing if all are.
[[nodiscard]] std::optional<std::string> first_difference(std::vector<double> const& got,
                                                          std::vector<double> const& want, Box const& part);

}  // namespace aureole::benchmarks
