#include "parallel/exchange/all_gather.hpp"

#include "core/clock.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

void AllGather::add(Comm const& comm, Tensor const& tensor, std::vector<Elements> const& shares) {
    require(static_cast<int>(shares.size()) == comm.size(), "{} shares for {} ranks", shares.size(), comm.size());
    Item item{tensor, MessageSpan(static_cast<std::byte*>(tensor.data), tensor.bytes()), {}, {}, comm.get()};
    for (Elements const& each : shares) {
        item.counts.push_back(mpi_count(static_cast<std::size_t>(each.count)));
        item.offsets.push_back(mpi_count(static_cast<std::size_t>(each.first)));
    }
    items_.push_back(std::move(item));
}

void AllGather::clear() {
    items_.clear();
    seconds_ = 0;
}

void AllGather::run() {
    if (items_.empty()) { return; }
    auto const begin = Clock::now();
    fence("shares are handed to MPI");
    std::vector<MPI_Request> requests(items_.size(), MPI_REQUEST_NULL);
    for (std::size_t i = 0; i < items_.size(); ++i) {
        Item const& item = items_[i];
        item.span.to_mpi();
        check_mpi(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, item.span.address(), item.counts.data(),
                                  item.offsets.data(), mpi_type(item.tensor.dtype), item.comm, &requests[i]),
                  "MPI_Iallgatherv");
    }
    wait_all(requests, items_.front().comm, {});
    for (Item const& item : items_) { item.span.from_mpi(); }
    seconds_ += seconds_since(begin);
}

}  // namespace aureole
