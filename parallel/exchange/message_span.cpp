#include "parallel/exchange/message_span.hpp"

#include "core/kernels/launch.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/grid/comm.hpp"

namespace aureole {

namespace {

Transport& wanted() {
    static Transport transport = Transport::automatic;
    return transport;
}

}  // namespace

void set_transport(Transport transport) { wanted() = transport; }

Transport transport() {
    if (wanted() != Transport::automatic) { return wanted(); }
    return runs_on_host || takes_device_memory() ? Transport::direct : Transport::staged;
}

MessageSpan::MessageSpan(std::byte* memory, std::size_t bytes)
    : span_{memory, DType::u8, {1, 1, 1, 1, static_cast<Index>(bytes)}} {
    if (transport() == Transport::staged) { staged_.emplace(bytes); }
}

std::byte* MessageSpan::address() const { return staged_ ? staged_->data() : static_cast<std::byte*>(span_.data); }

void MessageSpan::to_mpi() const {
    if (staged_) { copy_to_host(span_, staged_->data()); }
}

void MessageSpan::from_mpi() const {
    if (staged_) { copy_to_device(staged_->data(), span_); }
}

}  // namespace aureole
