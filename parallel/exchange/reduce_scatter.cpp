#include "parallel/exchange/reduce_scatter.hpp"

#include "core/kernels/launch.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

/// to = from, from = 0.
template <class T>
struct Move {
    T* __restrict to;
    T* __restrict from;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            to[i] = from[i];
            from[i] = T(0);
        }
    }
};

void move(Tensor const& from, Tensor const& to) {
    char const* const label = "aureole::reduce_scatter::move";
    if (to.dtype == DType::f64) {
        for_elements(label, to.shape.volume(), Move<double>{to.as<double>(), from.as<double>()});
    } else {
        for_elements(label, to.shape.volume(), Move<float>{to.as<float>(), from.as<float>()});
    }
}

}  // namespace

ReduceScatter::ReduceScatter(Comm const& comm, Tensor const& tensor, std::vector<Elements> const& shares)
    : tensor_(tensor),
      span_(static_cast<std::byte*>(tensor.data), tensor.bytes()),
      mine_(shares.at(static_cast<std::size_t>(comm.rank()))),
      comm_(comm.get()) {
    require(static_cast<int>(shares.size()) == comm.size() && shares.back().end() == tensor.shape.volume(),
            "{} shares of {} elements for {} ranks", shares.size(), tensor.shape.volume(), comm.size());
    for (Elements const& each : shares) { counts_.push_back(mpi_count(static_cast<std::size_t>(each.count))); }
}

void ReduceScatter::begin() {
    fence("partial sums are handed to MPI");
    span_.to_mpi();
    check_mpi(MPI_Ireduce_scatter(MPI_IN_PLACE, span_.address(), counts_.data(), mpi_type(tensor_.dtype), MPI_SUM,
                                  comm_, &request_),
              "MPI_Ireduce_scatter");
}

/// MPI leaves the share at the beginning of the tensor, where a rank's own share cannot reach: none is larger than the
/// one before it.
void ReduceScatter::finish() {
    wait_all({&request_, 1}, comm_, {});
    span_.from_mpi();
    if (mine_.first > 0) { move(flat_part(tensor_, {0, mine_.count}), flat_part(tensor_, mine_)); }
}

}  // namespace aureole
