#pragma once
#include <vector>

#include "io/deck/deck.hpp"
#include "parallel/engine/engine.hpp"
#include "parallel/grid/comm.hpp"
#include "parallel/schedule/event.hpp"

namespace aureole {

/// Throws bad_deck unless the launcher started as many processes as the deck's grid has ranks; the message names what
/// fits.
void require_ranks(Deck const& deck, int started);

/// How this process sends messages and how long it waits for them; before any memory is bound.
void set_up_messages(ParallelSpec const& parallel);

/// What this rank holds of a value of the global graph; an empty box if nothing.
struct Part {
    TensorSpec spec;
    Tensor tensor;
};
/// Of the last micro-batch of a batch, which the last replica has.
[[nodiscard]] Part train_part(Engine const& engine, ValueId id);
[[nodiscard]] Part eval_part(Engine const& engine, ValueId id);

/// Values of a tensor, put together on rank 0 in memory order; empty on the other ranks. All ranks call. Parts may
/// overlap.
[[nodiscard]] std::vector<double> gather(Comm const* comm, Part const& part);

/// "[rank 3] " before what one rank of several says; empty if there is one alone.
[[nodiscard]] std::string rank_prefix(Comm const* comm);

/// A text from one rank to another, which calls the counterpart; and from rank 0 to all.
void send_text(Comm const& comm, std::string const& text, int to);
[[nodiscard]] std::string receive_text(Comm const& comm, int from);
[[nodiscard]] std::string broadcast_text(Comm const* comm, std::string text);
/// The texts of all ranks, on rank 0 in the order of ranks; empty elsewhere.
[[nodiscard]] std::vector<std::string> gather_texts(Comm const* comm, std::string const& mine);

/// What every rank did in the last batch, on rank 0: a row per rank. All ranks call.
[[nodiscard]] std::vector<Event> events_of(Comm const* comm, Engine const& engine);
/// Their operators, if these were recorded.
[[nodiscard]] std::vector<OperatorEvent> operator_events_of(Comm const* comm, Engine const& engine);

/// Hands every persistent tensor that `wanted` accepts to `take` on rank 0, stage by stage. All ranks call.
void collect(Comm const* comm, Engine const& engine, std::function<bool(Persistent const&)> const& wanted,
             std::function<void(Persistent const&, std::vector<double> const&)> const& take);

}  // namespace aureole
