#pragma once
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "core/tensor/philox.hpp"

namespace aureole::test {

inline constexpr std::size_t projection_count = 8;

/// What tests keep of a tensor that is too large to be kept whole: its Euclidean norm, and its products with eight
/// vectors of numbers in [-1, 1), which are the halves of the four Philox words of every element.
struct Projection {
    double norm = 0;
    std::array<double, projection_count> products{};
};

/// What is no finite number counts as a fixed one, so that it has to be in the same places.
[[nodiscard]] inline double finite_stand_in(double value) {
    if (std::isfinite(value)) { return value; }
    return std::isnan(value) ? 3 : std::copysign(5, value);
}

/// @param name  key of the vectors' random numbers
[[nodiscard]] inline Projection project(std::string const& name, std::vector<double> const& values) {
    Projection result;
    std::uint64_t const key = mix(stream_of("projection"), stream_of(name));
    double squares = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        double const value = finite_stand_in(values[i]);
        squares += value * value;
        Philox const words = Philox::at(key, i);
        for (std::size_t k = 0; k < projection_count; ++k) {
            std::uint32_t const half = (words.word[k / 2] >> (16U * (k % 2))) & 0xFFFFU;
            result.products[k] += (static_cast<double>(half) / 32768 - 1) * value;
        }
    }
    result.norm = std::sqrt(squares);
    return result;
}

/// Estimates the norm of the difference of two tensors: for numbers of variance 1/3 the mean of the products' squares
/// is a third of the squared norm.
[[nodiscard]] inline double distance(Projection const& a, Projection const& b) {
    double squares = 0;
    for (std::size_t k = 0; k < projection_count; ++k) {
        squares += (a.products[k] - b.products[k]) * (a.products[k] - b.products[k]);
    }
    return std::sqrt(3 * squares / static_cast<double>(projection_count));
}

}  // namespace aureole::test
