#include "unit_tests/parallel/schedule/executor.hpp"

#include <map>
#include <tuple>

namespace aureole::test {

namespace {

using Number = std::uint64_t;

Number mix(Number a, Number b) {
    Number x = a * 0x9E3779B97F4A7C15ULL + b + 0x632BE59BD9B4E19DULL;
    x ^= x >> 29U;
    x *= 0xBF58476D1CE4E5B9ULL;
    return x ^ (x >> 32U);
}

/// Arithmetic of stages: any change of an input, its order or the weights changes the result.
Number forward_of(int stage, int micro_batch, Number weights, std::map<int, Number> const& inputs) {
    Number x = mix(static_cast<Number>(stage), static_cast<Number>(micro_batch));
    x = mix(x, weights);
    for (auto const& [from, value] : inputs) { x = mix(mix(x, static_cast<Number>(from)), value); }
    return x;
}

Number gradient_of(Number output, Number weights, std::map<int, Number> const& gradients) {
    Number x = mix(output, weights);
    for (auto const& [to, value] : gradients) { x = mix(mix(x, static_cast<Number>(to)), value); }
    return x;
}

Number initial_weights(int stage) { return mix(77, static_cast<Number>(stage)); }
/// Sums of gradients do not depend on their order.
Number updated(Number weights, Number gradients) { return mix(weights, gradients); }

/// Activations of one micro-batch on one stage.
struct Frame {
    std::map<int, Number> inputs;     ///< by the stage they come from
    std::map<int, Number> gradients;  ///< by the stage they come from
    Number output = 0, gradient = 0;
};

struct Stage {
    std::map<int, Frame> frames;     ///< by slot
    std::map<int, Number> versions;  ///< of weights, by slot
    Number newest = 0, sum = 0, reduced = 0;
    std::map<int, int> slot_of;  ///< by micro-batch: what neighbours on the same row look up
};

class Executor {
  public:
    Executor(Schedule const& schedule, std::span<Link const> links) : schedule_(schedule), links_(links) {
        for (int i = 0; i < schedule.stages; ++i) {
            Stage& stage = stages_.emplace_back();
            stage.newest = initial_weights(i);
            for (int slot = 0; slot < schedule.versions; ++slot) { stage.versions[slot] = stage.newest; }
        }
    }

    std::optional<Weights> run() {
        std::vector<std::size_t> done(schedule_.rows.size(), 0);
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t row = 0; row < done.size(); ++row) {
                while (done[row] < schedule_.rows[row].size() && act(schedule_.rows[row][done[row]])) {
                    ++done[row];
                    moved = true;
                }
            }
        }
        for (std::size_t row = 0; row < done.size(); ++row) {
            if (done[row] < schedule_.rows[row].size()) { return std::nullopt; }
        }
        if (!channels_.empty()) { return std::nullopt; }
        Weights weights;
        for (Stage const& stage : stages_) { weights.push_back(stage.newest); }
        return weights;
    }

  private:
    Schedule const& schedule_;
    std::span<Link const> links_;
    std::vector<Stage> stages_;
    /// By kind (activation or not), sender, receiver and micro-batch.
    std::map<std::tuple<bool, int, int, int>, Number> channels_;

    Stage& stage(int i) { return stages_[static_cast<std::size_t>(i)]; }
    [[nodiscard]] bool are_neighbours(int a, int b) const { return schedule_.row_of(0, a) == schedule_.row_of(0, b); }
    Frame& frame_of(int i, int micro_batch) { return stage(i).frames[stage(i).slot_of[micro_batch]]; }

    /// False: it has to wait.
    bool act(Instruction const& one) {
        Stage& mine = stage(one.stage);
        Frame& frame = mine.frames[one.buffer];
        bool const is_activation = one.op == Op::send_activation || one.op == Op::receive_activation;
        switch (one.op) {
            case Op::forward: forward(one, frame); return true;
            case Op::backward: input_gradient(one, frame); [[fallthrough]];
            case Op::weight_gradient: mine.sum += mix(frame.gradient, 3); return true;
            case Op::input_gradient: input_gradient(one, frame); return true;
            case Op::send_activation:
            case Op::send_gradient:
                channels_[{is_activation, one.stage, one.peer, one.micro_batch}] =
                    is_activation ? frame.output : frame.gradient;
                return true;
            case Op::receive_activation:
            case Op::receive_gradient: return receive(one, is_activation ? frame.inputs : frame.gradients);
            case Op::reduce: mine.reduced = mine.sum; return true;
            case Op::update:
                mine.newest = mine.versions[one.version] = updated(mine.newest, mine.reduced);
                mine.sum = mine.reduced = 0;
                return true;
            case Op::flip: return true;
        }
        return true;
    }

    bool receive(Instruction const& one, std::map<int, Number>& values) {
        auto const found = channels_.find({one.op == Op::receive_activation, one.peer, one.stage, one.micro_batch});
        if (found == channels_.end()) { return false; }
        values[one.peer] = found->second;
        channels_.erase(found);
        return true;
    }

    void forward(Instruction const& one, Frame& frame) {
        stage(one.stage).slot_of[one.micro_batch] = one.buffer;
        for (Link const& link : links_) {
            if (link.to == one.stage && are_neighbours(link.from, link.to)) {
                frame.inputs[link.from] = frame_of(link.from, one.micro_batch).output;
            }
        }
        frame.output = forward_of(one.stage, one.micro_batch, stage(one.stage).versions[one.version], frame.inputs);
        frame.inputs.clear();
    }

    void input_gradient(Instruction const& one, Frame& frame) {
        frame.gradient = gradient_of(frame.output, stage(one.stage).versions[one.version], frame.gradients);
        frame.gradients.clear();
        for (Link const& link : links_) {
            if (link.to == one.stage && are_neighbours(link.from, link.to)) {
                frame_of(link.from, one.micro_batch).gradients[link.to] = frame.gradient;
            }
        }
    }
};

}  // namespace

std::optional<Weights> execute(Schedule const& schedule, std::span<Link const> links) {
    return Executor(schedule, links).run();
}

Weights execute_plainly(int stages, int micro_batches, std::span<Link const> links) {
    std::vector<Number> sums(static_cast<std::size_t>(stages), 0);
    for (int i = 0; i < micro_batches; ++i) {
        std::map<int, Number> outputs, gradients;
        for (int stage = 0; stage < stages; ++stage) {
            std::map<int, Number> inputs;
            for (Link const& link : links) {
                if (link.to == stage) { inputs[link.from] = outputs[link.from]; }
            }
            outputs[stage] = forward_of(stage, i, initial_weights(stage), inputs);
        }
        for (int stage = stages - 1; stage >= 0; --stage) {
            std::map<int, Number> inputs;
            for (Link const& link : links) {
                if (link.from == stage) { inputs[link.to] = gradients[link.to]; }
            }
            gradients[stage] = gradient_of(outputs[stage], initial_weights(stage), inputs);
            sums[static_cast<std::size_t>(stage)] += mix(gradients[stage], 3);
        }
    }
    Weights weights;
    for (int stage = 0; stage < stages; ++stage) {
        weights.push_back(updated(initial_weights(stage), sums[static_cast<std::size_t>(stage)]));
    }
    return weights;
}

}  // namespace aureole::test
