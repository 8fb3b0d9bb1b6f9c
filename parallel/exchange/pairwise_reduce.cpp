#include "parallel/exchange/pairwise_reduce.hpp"

#include <bit>

#include "core/error.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/exchange/combine.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

template <class How>
struct CombineBuffers {
    typename How::Number const* from;
    typename How::Number* to;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) { How::combine(from + How::group * i, to + How::group * i); }
    }
};

template <class How>
void combine_buffers(std::byte const* from, std::byte* to, std::size_t elements) {
    using Number = typename How::Number;
    for_elements("aureole::pairwise_reduce", static_cast<Index>(elements) / How::group,
                 CombineBuffers<How>{reinterpret_cast<Number const*>(from), reinterpret_cast<Number*>(to)});
}

}  // namespace

PairwiseReduce::~PairwiseReduce() { free_requests(); }

void PairwiseReduce::free_requests() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    for (Round& round : rounds_) {
        for (MPI_Request& request : round.requests) {
            if (finalized == 0) { MPI_Request_free(&request); }
        }
    }
    rounds_.clear();
}

void PairwiseReduce::bind(Comm const& comm, int tag, std::byte* mine, std::byte* received) {
    free_requests();
    mine_ = mine;
    received_ = received;
    to_send_ = MessageSpan(mine, bytes());
    to_receive_ = MessageSpan(received, bytes());
    int const count = mpi_count(bytes());
    enum class Way : std::uint8_t { both, send, receive, replace };
    auto const add = [&](int peer, Way way) {
        Round round{way == Way::both || way == Way::send, way == Way::both || way == Way::receive, way == Way::replace};
        if (way != Way::send) {
            round.requests.emplace_back();
            MessageSpan const& into = round.replaces ? to_send_ : to_receive_;
            check_mpi(MPI_Recv_init(into.address(), count, MPI_BYTE, peer, tag, comm.get(), &round.requests.back()),
                      "MPI_Recv_init");
        }
        if (round.sends) {
            round.requests.emplace_back();
            check_mpi(MPI_Send_init(to_send_.address(), count, MPI_BYTE, peer, tag, comm.get(), &round.requests.back()),
                      "MPI_Send_init");
        }
        round.peers.assign(round.requests.size(), peer);
        rounds_.push_back(std::move(round));
    };
    // of the first 2 * extra ranks every other one has its partner take part for both
    int const rank = comm.rank();
    comm_ = comm.get();
    auto const pairs = static_cast<int>(std::bit_floor(static_cast<unsigned>(comm.size())));
    int const extra = comm.size() - pairs;
    bool const is_paired = rank < 2 * extra, stands_back = is_paired && rank % 2 == 0;
    if (stands_back) {
        add(rank + 1, Way::send);
        add(rank + 1, Way::replace);
        return;
    }
    if (is_paired) { add(rank - 1, Way::receive); }
    int const place = is_paired ? rank / 2 : rank - extra;
    for (int distance = 1; distance < pairs; distance *= 2) {
        int const other = place ^ distance;
        add(other < extra ? 2 * other + 1 : other + extra, Way::both);
    }
    if (is_paired) { add(rank - 1, Way::send); }
}

void PairwiseReduce::begin() {
    if (!rounds_.empty()) { start(rounds_.front()); }
}

void PairwiseReduce::start(Round& round) const {
    if (round.sends) { to_send_.to_mpi(); }
    check_mpi(MPI_Startall(static_cast<int>(round.requests.size()), round.requests.data()), "MPI_Startall");
}

void PairwiseReduce::finish() {
    for (Round& round : rounds_) {
        if (&round != &rounds_.front()) {
            fence("partial results are handed to MPI");
            start(round);
        }
        wait_all(round.requests, comm_, round.peers);
        if (round.replaces) { to_send_.from_mpi(); }
        if (round.combines) {
            to_receive_.from_mpi();
            combine_received();
        }
    }
}

void PairwiseReduce::combine_received() const {
    bool const f64 = dtype_ == DType::f64;
    switch (how_) {
        case Combine::sum:
            if (f64) {
                combine_buffers<CombineSums<double>>(received_, mine_, elements_);
            } else {
                combine_buffers<CombineSums<float>>(received_, mine_, elements_);
            }
            break;
        case Combine::moments: combine_buffers<CombineMoments>(received_, mine_, elements_); break;
        case Combine::maximum: combine_buffers<CombineMaxima>(received_, mine_, elements_); break;
    }
}

}  // namespace aureole
