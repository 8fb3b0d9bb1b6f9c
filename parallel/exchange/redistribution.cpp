#include "parallel/exchange/redistribution.hpp"

namespace aureole {

Redistribution plan_redistribution(Layout const& from, Layout const& to, int rank) {
    Redistribution plan;
    plan.kept = intersection(from[rank], to[rank]);
    bool const has_all = contains(from[rank], to[rank]);
    for (int peer = 0; peer < from.ranks(); ++peer) {
        if (peer == rank) { continue; }
        if (!contains(from[peer], to[peer])) {
            Box const sent = intersection(from[rank], to[peer]);
            if (!sent.empty()) { plan.sends.push_back({peer, sent}); }
        }
        if (!has_all) {
            Box const received = intersection(from[peer], to[rank]);
            if (!received.empty()) { plan.receives.push_back({peer, received}); }
        }
    }
    return plan;
}

}  // namespace aureole
