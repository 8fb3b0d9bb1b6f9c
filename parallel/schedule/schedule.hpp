#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aureole {

/// What a rank of a pipeline does at one place of its row. Tiles, replicas of a micro-batch and channel shards live
/// inside the compute operations: one row serves the whole mesh of a stage.
enum class Op : std::uint8_t {
    forward,             ///< F: forward pass of one micro-batch through one stage; the last stage's ends in the loss
    backward,            ///< B: input and weight gradients
    input_gradient,      ///< I: what the stage before waits for
    weight_gradient,     ///< W: what nobody waits for but the update
    send_activation,     ///< of (stage, micro-batch) to stage `peer`
    receive_activation,  ///< for (stage, micro-batch) from stage `peer`
    send_gradient,       ///< of (stage, micro-batch) to stage `peer`
    receive_gradient,    ///< for (stage, micro-batch) from stage `peer`
    reduce,              ///< the stage's gradients begin to be summed over tiles and replicas
    update,              ///< waits for that sum, then the optimizer changes the stage's parameters
    flip,                ///< the stage's newest weight version becomes the one that forwards read
};

struct Instruction {
    Op op = Op::forward;
    std::uint8_t pipe = 0;         ///< replica or direction (bidirectional schedules have two)
    std::int16_t stage = 0;        ///< of that pipe
    std::int32_t micro_batch = 0;  ///< counts over the whole run of a schedule
    std::int16_t version = 0;      ///< slot of the weights that are read; for update: written
    std::int16_t buffer = -1;      ///< slot of activations or of a message; lowering gives it
    std::int16_t peer = -1;        ///< of messages: the other stage
    friend bool operator==(Instruction const&, Instruction const&) = default;
};
static_assert(sizeof(Instruction) <= 32);

/// Output of a stage that another stage needs, whatever lies between: chains, and skips.
struct Link {
    int from = 0, to = 0;  ///< stages, from < to
    friend bool operator==(Link const&, Link const&) = default;
};

/// For every rank of a pipeline the list of what it does in one step of training.
struct Schedule {
    std::string name;
    int ranks = 1;                            ///< rows; with tiles every row is a mesh of processes
    int stages = 1;                           ///< per pipe
    int micro_batches = 1;                    ///< per step, over all pipes
    std::vector<std::vector<int>> placement;  ///< [pipe][stage] -> row
    int versions = 1;                         ///< weight versions alive at a time; more than one: asynchronous
    std::vector<std::vector<Instruction>> rows;

    [[nodiscard]] int row_of(int pipe, int stage) const {
        return placement[static_cast<std::size_t>(pipe)][static_cast<std::size_t>(stage)];
    }
};

}  // namespace aureole
