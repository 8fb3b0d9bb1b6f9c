#pragma once
#include <map>
#include <memory>
#include <string>

#include "parallel/exchange/exchange.hpp"
#include "parallel/program/program.hpp"
#include "parallel/stages/hand_over.hpp"

namespace aureole {

/// Where a stage's messages lie, and how they are sent.
struct StagePlace {
    std::size_t messages = 0;        ///< offset in the arena: StageProgram::message_bytes()
    Comm const* pipeline = nullptr;  ///< all ranks of the replica; none: one rank
    int first_tag = 0;
};

/// One rank's part of one stage: its program, and the messages from and to other stages.
///
/// A micro-batch has a frame of the program's, and messages of its own, told apart by tags.
class StageProgram {
  public:
    /// `frame_of`: frame by micro-batch, as the schedule says.
    StageProgram(int stage, LocalGraph local, ProgramOptions const& options, std::vector<int> frame_of)
        : stage_(stage), program_(std::move(local), options), frame_of_(std::move(frame_of)) {}

    /// Plans the messages. `hand_overs` are those of the whole pipeline; `rank` is one of the replica. Stages of this
    /// rank's row hand over without a message: `neighbours` are their programs on this rank.
    void connect(std::vector<HandOver> const& hand_overs, PipelineGrid const& grid, int rank,
                 std::vector<StageProgram const*> const& neighbours);
    /// Neighbours' programs have been bound.
    void bind_messages(Arena const& arena, StagePlace const& place);
    /// Buffers of messages come into use, or are free for others, where the arena is guarded.
    void watch_messages(MemoryGuard* guard, bool on) const;

    [[nodiscard]] int stage() const { return stage_; }
    [[nodiscard]] Program const& program() const { return program_; }
    [[nodiscard]] Program& program() { return program_; }
    [[nodiscard]] int frame_of(int micro_batch) const { return frame_of_[static_cast<std::size_t>(micro_batch)]; }
    /// Of the last micro-batch.
    [[nodiscard]] int last_frame() const { return frame_of_.back(); }
    /// Bytes of all frames.
    [[nodiscard]] std::size_t frames_bytes() const {
        return program_.frame_bytes() * static_cast<std::size_t>(program_.frames());
    }
    /// Bytes of the buffers of messages whose parts are not contiguous.
    [[nodiscard]] std::size_t message_bytes() const;
    /// Tags of messages to other stages.
    [[nodiscard]] int tags() const { return tags_; }
    /// What one micro-batch sends to other stages from this rank.
    [[nodiscard]] std::size_t bytes_sent() const;
    [[nodiscard]] std::size_t messages_sent() const;

    /// Posts the receives of a micro-batch's gradients, whose place is in its frame: whoever sends one need not wait
    /// until this rank wants it, so that frames of senders are free in time. After the forward pass.
    void expect_gradients(int micro_batch);
    /// Waits for what stage `peer` sends for a micro-batch: activations, or expected gradients.
    void receive(int peer, bool backward, int micro_batch);
    /// Starts to send; the frame stays in use until finish_sends().
    void send(int peer, bool backward, int micro_batch);
    /// Copies what stages of the same row have left in their frames: what their activations are to this stage's
    /// forward pass. Gradients they take themselves, as soon as this stage has them.
    void take(int peer, bool backward, int micro_batch);
    void finish_sends(int frame);
    [[nodiscard]] double seconds_communicating() const { return program_.seconds_communicating() + seconds_; }

  private:
    /// A value that comes or goes, with one exchange for each micro-batch.
    struct Port {
        HandOver plan;
        int tag = 0;  ///< of micro-batch 0, beyond the first one
        bool out = false;
        StageProgram const* neighbour = nullptr;  ///< of the same row, where the value comes from
        std::vector<std::unique_ptr<Exchange>> exchanges;
        std::vector<bool> in_flight;
    };
    int stage_;
    Program program_;
    std::vector<int> frame_of_;
    std::vector<Port> ports_;
    /// Of messages, by offset in the arena.
    struct Buffer {
        std::size_t bytes = 0;
        std::string value;
    };
    std::map<std::size_t, Buffer> buffers_;
    int tags_ = 0;
    double seconds_ = 0;

    [[nodiscard]] std::size_t message_bytes(Port const& port) const;
    void bind_port(Port& port, Arena const& arena, StagePlace const& place, std::size_t messages);
};

}  // namespace aureole
