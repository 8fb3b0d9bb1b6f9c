#pragma once
#include <vector>

#include "core/tensor/philox.hpp"
#include "core/tensor/shape.hpp"

namespace aureole::test {

/// Numbers for random test cases: a seed gives the same case on every machine and rank.
class Random {
  public:
    explicit Random(std::uint64_t seed) : seed_(seed) {}

    /// Uniform in [0, count).
    [[nodiscard]] Index below(Index count) {
        return static_cast<Index>(Philox::at(seed_, drawn_++).word[0] % static_cast<std::uint32_t>(count));
    }
    /// Uniform in [first, last], both included.
    [[nodiscard]] Index between(Index first, Index last) { return first + below(last - first + 1); }
    [[nodiscard]] bool coin() { return below(2) == 1; }
    template <class T>
    [[nodiscard]] T of(std::vector<T> const& choices) {
        return choices[static_cast<std::size_t>(below(static_cast<Index>(choices.size())))];
    }
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t i = values.size(); i > 1; --i) {
            std::swap(values[i - 1], values[static_cast<std::size_t>(below(static_cast<Index>(i)))]);
        }
    }

  private:
    std::uint64_t seed_, drawn_ = 0;
};

}  // namespace aureole::test
