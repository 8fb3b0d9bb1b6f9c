#pragma once
#include "parallel/exchange/box_copy.hpp"
#include "parallel/exchange/message_span.hpp"
#include "parallel/exchange/redistribution.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

/// Runs a redistribution of one tensor by persistent messages.
///
/// forward: `to` becomes `from` seen in the other layout. A strip that is contiguous in memory travels from where it
/// lies to where it belongs; others go through message buffers, packed and unpacked by one kernel each. If `from` lies
/// inside the memory of `to` nothing is copied at all.
///
/// adjoint: `from` becomes the sum of all that ranks hold of it in `to`: the transposed linear map, <F x, y> = <x, F*
/// y>.
class Exchange {
  public:
    enum class Direction : std::uint8_t { forward, adjoint };

    /// Plans; boxes are those of this rank.
    Exchange(Redistribution plan, TensorSpec from, TensorSpec to, Direction direction = Direction::forward);
    ~Exchange();
    Exchange(Exchange const&) = delete;
    Exchange& operator=(Exchange const&) = delete;

    /// Message buffers that begin() and finish() need between them.
    [[nodiscard]] std::size_t buffer_bytes() const { return buffer_bytes_; }
    /// Bytes that this rank sends in one exchange.
    [[nodiscard]] std::size_t bytes_sent() const;
    [[nodiscard]] std::size_t messages_sent() const { return outgoing().size(); }

    /// Fixes the addresses and makes the messages. The tag must not be in use by another exchange on `comm`.
    void bind(Comm const& comm, int tag, Tensor const& from, Tensor const& to, std::byte* buffer) {
        bind(comm.get(), tag, from, to, buffer);
    }
    /// Without messages to other ranks the communicator may be MPI_COMM_NULL.
    void bind(MPI_Comm comm, int tag, Tensor const& from, Tensor const& to, std::byte* buffer);
    /// Posts the receives, packs, sends, and copies what this rank has already.
    void begin();
    /// Waits for the messages and unpacks them.
    void finish();

  private:
    Redistribution plan_;
    TensorSpec from_, to_;
    Direction direction_;
    std::size_t buffer_bytes_ = 0;
    BoxedTensor source_, target_;
    std::vector<BoxCopy> packs_, unpacks_, copies_;
    MPI_Comm comm_ = MPI_COMM_NULL;
    std::vector<MPI_Request> requests_;  ///< receives first
    std::vector<MessageSpan> spans_;     ///< of each
    std::vector<int> peers_;             ///< of each, in the communicator
    std::size_t receives_ = 0;

    [[nodiscard]] std::vector<Transfer> const& outgoing() const {
        return direction_ == Direction::forward ? plan_.sends : plan_.receives;
    }
    [[nodiscard]] std::vector<Transfer> const& incoming() const {
        return direction_ == Direction::forward ? plan_.receives : plan_.sends;
    }
    [[nodiscard]] TensorSpec const& source_spec() const { return direction_ == Direction::forward ? from_ : to_; }
    [[nodiscard]] TensorSpec const& target_spec() const { return direction_ == Direction::forward ? to_ : from_; }
    [[nodiscard]] std::size_t bytes_of(Box const& box) const;
    [[nodiscard]] bool sent_in_place(Box const& box) const;
    [[nodiscard]] bool received_in_place(Box const& box) const;
    void* add_message(int peer, Tensor const& part);
    void free_requests();
};

}  // namespace aureole
