#include "benchmarks/halo/ramp.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace aureole::benchmarks {

namespace {

constexpr Index largest_prime_below_2_24 = 16777213, largest_prime_below_2_8 = 251;

/// Calls visit(first, count) with every row of the part: positions in memory of the whole.
template <class Visit>
void for_rows_of(Box const& part, Shape const& shape, Visit const& visit) {
    Index const count = part.hi[4] - part.lo[4];
    for (Index n = part.lo[0]; n < part.hi[0]; ++n) {
        for (Index d = part.lo[1]; d < part.hi[1]; ++d) {
            for (Index h = part.lo[2]; h < part.hi[2]; ++h) {
                for (Index w = part.lo[3]; w < part.hi[3]; ++w) {
                    visit((((n * shape.d + d) * shape.h + h) * shape.w + w) * shape.c + part.lo[4], count);
                }
            }
        }
    }
}

}  // namespace

std::vector<double> ramp(Box const& part, Shape const& image, Index modulus) {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(part.shape().volume()));
    for_rows_of(part, image, [&](Index first, Index count) {
        for (Index i = first; i < first + count; ++i) { values.push_back(static_cast<double>(i % modulus)); }
    });
    return values;
}

Index ramp_modulus(DType dtype) { return dtype == DType::bf16 ? largest_prime_below_2_8 : largest_prime_below_2_24; }

Index ramp_modulus_for_sums(Index terms, Index weight) {
    Index const most = (Index(1) << 24) / (terms * weight);
    return std::clamp<Index>(most, 2, largest_prime_below_2_8);
}

std::vector<double> part_of(std::vector<double> const& whole, Shape const& shape, Box const& part) {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(part.shape().volume()));
    for_rows_of(part, shape, [&](Index first, Index count) {
        values.insert(values.end(), whole.begin() + first, whole.begin() + first + count);
    });
    return values;
}

std::optional<std::string> first_difference(std::vector<double> const& got, std::vector<double> const& want,
                                            Box const& part) {
    auto const [at, wanted] = std::mismatch(got.begin(), got.end(), want.begin(), want.end());
    if (at == got.end() && wanted == want.end()) { return {}; }
    std::array<Index, axis_count> place{};
    auto const extents = part.shape().extents();
    Index rest = at - got.begin();
    for (std::size_t axis = axis_count; axis-- > 0;) {
        place[axis] = part.lo[axis] + rest % extents[axis];
        rest /= extents[axis];
    }
    return fmt::format("(n, d, h, w, c) = ({}, {}, {}, {}, {}) is {}, not {}", place[0], place[1], place[2], place[3],
                       place[4], *at, *wanted);
}

}  // namespace aureole::benchmarks
