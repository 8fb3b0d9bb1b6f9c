#pragma once
#include <mpi.h>

#include <limits>
#include <vector>

#include "core/ops/operator.hpp"
#include "core/tensor/dtype.hpp"
#include "parallel/exchange/message_span.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Combines a buffer of every rank by messages between pairs, log2(ranks) rounds of them, and two more where the number
/// of ranks is no power of 2 (recursive doubling: Thakur, Rabenseifner and Gropp, 2005). Every rank gets the same bits,
/// on any run. Messages are persistent, and nothing is allocated after bind().
class PairwiseReduce {
  public:
    /// Small buffers cost a round's latency; of two ranks each sends all it has in one round. Others are for MPI, whose
    /// algorithms send less of a large buffer.
    [[nodiscard]] static bool suits(int ranks, std::size_t bytes) {
        return ranks > 1 && bytes <= (ranks == 2 ? most_of_a_message : most_bytes);
    }
    static constexpr std::size_t most_bytes = std::size_t{64} << 10U;
    static constexpr std::size_t most_of_a_message = std::numeric_limits<int>::max();

    PairwiseReduce(Combine how, DType dtype, std::size_t elements) : how_(how), dtype_(dtype), elements_(elements) {}
    ~PairwiseReduce();
    PairwiseReduce(PairwiseReduce const&) = delete;
    PairwiseReduce& operator=(PairwiseReduce const&) = delete;

    /// `mine` holds what this rank brings and gets the result; `received` has its size.
    void bind(Comm const& comm, int tag, std::byte* mine, std::byte* received);
    /// Starts the first round; the device has finished `mine`.
    void begin();
    /// All rounds.
    void finish();

  private:
    /// Messages to and from one peer, and whether what comes is combined with this rank's or takes its place.
    struct Round {
        bool sends = false, combines = false, replaces = false;
        std::vector<MPI_Request> requests{};
        std::vector<int> peers{};  ///< of each request
    };
    Combine how_;
    DType dtype_;
    std::size_t elements_;
    std::byte *mine_ = nullptr, *received_ = nullptr;
    std::vector<Round> rounds_;
    MPI_Comm comm_ = MPI_COMM_NULL;
    MessageSpan to_send_, to_receive_;  ///< mine, received

    [[nodiscard]] std::size_t bytes() const { return elements_ * size_of(dtype_); }
    void free_requests();
    void start(Round& round) const;
    void combine_received() const;
};

}  // namespace aureole
