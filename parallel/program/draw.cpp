#include "parallel/program/draw.hpp"

#include <cmath>

#include "core/tensor/arena.hpp"
#include "core/tensor/philox.hpp"

namespace aureole {

namespace {

/// Uniform in (0, 1] with 53 bits from two words: never 0, so its logarithm exists.
double open_uniform(std::uint32_t high, std::uint32_t low) {
    std::uint64_t const bits = (static_cast<std::uint64_t>(high) << 21U) ^ (low >> 11U);
    return static_cast<double>(bits + 1) * 0x1p-53;
}

double draw_one(Initializer const& initializer, std::uint64_t key, Index i) {
    if (initializer.kind == Initializer::Kind::constant) { return initializer.a; }
    Philox const words = Philox::at(key, static_cast<std::uint64_t>(i));
    double const u = open_uniform(words.word[0], words.word[1]);
    if (initializer.kind == Initializer::Kind::uniform) {
        return initializer.a + (initializer.b - initializer.a) * (1 - u);
    }
    double const v = open_uniform(words.word[2], words.word[3]);
    return initializer.a + initializer.b * std::sqrt(-2 * std::log(u)) * std::cos(2 * 3.14159265358979323846 * v);
}

}  // namespace

void draw(Tensor const& tensor, Initializer const& initializer, std::uint64_t key) {
    std::vector<double> values(static_cast<std::size_t>(tensor.shape.volume()));
    for (std::size_t i = 0; i < values.size(); ++i) { values[i] = draw_one(initializer, key, static_cast<Index>(i)); }
    write_values(values, tensor);
}

}  // namespace aureole
