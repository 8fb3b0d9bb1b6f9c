#include "benchmarks/halo/halo_exchange.hpp"

#include "core/graph/memory_plan.hpp"

namespace aureole::benchmarks {

namespace {

constexpr int tag = 0;

}  // namespace

HaloExchange::HaloExchange(HaloCase const& each, Comm const& comm, Tensor const& to)
    : plan_(plan_redistribution(each.owned(), each.needed(), comm.rank())),
      from_{each.dtype, each.x, each.owned()[comm.rank()]},
      to_{each.dtype, each.x, each.needed()[comm.rank()]},
      inside_(contiguous_offset(to_.box, from_.box)),
      exchange_(plan_, from_, to_),
      arena_(align_up(exchange_.buffer_bytes()) + (inside_ ? 0 : from_.bytes())) {
    if (inside_) {
        std::size_t const offset = static_cast<std::size_t>(*inside_) * size_of(each.dtype);
        own_ = {static_cast<std::byte*>(to.data) + offset, each.dtype, from_.local()};
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
