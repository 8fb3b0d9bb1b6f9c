#include "parallel/exchange/shares.hpp"

#include <algorithm>

#include "core/graph/memory_plan.hpp"

namespace aureole {

Elements intersection(Elements const& a, Elements const& b) {
    Index const first = std::max(a.first, b.first), end = std::min(a.end(), b.end());
    return first < end ? Elements{first, end - first} : Elements{};
}

std::vector<Elements> shares_of(Index count, DType dtype, int owners) {
    auto const block = static_cast<Index>(arena_alignment / size_of(dtype));
    Index const blocks = (count + block - 1) / block;
    Index const most = (blocks + owners - 1) / owners * block;
    std::vector<Elements> shares;
    for (Index owner = 0; owner < owners; ++owner) {
        Index const first = std::min(owner * most, count);
        shares.push_back({first, std::min(most, count - first)});
    }
    return shares;
}

Tensor flat_part(Tensor const& whole, Elements const& part) {
    require(part.first >= 0 && part.end() <= whole.shape.volume(), "elements {} ... {} of a tensor {}", part.first,
            part.end(), to_string(whole.shape));
    std::size_t const offset = static_cast<std::size_t>(part.first) * size_of(whole.dtype);
    return {static_cast<std::byte*>(whole.data) + offset, whole.dtype, {1, 1, 1, 1, part.count}};
}

}  // namespace aureole
