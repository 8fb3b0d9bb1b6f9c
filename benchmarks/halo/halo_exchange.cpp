#include "benchmarks/halo/halo_exchange.hpp"

#include "core/graph/memory_plan.hpp"

namespace aureole::benchmarks {

namespace {

constexpr int tag = 0;

/// What a rank owns, in the memory of what it needs.
TensorSpec owned_part(HaloCase const& each, int rank) {
    TensorSpec own{each.dtype, each.x, each.owned()[rank]};
    Box const needed = each.needed()[rank];
    if (!own.box.empty() && contains(needed, own.box)) { own.within = needed; }
    return own;
}

}  // namespace

HaloExchange::HaloExchange(HaloCase const& each, Comm const& comm, Tensor const& to)
    : plan_(plan_redistribution(each.owned(), each.needed(), comm.rank())),
      from_(owned_part(each, comm.rank())),
      to_{each.dtype, each.x, each.needed()[comm.rank()]},
      exchange_(plan_, from_, to_),
      arena_(align_up(exchange_.buffer_bytes()) + (from_.within ? 0 : from_.bytes())) {
    if (from_.within) {
        own_ = {address_of({to, to_.box}, from_.box), each.dtype, from_.local(), from_.strides()};
    } else {
        own_ = arena_.tensor(align_up(exchange_.buffer_bytes()), each.dtype, from_.local());
    }
    exchange_.bind(comm, tag, own_, to, arena_.at(0));
}

std::size_t HaloExchange::bytes_received() const {
    std::size_t bytes = 0;
    for (Transfer const& each : plan_.receives) {
        bytes += static_cast<std::size_t>(each.box.shape().volume()) * size_of(from_.dtype);
    }
    return bytes;
}

}  // namespace aureole::benchmarks
