#include "parallel/stages/stage_program.hpp"

#include <algorithm>

#include "core/clock.hpp"

namespace aureole {

namespace {

TensorSpec part_of(Program const& program, ValueId id, bool here) {
    TensorSpec spec = program.spec(id);
    if (!here) { spec.box = Box{}; }
    return spec;
}

}  // namespace

void StageProgram::connect(std::vector<HandOver> const& hand_overs, PipelineGrid const& grid, int rank,
                           std::vector<StageProgram const*> const& neighbours) {
    ports_.clear();
    auto const micro_batches = frame_of_.size();
    tags_ = static_cast<int>(hand_overs.size() * micro_batches);
    for (std::size_t i = 0; i < hand_overs.size(); ++i) {
        HandOver const& each = hand_overs[i];
        auto const& [value, from, to, backward] = each.crossing;
        if (from != stage_ && to != stage_) { continue; }
        bool const local = grid.row_of(from) == grid.row_of(to);
        if (local && from == stage_) { continue; }  // the other stage takes it
        Port port{each, static_cast<int>(i * micro_batches), from == stage_, nullptr, {}, {}};
        if (local) {
            auto const found =
                std::find_if(neighbours.begin(), neighbours.end(),
                             [from = from](StageProgram const* other) { return other->stage() == from; });
            require(found != neighbours.end(), "stage {} is not on this rank", from);
            port.neighbour = *found;
        }
        TensorSpec const source =
            port.neighbour != nullptr ? port.neighbour->program().spec(value) : part_of(program_, value, port.out);
        TensorSpec const target = part_of(program_, value, !port.out);
        for (std::size_t micro_batch = 0; micro_batch < micro_batches; ++micro_batch) {
            port.exchanges.push_back(
                std::make_unique<Exchange>(plan_redistribution(each.from, each.to, rank), source, target));
        }
        port.in_flight.assign(micro_batches, false);
        ports_.push_back(std::move(port));
    }
}

std::size_t StageProgram::message_bytes() const {
    std::size_t bytes = 0;
    for (Port const& port : ports_) { bytes += message_bytes(port); }
    return bytes;
}

/// One buffer for each frame and value.
std::size_t StageProgram::message_bytes(Port const& port) const {
    return block_bytes(port.exchanges[0]->buffer_bytes(), program_.red_zone()) *
           static_cast<std::size_t>(program_.frames());
}

std::size_t StageProgram::bytes_sent() const {
    std::size_t bytes = 0;
    for (Port const& port : ports_) { bytes += port.exchanges[0]->bytes_sent(); }
    return bytes;
}

std::size_t StageProgram::messages_sent() const {
    std::size_t messages = 0;
    for (Port const& port : ports_) { messages += port.exchanges[0]->messages_sent(); }
    return messages;
}

void StageProgram::bind_messages(Arena const& arena, StagePlace const& place) {
    std::size_t messages = place.messages;
    buffers_.clear();
    for (Port& port : ports_) {
        bind_port(port, arena, place, messages);
        messages += message_bytes(port);
    }
}

void StageProgram::watch_messages(MemoryGuard* guard, bool on) const {
    if (guard == nullptr) { return; }
    for (auto const& [offset, buffer] : buffers_) {
        if (on) {
            guard->open(offset, buffer.bytes, "messages of " + buffer.value, MemoryGuard::Contents::nan);
        } else {
            guard->close(offset);
        }
    }
}

void StageProgram::bind_port(Port& port, Arena const& arena, StagePlace const& place, std::size_t messages) {
    ValueId const value = port.plan.crossing.value;
    MPI_Comm const comm = place.pipeline == nullptr ? MPI_COMM_NULL : place.pipeline->get();
    for (std::size_t i = 0; i < port.exchanges.size(); ++i) {
        auto const micro_batch = static_cast<int>(i);
        int const frame = frame_of(micro_batch);
        Tensor const mine = program_.tensor(value, frame);
        Tensor const from = port.neighbour != nullptr
                                ? port.neighbour->program().tensor(value, port.neighbour->frame_of(micro_batch))
                            : port.out ? mine
                                       : Tensor{};
        Exchange& exchange = *port.exchanges[i];
        std::size_t const bytes = exchange.buffer_bytes();
        std::size_t const buffer = messages + zone_before(bytes, program_.red_zone()) +
                                   block_bytes(bytes, program_.red_zone()) * static_cast<std::size_t>(frame);
        if (bytes > 0) { buffers_[buffer] = {bytes, program_.graph().value(value).name}; }
        exchange.bind(comm, place.first_tag + port.tag + micro_batch, from, port.out ? Tensor{} : mine,
                      arena.at(buffer));
    }
}

void StageProgram::expect_gradients(int micro_batch) {
    for (Port& port : ports_) {
        if (port.out || port.neighbour != nullptr || !port.plan.crossing.backward) { continue; }
        port.exchanges[static_cast<std::size_t>(micro_batch)]->begin();
    }
}

void StageProgram::receive(int peer, bool backward, int micro_batch) {
    auto const begin = Clock::now();
    auto const wanted = [&](Port const& port) {
        Crossing const& each = port.plan.crossing;
        return !port.out && port.neighbour == nullptr && each.from == peer && each.backward == backward;
    };
    auto const at = static_cast<std::size_t>(micro_batch);
    for (Port& port : ports_) {
        if (wanted(port) && !backward) { port.exchanges[at]->begin(); }  // gradients are expected already
    }
    for (Port& port : ports_) {
        if (wanted(port)) { port.exchanges[at]->finish(); }
    }
    seconds_ += seconds_since(begin);
}

void StageProgram::send(int peer, bool backward, int micro_batch) {
    auto const begin = Clock::now();
    auto const at = static_cast<std::size_t>(micro_batch);
    for (Port& port : ports_) {
        Crossing const& each = port.plan.crossing;
        if (!port.out || each.to != peer || each.backward != backward) { continue; }
        port.exchanges[at]->begin();
        port.in_flight[at] = true;
    }
    seconds_ += seconds_since(begin);
}

void StageProgram::take(int peer, bool backward, int micro_batch) {
    for (Port& port : ports_) {
        Crossing const& each = port.plan.crossing;
        if (port.neighbour == nullptr || each.from != peer || each.backward != backward) { continue; }
        Exchange& exchange = *port.exchanges[static_cast<std::size_t>(micro_batch)];
        exchange.begin();
        exchange.finish();
    }
}

void StageProgram::finish_sends(int frame) {
    auto const begin = Clock::now();
    for (Port& port : ports_) {
        for (std::size_t i = 0; i < port.in_flight.size(); ++i) {
            if (!port.in_flight[i] || frame_of_[i] != frame) { continue; }
            port.exchanges[i]->finish();
            port.in_flight[i] = false;
        }
    }
    seconds_ += seconds_since(begin);
}

}  // namespace aureole
