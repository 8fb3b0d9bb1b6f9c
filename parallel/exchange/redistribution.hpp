#pragma once
#include <vector>

#include "parallel/grid/layout.hpp"

namespace aureole {

/// A box that travels from or to another rank.
struct Transfer {
    int peer = 0;
    Box box;  ///< in positions of the global tensor
};

/// What one rank does so that a tensor held in one layout comes to be held in another. Pure arithmetic.
///
/// Halo exchange, joining, splitting and scattering of tiles are all of this form. What a rank holds already it copies;
/// only the difference travels, corners in the same round, from whatever rank owns it: tiles may be thinner than a
/// halo. The adjoint runs the transfers backwards and adds.
struct Redistribution {
    std::vector<Transfer> sends, receives;  ///< in the order of peers, at most one each way per peer
    Box kept;                               ///< part that this rank has in both layouts

    [[nodiscard]] bool travels() const { return !sends.empty() || !receives.empty(); }
};

/// `from` must be a partition (every pixel on one rank), or give every rank all that it needs in `to`.
[[nodiscard]] Redistribution plan_redistribution(Layout const& from, Layout const& to, int rank);

}  // namespace aureole
