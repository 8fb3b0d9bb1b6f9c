// Engine: a batch on its way through this rank's row.
#include <algorithm>
#include <cmath>

#include "core/tensor/arena.hpp"
#include "parallel/engine/engine.hpp"
#include "parallel/schedule/operation.hpp"

namespace aureole {

namespace {

/// Adds those of `losses` that a program computes.
void add_losses(Program const& program, int frame, std::vector<ValueId> const& losses, std::vector<double>& sums) {
    std::vector<Value> const& values = program.graph().values();
    for (std::size_t i = 0; i < losses.size(); ++i) {
        auto const id = static_cast<std::size_t>(losses[i]);
        if (id >= values.size() || values[id].role != Role::loss) { continue; }
        sums[i] += read_values(program.tensor(losses[i], frame))[0];
    }
}

/// Sum of the losses that a program computes; 0 where it computes none.
double loss_of(Program const& program, int frame) {
    double loss = 0;
    Graph const& graph = program.graph();
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        if (graph.values()[i].role != Role::loss) { continue; }
        loss += read_values(program.tensor(static_cast<ValueId>(i), frame))[0];
    }
    return loss;
}

}  // namespace

/// A batch on its way through this rank's row.
struct Engine::Walk {
    Walk(RunContext const& of_batch, Load const& load_inputs) : context(of_batch), load(load_inputs) {}
    RunContext context;
    Load const& load;
    double loss = 0;
    std::map<int, int> input_gradients, weight_gradients;  ///< done so far, by stage
};

std::size_t Engine::position_of(int stage) const {
    for (std::size_t i = 0; i < train_.size(); ++i) {
        if (train_[i]->stage() == stage) { return i; }
    }
    fail(ExitCode::internal, "stage {} is not on this rank", stage);
}

double Engine::run_batch(RunContext const& context, Load const& load) {
    Walk walk(context, load);
    times_.clear();
    for (auto const& stage : train_) { stage->program().record_steps(records_operators_); }
    records_operators_ = false;
    batch_begin_ = Clock::now();
    begin_running();
    for (auto const& stage : train_) { stage->watch_messages(arena_->guard(), true); }
    if (spec_.runs_in_one_go()) {
        run_in_one_go(walk);
    } else {
        for (Instruction const& each : row()) {
            double const begin = seconds_since(batch_begin_);
            try {
                execute(each, walk);
                check_guard("the instruction");
            } catch (Error const& error) { fail(error.code(), "{}: {}", notation(each), error.what()); }
            times_.push_back({each, begin, seconds_since(batch_begin_)});
        }
        for (auto const& stage : train_) {
            for (int frame = 0; frame < stage->program().frames(); ++frame) { stage->finish_sends(frame); }
        }
    }
    for (auto const& stage : train_) { stage->watch_messages(arena_->guard(), false); }
    gradient_sums_.begin = Clock::now();
    reduction_.finish();
    gradients_.run();
    gradient_sums_.end = Clock::now();
    check_guard("the sum of gradients");
    combine_running();
    std::vector<double> loss{walk.loss / static_cast<double>(spec_.micro_batches)};
    sum_over_ranks(loss, place().tile == 0);
    return loss[0];
}

std::vector<OperatorEvent> Engine::operator_events() const {
    std::vector<OperatorEvent> events;
    auto const add = [&](std::string const& name, OperatorEvent::Kind kind, StepTime const& time) {
        auto const seconds = [&](Clock::time_point at) {
            return std::chrono::duration<double>(at - batch_begin_).count();
        };
        events.push_back({spec_.rank, name, kind, seconds(time.begin), seconds(time.end), place().replica});
    };
    for (auto const& stage : train_) {
        Program const& program = stage->program();
        for (StepTime const& time : program.recorded()) {
            Step const& step = program.steps()[time.step];
            Node const& node = program.graph().node(step.node);
            bool const sums = node.op->kind() == "all_reduce_begin" || node.op->kind() == "all_reduce_finish";
            add(node.name,
                !step.communicates ? OperatorEvent::Kind::compute
                : sums             ? OperatorEvent::Kind::reduction
                                   : OperatorEvent::Kind::exchange,
                time);
        }
    }
    if (!events.empty() && reduction_.buckets() > 0) {
        add("sums of gradients", OperatorEvent::Kind::reduction, gradient_sums_);
    }
    return events;
}

void Engine::run_in_one_go(Walk& walk) {
    auto const parts = static_cast<int>(spec_.own_micro_batches());
    for (int part = 0; part < parts; ++part) {
        RunContext context = context_of(part, walk);
        context.accumulate = part > 0;
        walk.load(train(), 0, number_of(part));
        train().run(context, part + 1 == parts ? after_steps_of(0) : Program::AfterStep{});
        walk.loss += loss_of(train(), 0);
    }
}

/// What the last backward pass of a stage has completed begins to be summed.
Program::AfterStep Engine::after_steps_of(std::size_t stage) {
    if (reduction_.buckets() == 0) { return {}; }
    return [this, stage](std::size_t step) { reduction_.step_done(stage, step); };
}

Index Engine::number_of(int micro_batch) const { return place().replica * spec_.own_micro_batches() + micro_batch; }

RunContext Engine::context_of(int micro_batch, Walk const& walk) const {
    RunContext context = walk.context;
    context.first_sample = number_of(micro_batch) * spec_.micro_samples;
    return context;
}

