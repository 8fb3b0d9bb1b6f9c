#include "parallel/exchange/exchange.hpp"

#include "core/graph/memory_plan.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

Exchange::Exchange(Redistribution plan, TensorSpec from, TensorSpec to, Direction direction)
    : plan_(std::move(plan)), from_(from), to_(to), direction_(direction) {
    for (Transfer const& each : outgoing()) { buffer_bytes_ += sent_in_place(each.box) ? 0 : bytes_of(each.box); }
    for (Transfer const& each : incoming()) { buffer_bytes_ += received_in_place(each.box) ? 0 : bytes_of(each.box); }
}

Exchange::~Exchange() { free_requests(); }

void Exchange::free_requests() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    for (MPI_Request& request : requests_) {
        if (finalized == 0) { MPI_Request_free(&request); }
    }
    requests_.clear();
    spans_.clear();
    peers_.clear();
}

std::size_t Exchange::bytes_of(Box const& box) const {
    return align_up(static_cast<std::size_t>(box.shape().volume()) * size_of(from_.dtype));
}

bool Exchange::sent_in_place(Box const& box) const {
    return contiguous_offset(source_spec().strides(), source_spec().box, box).has_value();
}

bool Exchange::received_in_place(Box const& box) const {
    return direction_ == Direction::forward && contiguous_offset(to_.strides(), to_.box, box).has_value();
}

std::size_t Exchange::bytes_sent() const {
    std::size_t bytes = 0;
    for (Transfer const& each : outgoing()) {
        bytes += static_cast<std::size_t>(each.box.shape().volume()) * size_of(from_.dtype);
    }
    return bytes;
}

void Exchange::bind(MPI_Comm comm, int tag, Tensor const& from, Tensor const& to, std::byte* buffer) {
    free_requests();
    comm_ = comm;
    packs_.clear();
    unpacks_.clear();
    copies_.clear();
    BoxedTensor const from_here{from, from_.box}, to_here{to, to_.box};
    source_ = direction_ == Direction::forward ? from_here : to_here;
    target_ = direction_ == Direction::forward ? to_here : from_here;
    auto const place = [&](BoxedTensor const& tensor, Box const& box, bool in_place) -> BoxedTensor {
        if (in_place) { return {{address_of(tensor, box), from_.dtype, box.shape()}, box}; }
        BoxedTensor const part{{buffer, from_.dtype, box.shape()}, box};
        buffer += bytes_of(box);
        return part;
    };
    for (Transfer const& each : incoming()) {
        bool const in_place = received_in_place(each.box);
        BoxedTensor const part = place(target_, each.box, in_place);
        if (!in_place) { unpacks_.push_back({part, target_, each.box}); }
        void* const memory = add_message(each.peer, part.tensor);
        check_mpi(
            MPI_Recv_init(memory, mpi_count(part.tensor.bytes()), MPI_BYTE, each.peer, tag, comm, &requests_.back()),
            "MPI_Recv_init");
    }
    receives_ = requests_.size();
    for (Transfer const& each : outgoing()) {
        bool const in_place = sent_in_place(each.box);
        BoxedTensor const part = place(source_, each.box, in_place);
        if (!in_place) { packs_.push_back({source_, part, each.box}); }
        void* const memory = add_message(each.peer, part.tensor);
        check_mpi(
            MPI_Send_init(memory, mpi_count(part.tensor.bytes()), MPI_BYTE, each.peer, tag, comm, &requests_.back()),
            "MPI_Send_init");
    }
    if (!plan_.kept.empty()) {
        bool const same_memory = address_of(source_, plan_.kept) == address_of(target_, plan_.kept);
        if (!same_memory) { copies_.push_back({source_, target_, plan_.kept}); }
    }
}

/// One more request; returns the memory that MPI is to use.
void* Exchange::add_message(int peer, Tensor const& part) {
    requests_.emplace_back();
    peers_.push_back(peer);
    spans_.emplace_back(static_cast<std::byte*>(part.data), part.bytes());
    return spans_.back().address();
}

void Exchange::begin() {
    auto const receives = static_cast<int>(receives_), sends = static_cast<int>(requests_.size() - receives_);
    if (receives > 0) { check_mpi(MPI_Startall(receives, requests_.data()), "MPI_Startall"); }
    copy_boxes("aureole::exchange::pack", packs_);
    if (sends > 0) {
        fence("strips are handed to MPI");
        for (std::size_t i = receives_; i < spans_.size(); ++i) { spans_[i].to_mpi(); }
        check_mpi(MPI_Startall(sends, requests_.data() + receives_), "MPI_Startall");
    }
    if (direction_ == Direction::adjoint) { zero(target_.tensor); }
    copy_boxes("aureole::exchange::copy", copies_);
}

void Exchange::finish() {
    if (!requests_.empty()) { wait_all(requests_, comm_, peers_); }
    for (std::size_t i = 0; i < receives_; ++i) { spans_[i].from_mpi(); }
    if (direction_ == Direction::forward) {
        copy_boxes("aureole::exchange::unpack", unpacks_);
        return;
    }
    for (BoxCopy const& each : unpacks_) { add_boxes("aureole::exchange::add", {&each, 1}); }  // parts may overlap
}

}  // namespace aureole
