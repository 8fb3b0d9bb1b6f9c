#include "parallel/program/engine.hpp"

#include <chrono>
#include <cmath>
#include <numeric>
#include <set>

#include "core/ops/norm.hpp"
#include "core/optim/update.hpp"
#include "core/tensor/philox.hpp"
#include "parallel/program/draw.hpp"
#include "parallel/schedule/operation.hpp"

namespace aureole {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto norm_scratch = "optimizer/norm_scratch";

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// One micro-batch after the other, forward and backward in one go.
bool in_one_go(EngineSpec const& spec) { return spec.schedule.rows.empty(); }

bool computes(Op op) {
    return op == Op::forward || op == Op::backward || op == Op::input_gradient || op == Op::weight_gradient;
}

StagedGraph cut_or_whole(Graph graph, PipelineGrid const& grid) {
    if (grid.stages() > 1) { return cut(graph, grid.first_units()); }
    StagedGraph whole;
    whole.stages.push_back(std::move(graph));
    return whole;
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

/// Attributes of an operator that updates running statistics.
std::optional<NormAttributes> running_norm(Operator const& op) {
    if (op.kind() == "norm_statistics") { return static_cast<NormStatistics const&>(op).attributes(); }
    if (op.kind() == "norm_finish") { return static_cast<NormFinish const&>(op).attributes(); }
    return {};
}

/// Those of `ids` that the graph makes or reads.
std::vector<ValueId> known_of(Graph const& graph, std::vector<ValueId> const& ids) {
    std::set<ValueId> used;
    for (Node const& node : graph.nodes()) {
        used.insert(node.inputs.begin(), node.inputs.end());
        used.insert(node.outputs.begin(), node.outputs.end());
    }
    std::vector<ValueId> known;
    std::copy_if(ids.begin(), ids.end(), std::back_inserter(known), [&](ValueId id) { return used.count(id) != 0; });
    return known;
}

}  // namespace

bool EngineSpec::updates_in_graph() const {
    return micro_batches == 1 && !keep_gradients && !optimizer.clip_norm && grid.stages() == 1 && schedule.rows.empty();
}

Engine::Engine(EngineSpec spec) : spec_(std::move(spec)) {
    require(spec_.micro_batches % spec_.grid.replicas() == 0, "{} micro-batches for {} replicas", spec_.micro_batches,
            spec_.grid.replicas());
    require(in_one_go(spec_) ? spec_.grid.rows() == 1 && spec_.grid.stages() == 1
                             : static_cast<int>(spec_.schedule.rows.size()) == spec_.grid.rows(),
            "a schedule of {} rows for {}", spec_.schedule.rows.size(), spec_.grid.rows());
    if (spec_.updates_in_graph()) { insert_updates(spec_.train, spec_.optimizer); }
    spec_.tiling.defer_gradients = !spec_.updates_in_graph();
    train_ = plan_stages(std::move(spec_.train), true);
    if (spec_.eval) { eval_ = plan_stages(std::move(*spec_.eval), false); }
    for (auto const* const stages : {&train_, &eval_}) {
        for (auto const& stage : *stages) { stage->program().add_persistent(layout_); }
    }
    add_optimizer_slots();
}

std::vector<Instruction> const& Engine::row() const {
    return spec_.schedule.rows[static_cast<std::size_t>(place().row)];
}

/// This rank's programs of all stages of its row, with their messages.
std::vector<std::unique_ptr<StageProgram>> Engine::plan_stages(Graph graph, bool training) const {
    StagedGraph const staged = cut_or_whole(std::move(graph), spec_.grid);
    PipelineGrid::Place const here = place();
    std::vector<std::unique_ptr<StageProgram>> mine;
    std::vector<LocalGraph> others;
    others.reserve(static_cast<std::size_t>(spec_.grid.stages()));
    std::vector<LocalGraph const*> locals;
    for (int stage = 0; stage < spec_.grid.stages(); ++stage) {
        bool const is_mine = spec_.grid.row_of(stage) == here.row;
        LocalGraph local = tile(staged.stages[static_cast<std::size_t>(stage)], spec_.grid.stage(stage).tiles,
                                is_mine ? here.tile : 0, spec_.tiling);
        if (!is_mine) {
            others.push_back(std::move(local));
            locals.push_back(&others.back());
            continue;
        }
        ProgramOptions options = training ? train_options(stage) : eval_options();
        options.keep = known_of(local.graph, training ? spec_.keep : spec_.eval_keep);
        for (Crossing const& each : staged.crossings) {
            if (each.from == stage) { options.keep.push_back(each.value); }
        }
        mine.push_back(std::make_unique<StageProgram>(stage, std::move(local), options,
                                                      training ? frames_of(stage) : std::vector<int>{0}));
        locals.push_back(&mine.back()->program().local());
    }
    std::vector<HandOver> const hand_overs = plan_hand_overs(staged, locals, spec_.grid);
    std::vector<StageProgram const*> neighbours;
    for (auto const& each : mine) { neighbours.push_back(each.get()); }
    for (auto const& each : mine) {
        each->connect(hand_overs, spec_.grid, spec_.rank % spec_.grid.ranks_per_replica(), neighbours);
    }
    return mine;
}

/// Frame by micro-batch.
std::vector<int> Engine::frames_of(int stage) const {
    std::vector<int> frames(static_cast<std::size_t>(spec_.own_micro_batches()), 0);
    if (in_one_go(spec_)) { return frames; }
    for (Instruction const& each : row()) {
        if (each.stage == stage && each.op == Op::forward) {
            frames.at(static_cast<std::size_t>(each.micro_batch)) = each.buffer;
        }
    }
    return frames;
}

ProgramOptions Engine::train_options(int stage) const {
    ProgramOptions options;
    options.kernels = spec_.kernels;
    options.keep_gradients = !spec_.updates_in_graph();
    options.gradients_until_end = !spec_.updates_in_graph();
    if (in_one_go(spec_)) { return options; }
    bool parted = false;
    for (Instruction const& each : row()) {
        if (each.stage != stage || !computes(each.op)) { continue; }
        parted = parted || each.op == Op::input_gradient || each.op == Op::weight_gradient;
        options.frames = std::max(options.frames, each.buffer + 1);
    }
    options.segments = parted ? std::vector{Segment::forward, Segment::input_gradient, Segment::weight_gradient}
                              : std::vector{Segment::forward, Segment::backward};
    return options;
}

/// What a stage leaves for later ones is in its frame, which outlives the stages between.
ProgramOptions Engine::eval_options() const {
    ProgramOptions options;
    options.kernels = spec_.kernels;
    if (spec_.grid.stages() > 1) { options.segments = {Segment::forward}; }
    return options;
}

void Engine::add_optimizer_slots() {
    if (spec_.updates_in_graph()) { return; }  // their slots are state of the graph
    std::vector<OptimizedTensor> trained;
    for (auto const& stage : train_) {
        Graph const& graph = stage->program().graph();
        for (std::size_t i = 0; i < graph.values().size(); ++i) {
            Value const& value = graph.values()[i];
            if (graph.gradient_of(static_cast<ValueId>(i)) == none) { continue; }
            TensorSpec const spec = TensorSpec::whole(value.type.dtype, value.type.shape);
            for (std::string_view const slot : optimizer_slots(spec_.optimizer)) {
                layout_.add({slot_name(slot, value.name), Persistent::Kind::slot, spec, 0, {}, true});
            }
            Tensor const shape_only{nullptr, value.type.dtype, spec.local()};
            trained.push_back({shape_only, shape_only, {}, value.decay});
        }
    }
    if (spec_.optimizer.clip_norm) {
        auto const doubles = static_cast<Index>(gradient_norm_workspace(trained) / sizeof(double));
        layout_.add({norm_scratch,
                     Persistent::Kind::gradient,
                     TensorSpec::whole(DType::f64, {1, 1, 1, 1, doubles}),
                     0,
                     {},
                     true});
    }
}

MemoryUse Engine::memory() const {
    MemoryUse use;
    use.parameters = layout_.bytes_of(Persistent::Kind::parameter);
    use.state = layout_.bytes_of(Persistent::Kind::state);
    use.optimizer = layout_.bytes_of(Persistent::Kind::slot);
    use.gradients = layout_.bytes_of(Persistent::Kind::gradient);
    std::size_t hungriest = 0;
    for (auto const& stage : train_) {
        Program const& program = stage->program();
        use.frames += stage->frames_bytes();
        use.messages += stage->message_bytes();
        use.train_transient = std::max(use.train_transient, program.transient_bytes());
        use.train_lower_bound = std::max(use.train_lower_bound, program.memory().lower_bound);
        if (program.memory().lower_bound >= hungriest && !program.graph().nodes().empty()) {
            hungriest = program.memory().lower_bound;
            use.peak_node = program.graph().node(static_cast<NodeId>(program.memory().peak_node)).name;
        }
    }
    std::size_t held = 0, transient = 0;
    for (auto const& stage : eval_) {
        held += stage->frames_bytes() + stage->message_bytes();
        transient = std::max(transient, stage->program().transient_bytes());
    }
    use.evaluation = held + transient;
    return use;
}

Box Engine::read_box(ValueId input, bool training) const {
    for (auto const& stage : training ? train_ : eval_) {
        Program const& program = stage->program();
        if (program.memory().value_offset[static_cast<std::size_t>(input)] != MemoryPlan::unplaced) {
            return program.spec(input).box;
        }
    }
    return {};
}

void Engine::allocate(std::uint64_t seed, Comm const* comm) {
    require(spec_.grid.ranks() == (comm == nullptr ? 1 : comm->size()), "a grid of {} ranks on {} processes",
            spec_.grid.ranks(), comm == nullptr ? 1 : comm->size());
    world_ = comm;
    if (comm != nullptr) { split_ranks(*comm); }
    arena_.emplace(memory().total());
    int row_tag = 0, pipeline_tag = 0;
    bind_programs(train_, row_tag, pipeline_tag);
    bind_programs(eval_, row_tag, pipeline_tag);
    bind_optimizer();
    if (comm != nullptr) { bind_gradient_sums(); }
    bind_running();
    draw_parameters(seed);
}

void Engine::split_ranks(Comm const& comm) {
    PipelineGrid::Place const here = place();
    int const row_of_replica = here.replica * spec_.grid.rows() + here.row;
    row_.emplace(comm.split(row_of_replica, comm.rank()));
    pipeline_.emplace(comm.split(here.replica, comm.rank()));
    stage_ranks_.emplace(comm.split(here.row, comm.rank()));
    replicas_.emplace(comm.split(spec_.grid.first_rank_of(here.row) + here.tile, comm.rank()));
}

/// Frames and messages of all stages, then the transient part, in which they take turns. Training and evaluation take
/// turns in all of it.
void Engine::bind_programs(std::vector<std::unique_ptr<StageProgram>> const& stages, int& row_tag, int& pipeline_tag) {
    std::size_t held = layout_.bytes();
    for (auto const& stage : stages) { held += stage->frames_bytes() + stage->message_bytes(); }
    std::size_t next = layout_.bytes();
    for (auto const& stage : stages) {
        stage->program().bind(*arena_, layout_, {held, next}, row_ ? &*row_ : nullptr, row_tag);
        next += stage->frames_bytes();
        row_tag += stage->program().tags();
    }
    int tags = 0;
    for (auto const& stage : stages) {
        stage->bind_messages(*arena_, {next, pipeline_ ? &*pipeline_ : nullptr, pipeline_tag});
        next += stage->message_bytes();
        tags = std::max(tags, stage->tags());
    }
    pipeline_tag += tags;
}

Tensor Engine::tensor(Persistent const& entry) const {
    return arena_->tensor(entry.offset, entry.spec.dtype, entry.spec.local());
}

Tensor Engine::gradient(std::string const& parameter) const {
    return tensor(layout_.find(Program::gradient_name(parameter)));
}

void Engine::bind_optimizer() {
    if (spec_.updates_in_graph()) { return; }
    optimized_.clear();
    for (auto const& stage : train_) {
        Graph const& graph = stage->program().graph();
        for (std::size_t i = 0; i < graph.values().size(); ++i) {
            auto const id = static_cast<ValueId>(i);
            ValueId const gradient = graph.gradient_of(id);
            if (gradient == none) { continue; }
            Value const& value = graph.values()[i];
            OptimizedTensor each{stage->program().tensor(id), stage->program().tensor(gradient), {}, value.decay};
            for (std::string_view const slot : optimizer_slots(spec_.optimizer)) {
                each.slots.push_back(tensor(layout_.find(slot_name(slot, value.name))));
            }
            optimized_.push_back(std::move(each));
        }
    }
}

/// A gradient of which every tile has a part is summed over all ranks of its stage, others over replicas.
void Engine::bind_gradient_sums() {
    std::map<std::string, GradientReduction::Summand> summands;
    for (std::size_t stage = 0; stage < train_.size() && !spec_.updates_in_graph(); ++stage) {
        LocalGraph const& local = train_[stage]->program().local();
        for (std::size_t i = 0; i < local.graph.values().size(); ++i) {
            ValueId const gradient = local.graph.gradient_of(static_cast<ValueId>(i));
            if (gradient == none) { continue; }
            Comm const* const ranks = local.partial_gradients.count(gradient) != 0 ? &*stage_ranks_ : &*replicas_;
            if (ranks->size() == 1) { continue; }
            auto const step = static_cast<std::size_t>(local.graph.value(gradient).producer);
            summands[Program::gradient_name(local.graph.values()[i].name)] = {stage, step, nullptr, ranks};
        }
    }
    std::vector<GradientReduction::Summand> in_memory_order;
    for (Persistent const& entry : layout_.entries()) {
        auto const found = summands.find(entry.name);
        if (found == summands.end()) { continue; }
        found->second.entry = &entry;
        in_memory_order.push_back(found->second);
    }
    reduction_.bind(in_memory_order, *arena_);
}

/// Running statistics, which replicas update from their own micro-batches.
void Engine::bind_running() {
    running_.clear();
    if (spec_.grid.replicas() == 1) { return; }
    for (auto const& stage : train_) {
        Program const& program = stage->program();
        for (Node const& node : program.graph().nodes()) {
            std::optional<NormAttributes> const norm = running_norm(*node.op);
            for (std::size_t i = 0; norm && i < node.inputs.size(); ++i) {
                if (node.op->writes_input(i)) { running_.push_back({program.tensor(node.inputs[i]), norm->momentum}); }
            }
        }
    }
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

double Engine::seconds_communicating() const {
    double seconds = reduction_.seconds();
    for (auto const* const stages : {&train_, &eval_}) {
        for (auto const& stage : *stages) { seconds += stage->seconds_communicating(); }
    }
    return seconds;
}

bool Engine::break_exchange(std::string_view value) {
    bool found = false;
    for (auto const& stage : train_) { found = stage->program().break_exchange(value) || found; }
    return found;
}

std::vector<double> Engine::counts(std::string const& state) const {
    bool const known = layout_.contains(state);
    auto const size = known ? static_cast<double>(layout_.find(state).spec.global.volume()) : 0.0;
    std::vector<double> values(static_cast<std::size_t>(world_ == nullptr ? size : world_->max(size)), 0);
    bool partial = false;
    for (auto const* const stages : {&train_, &eval_}) {
        for (auto const& stage : *stages) {
            partial = partial || stage->program().local().partial_states.count(state) != 0;
        }
    }
    if (known && (partial || place().tile == 0)) { values = read_values(tensor(layout_.find(state))); }
    if (world_ != nullptr) { world_->sum(values.data(), mpi_count(values.size())); }
    return values;
}

void Engine::draw_parameters(std::uint64_t seed) {
    for (Persistent const& entry : layout_.entries()) {
        if (entry.kind == Persistent::Kind::gradient) { continue; }
        draw(tensor(entry), entry.initializer, mix(seed, stream_of(entry.name)));
    }
}

Engine::Update Engine::update(double learning_rate, Index step) {
    Update result;
    if (spec_.updates_in_graph()) { return result; }
    double scale = 1;
    if (spec_.optimizer.clip_norm) {
        double const mine = gradient_norm(optimized_, tensor(layout_.find(norm_scratch)));
        bool const counts = place().tile == 0 && place().replica == 0;
        result.gradient_norm = std::sqrt(sum_over_ranks(mine * mine, counts));
        if (result.gradient_norm > *spec_.optimizer.clip_norm) {
            scale = *spec_.optimizer.clip_norm / result.gradient_norm;
        }
    }
    optimizer_step(optimized_, spec_.optimizer, learning_rate, step, scale);
    return result;
}

double Engine::sum_over_ranks(double mine, bool counts) const {
    if (world_ == nullptr) { return mine; }
    double sum = counts ? mine : 0;
    world_->sum(&sum, 1);
    return sum;
}

// --- walking the row ---

/// A batch on its way through this rank's row.
struct Engine::Walk {
    Walk(RunContext const& of_batch, Load const& load_inputs) : context(of_batch), load(load_inputs) {}
    RunContext context;
    Load const& load;
    Clock::time_point begin = Clock::now();
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
    begin_running();
    if (in_one_go(spec_)) {
        run_in_one_go(walk);
    } else {
        for (Instruction const& each : row()) {
            double const begin = seconds_since(walk.begin);
            try {
                execute(each, walk);
            } catch (Error const& error) { fail(error.code(), "{}: {}", notation(each), error.what()); }
            times_.push_back({each, begin, seconds_since(walk.begin)});
        }
        for (auto const& stage : train_) {
            for (int frame = 0; frame < stage->program().frames(); ++frame) { stage->finish_sends(frame); }
        }
    }
    reduction_.finish();
    combine_running();
    return sum_over_ranks(walk.loss / static_cast<double>(spec_.micro_batches), place().tile == 0);
}

void Engine::run_in_one_go(Walk& walk) {
    Index const first = place().replica * spec_.own_micro_batches();
    for (Index part = 0; part < spec_.own_micro_batches(); ++part) {
        RunContext context = walk.context;
        context.first_sample = (first + part) * spec_.micro_samples;
        context.accumulate = part > 0;
        walk.load(train(), 0, first + part);
        bool const last = part + 1 == spec_.own_micro_batches();
        train().run(context, last ? after_steps_of(0) : Program::AfterStep{});
        walk.loss += loss_of(train(), 0);
    }
}

/// What the last backward pass of a stage has completed begins to be summed.
Program::AfterStep Engine::after_steps_of(std::size_t stage) {
    if (reduction_.buckets() == 0) { return {}; }
    return [this, stage](std::size_t step) { reduction_.step_done(stage, step); };
}

RunContext Engine::context_of(Instruction const& instruction, Walk const& walk) const {
    RunContext context = walk.context;
    Index const first = place().replica * spec_.own_micro_batches();
    context.first_sample = (first + instruction.micro_batch) * spec_.micro_samples;
    return context;
}

void Engine::execute(Instruction const& instruction, Walk& walk) {
    if (instruction.op == Op::reduce || instruction.op == Op::update || instruction.op == Op::flip) { return; }
    StageProgram& stage = *train_[position_of(instruction.stage)];
    int const micro_batch = instruction.micro_batch;
    switch (instruction.op) {
        case Op::forward: run_forward(instruction, stage, walk); break;
        case Op::backward:
        case Op::input_gradient:
        case Op::weight_gradient: run_backward(instruction, stage, walk); break;
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
    walk.load(stage.program(), frame, place().replica * spec_.own_micro_batches() + micro_batch);
    stage.program().run(Segment::forward, frame, context_of(instruction, walk));
    stage.expect_gradients(micro_batch);
    walk.loss += loss_of(stage.program(), frame);
}

void Engine::run_backward(Instruction const& instruction, StageProgram& stage, Walk& walk) {
    int const frame = stage.frame_of(instruction.micro_batch);
    Program const& program = stage.program();
    RunContext context = context_of(instruction, walk);
    std::size_t const position = position_of(stage.stage());
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

double Engine::run_eval(RunContext const& context, Load const& load) {
    double loss = 0;
    for (std::size_t i = 0; i < eval_.size(); ++i) {
        StageProgram& stage = *eval_[i];
        for (int peer = 0; peer < stage.stage(); ++peer) {
            stage.receive(peer, false, 0);
            stage.take(peer, false, 0);
        }
        load(stage.program(), 0, 0);
        stage.program().run(context);
        loss += loss_of(stage.program(), 0);
        for (int peer = stage.stage() + 1; peer < spec_.grid.stages(); ++peer) { stage.send(peer, false, 0); }
    }
    for (auto const& stage : eval_) { stage->finish_sends(0); }
    // every replica has evaluated the same samples
    return sum_over_ranks(loss, place().tile == 0 && place().replica == 0);
}

}  // namespace aureole