void Engine::execute(Instruction const& instruction, Walk& walk) {
    if (instruction.op == Op::reduce || instruction.op == Op::update || instruction.op == Op::flip) { return; }
    std::size_t const position = position_of(instruction.stage);
    StageProgram& stage = *train_[position];
    int const micro_batch = instruction.micro_batch;
    switch (instruction.op) {
        case Op::forward: run_forward(instruction, stage, walk); break;
        case Op::backward:
        case Op::input_gradient:
        case Op::weight_gradient: run_backward(instruction, position, walk); break;
        case Op::receive_activation:
            stage.finish_sends(stage.frame_of(micro_batch));
            stage.receive(instruction.peer, false, micro_batch);
            break;
        case Op::receive_gradient: stage.receive(instruction.peer, true, micro_batch); break;
        case Op::send_activation: stage.send(instruction.peer, false, micro_batch); break;
        case Op::send_gradient: stage.send(instruction.peer, true, micro_batch); break;
        default: break;
    }
}

void Engine::run_forward(Instruction const& instruction, StageProgram& stage, Walk& walk) {
    int const micro_batch = instruction.micro_batch, frame = stage.frame_of(micro_batch);
    stage.finish_sends(frame);
    for (auto const& other : train_) {  // earlier stages of this row still hold what this one reads
        if (other->stage() < stage.stage()) { stage.take(other->stage(), false, micro_batch); }
    }
    walk.load(stage.program(), frame, number_of(micro_batch));
    stage.program().run(Segment::forward, frame, context_of(micro_batch, walk));
    stage.expect_gradients(micro_batch);
    walk.loss += loss_of(stage.program(), frame);
}

void Engine::run_backward(Instruction const& instruction, std::size_t position, Walk& walk) {
    StageProgram const& stage = *train_[position];
    int const frame = stage.frame_of(instruction.micro_batch);
    Program const& program = stage.program();
    RunContext context = context_of(instruction.micro_batch, walk);
    auto const after = [&](int done) {
        return done == static_cast<int>(spec_.own_micro_batches()) ? after_steps_of(position) : Program::AfterStep{};
    };
    bool const parted = program.has(Segment::weight_gradient);
    if (instruction.op != Op::weight_gradient) {
        context.accumulate = walk.input_gradients[stage.stage()]++ > 0;
        program.run(parted ? Segment::input_gradient : Segment::backward, frame, context,
                    parted ? Program::AfterStep{} : after(walk.input_gradients[stage.stage()]));
        for (auto const& other : train_) {  // they take the gradient before this frame is used again
            if (other->stage() < stage.stage()) { other->take(stage.stage(), true, instruction.micro_batch); }
        }
    }
    if (instruction.op != Op::input_gradient && parted) {
        context.accumulate = walk.weight_gradients[stage.stage()]++ > 0;
        program.run(Segment::weight_gradient, frame, context, after(walk.weight_gradients[stage.stage()]));
    }
}

std::vector<double> Engine::run_eval(RunContext const& context, Load const& load, std::vector<ValueId> const& losses) {
    std::vector<double> sums(losses.size(), 0);
    for (auto const& stage : eval_) { stage->watch_messages(arena_->guard(), true); }
    for (std::size_t i = 0; i < eval_.size(); ++i) {
        StageProgram& stage = *eval_[i];
        for (int peer = 0; peer < stage.stage(); ++peer) {
            stage.receive(peer, false, 0);
            stage.take(peer, false, 0);
        }
        load(stage.program(), 0, 0);
        stage.program().run(context);
        add_losses(stage.program(), 0, losses, sums);
        for (int peer = stage.stage() + 1; peer < spec_.grid.stages(); ++peer) { stage.send(peer, false, 0); }
    }
    for (auto const& stage : eval_) {
        stage->finish_sends(0);
        stage->watch_messages(arena_->guard(), false);
    }
    check_guard("an evaluation");
    // every replica has evaluated the same samples
    sum_over_ranks(sums, place().tile == 0 && place().replica == 0);
    return sums;
}

void Engine::sum_over_ranks(std::vector<double>& mine, bool counts) const {
    if (world_ == nullptr) { return; }
    if (!counts) { std::fill(mine.begin(), mine.end(), 0.0); }
    world_->sum(mine.data(), mpi_count(mine.size()));
}

/// After the micro-batches 0 ... M - 1 a running statistic is (1 - m)^M r + sum over i of (1 - m)^(M - 1 - i) m s_i.
/// The sum is parted among the replicas; the first has the old value too.
void Engine::begin_running() {
    if (place().replica == 0) { return; }
    for (Running const& each : running_) { zero(each.tensor); }
}

void Engine::combine_running() {
    if (running_.empty()) { return; }
    std::vector<double> all;
    auto const later = static_cast<double>((spec_.grid.replicas() - 1 - place().replica) * spec_.own_micro_batches());
    for (Running const& each : running_) {
        double const kept = std::pow(1 - each.momentum, later);
        for (double const value : read_values(each.tensor)) { all.push_back(kept * value); }
    }
    replicas_->sum(all.data(), mpi_count(all.size()));
    auto next = all.begin();
    for (Running const& each : running_) {
        auto const count = static_cast<std::ptrdiff_t>(each.tensor.shape.volume());
        write_values(std::vector<double>(next, next + count), each.tensor);
        next += count;
    }
}

}  // namespace aureole
