#include "parallel/engine/engine.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/ops/norm.hpp"
#include "core/optim/update.hpp"
#include "core/tensor/philox.hpp"
#include "parallel/program/draw.hpp"
#include "parallel/schedule/lower.hpp"

namespace aureole {

namespace {

constexpr auto norm_scratch = "optimizer/norm_scratch";

StagedGraph cut_or_whole(Graph graph, PipelineGrid const& grid) {
    if (grid.stages() > 1) { return cut(graph, grid.first_units()); }
    StagedGraph whole;
    whole.stages.push_back(std::move(graph));
    return whole;
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
    return micro_batches == 1 && !keep_gradients && !optimizer.clip_norm && grid.stages() == 1 &&
           schedule.rows.empty() && optimizer_shards() == 1;
}

int EngineSpec::optimizer_shards() const {
    return shard_optimizer ? grid.ranks_of(grid.place(rank).row) * grid.replicas() : 1;
}

Engine::Engine(EngineSpec spec) : spec_(std::move(spec)), layout_(spec_.guard ? red_zone : 0) {
    require(spec_.micro_batches % spec_.grid.replicas() == 0, "{} micro-batches for {} replicas", spec_.micro_batches,
            spec_.grid.replicas());
    require(spec_.runs_in_one_go() ? spec_.grid.rows() == 1 && spec_.grid.stages() == 1
                                   : static_cast<int>(spec_.schedule.rows.size()) == spec_.grid.rows(),
            "a schedule of {} rows for {}", spec_.schedule.rows.size(), spec_.grid.rows());
    if (spec_.updates_in_graph()) { insert_updates(spec_.train, spec_.optimizer); }
    spec_.tiling.defer_gradients = !spec_.updates_in_graph();
    train_ = plan_stages(std::move(spec_.train), true);
    if (spec_.eval) { eval_ = plan_stages(std::move(*spec_.eval), false); }
    for (auto const* const stages : {&train_, &eval_}) {
        for (auto const& stage : *stages) { stage->program().add_persistent(layout_); }
    }
    if (spec_.updates_in_graph()) { return; }  // slots are state of the graph
    buckets_ = plan_gradient_buckets();
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
    if (spec_.runs_in_one_go()) { return frames; }
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
    options.guard = spec_.guard;
    options.keep_gradients = !spec_.updates_in_graph();
    options.gradients_until_end = !spec_.updates_in_graph();
    if (spec_.runs_in_one_go()) { return options; }
    options.frames = frames(spec_.schedule, 0, stage);
    bool const parted = std::any_of(row().begin(), row().end(), [stage](Instruction const& each) {
        return each.stage == stage && (each.op == Op::input_gradient || each.op == Op::weight_gradient);
    });
    options.segments = parted ? std::vector{Segment::forward, Segment::input_gradient, Segment::weight_gradient}
                              : std::vector{Segment::forward, Segment::backward};
    return options;
}

/// What a stage leaves for later ones is in its frame, which outlives the stages between.
ProgramOptions Engine::eval_options() const {
    ProgramOptions options;
    options.kernels = spec_.kernels;
    options.guard = spec_.guard;
    if (spec_.grid.stages() > 1) { options.segments = {Segment::forward}; }
    return options;
}

/// A gradient of which every tile has a part is summed over all ranks of its stage, others over replicas.
std::vector<GradientBucket> Engine::plan_gradient_buckets() const {
    std::map<std::string, GradientSummand> summands;
    for (std::size_t stage = 0; stage < train_.size(); ++stage) {
        LocalGraph const& local = train_[stage]->program().local();
        for (std::size_t i = 0; i < local.graph.values().size(); ++i) {
            ValueId const gradient = local.graph.gradient_of(static_cast<ValueId>(i));
            if (gradient == none) { continue; }
            auto const step = static_cast<std::size_t>(local.graph.value(gradient).producer);
            std::string const& parameter = local.graph.values()[i].name;
            summands[Program::gradient_name(parameter)] = {stage, step, local.partial_gradients.count(gradient) != 0,
                                                           &layout_.find(parameter), nullptr};
        }
    }
    std::vector<GradientSummand> in_memory_order;
    for (Persistent const& entry : layout_.entries()) {
        auto const found = summands.find(entry.name);
        if (found == summands.end()) { continue; }
        found->second.gradient = &entry;
        in_memory_order.push_back(found->second);
    }
    return plan_buckets(in_memory_order);
}

/// As the ranks of stage_ranks_ are numbered.
int Engine::place_among_shards() const { return place().tile * spec_.grid.replicas() + place().replica; }

/// Elements of a parameter whose slots are here; none: all.
std::optional<Elements> Engine::updated_part(std::string const& parameter) const {
    if (spec_.optimizer_shards() == 1) { return {}; }
    Persistent const& gradient = layout_.find(Program::gradient_name(parameter));
    return owned_elements(buckets_, gradient, place_among_shards(), spec_.optimizer_shards());
}

void Engine::add_optimizer_slots() {
    std::vector<OptimizedTensor> trained;
    for (auto const& stage : train_) {
        Graph const& graph = stage->program().graph();
        for (std::size_t i = 0; i < graph.values().size(); ++i) {
            Value const& value = graph.values()[i];
            if (graph.gradient_of(static_cast<ValueId>(i)) == none) { continue; }
            Persistent entry{"",  Persistent::Kind::slot, TensorSpec::whole(value.type.dtype, value.type.shape), 0, {},
                             true};
            entry.part = updated_part(value.name);
            for (std::string_view const slot : optimizer_slots(spec_.optimizer)) {
                entry.name = slot_name(slot, value.name);
                layout_.add(entry);
            }
            Tensor const shape_only{nullptr, value.type.dtype, entry.local()};
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
    use.red_zones = layout_.red_zones();
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

MemorySplit Engine::memory_split() const {
    MemorySplit split;
    Program const* hungriest = nullptr;  // stages take turns in the transient part
    for (auto const& stage : train_) {
        Program const& program = stage->program();
        MemorySplit const of_frame = program.frame_split();
        for (int frame = 0; frame < program.frames(); ++frame) { split += of_frame; }
        bool const more = hungriest == nullptr || program.transient_bytes() >= hungriest->transient_bytes();
        if (more) { hungriest = &program; }
    }
    if (hungriest != nullptr) { split += hungriest->transient_split(); }
    return split;
}

Box Engine::read_box(ValueId input, bool training) const {
    Box all;
    for (auto const& stage : training ? train_ : eval_) {
        Program const& program = stage->program();
        if (program.memory().value_offset[static_cast<std::size_t>(input)] == MemoryPlan::unplaced) { continue; }
        all = bounding_box(all, program.spec(input).box);
    }
    return all;
}

void Engine::allocate(std::uint64_t seed, Comm const* comm) {
    require(spec_.grid.ranks() == (comm == nullptr ? 1 : comm->size()), "a grid of {} ranks on {} processes",
            spec_.grid.ranks(), comm == nullptr ? 1 : comm->size());
    world_ = comm;
    if (comm != nullptr) { split_ranks(*comm); }
    arena_.emplace(memory().total(), spec_.guard ? Arena::Guard::on : Arena::Guard::off);
    int row_tag = 0, pipeline_tag = 0;
    bind_programs(train_, row_tag, pipeline_tag);
    bind_programs(eval_, row_tag, pipeline_tag);
    bind_optimizer();
    if (comm != nullptr) { bind_gradient_sums(); }
    if (spec_.optimizer_shards() > 1) { bind_shares(); }
    bind_running();
    draw_parameters(seed);
}

void Engine::split_ranks(Comm const& comm) {
    PipelineGrid::Place const here = place();
    int const row_of_replica = here.replica * spec_.grid.rows() + here.row;
    row_.emplace(comm.split(row_of_replica, comm.rank()));
    pipeline_.emplace(comm.split(here.replica, comm.rank()));
    stage_ranks_.emplace(comm.split(here.row, place_among_shards()));
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
    return arena_->tensor(entry.offset, entry.spec.dtype, entry.local());
}

std::vector<double> Engine::gather(Persistent const& entry) const {
    bool const is_first = place_among_shards() == 0;
    if (!entry.part) { return is_first ? read_values(tensor(entry)) : std::vector<double>{}; }
    std::vector<double> values = read_values(tensor(entry));
    if (!is_first) {
        stage_ranks_->send(&*entry.part, sizeof(Elements), 0);
        stage_ranks_->send(values.data(), values.size() * sizeof(double), 0);
        return {};
    }
    std::vector<double> whole(static_cast<std::size_t>(entry.spec.global.volume()));
    std::copy(values.begin(), values.end(), whole.begin() + entry.part->first);
    for (int rank = 1; rank < stage_ranks_->size(); ++rank) {
        Elements part;
        stage_ranks_->receive(&part, sizeof(part), rank);
        stage_ranks_->receive(whole.data() + part.first, static_cast<std::size_t>(part.count) * sizeof(double), rank);
    }
    return whole;
}

void Engine::write(Persistent const& entry, std::vector<double> const& whole) const {
    if (!entry.part) {
        write_values(whole, tensor(entry));
        return;
    }
    auto const first = whole.begin() + entry.part->first;
    write_values(std::vector<double>(first, first + entry.part->count), tensor(entry));
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
            if (std::optional<Elements> const part = updated_part(value.name)) {
                if (part->count == 0) { continue; }
                each.w = flat_part(each.w, *part);
                each.dw = flat_part(each.dw, *part);
            }
            for (std::string_view const slot : optimizer_slots(spec_.optimizer)) {
                each.slots.push_back(tensor(layout_.find(slot_name(slot, value.name))));
            }
            optimized_.push_back(std::move(each));
        }
    }
}

void Engine::bind_gradient_sums() {
    reduction_.bind(buckets_, *arena_, {&*stage_ranks_, &*replicas_},
                    spec_.optimizer_shards() > 1 ? GradientSum::share : GradientSum::whole);
}

/// What its owner has updated goes to all ranks of the stage; sums too, where whole gradients are asked for.
void Engine::bind_shares() {
    parameters_.clear();
    gradients_.clear();
    for (GradientBucket const& each : buckets_) {
        std::vector<Elements> const shares = shares_of(each.elements, each.dtype, spec_.optimizer_shards());
        parameters_.add(*stage_ranks_, arena_->tensor(each.parameters, each.dtype, each.shape()), shares);
        if (!spec_.keep_gradients) { continue; }
        gradients_.add(*stage_ranks_, arena_->tensor(each.gradients, each.dtype, each.shape()), shares);
    }
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

double Engine::seconds_communicating() const {
    double seconds = reduction_.seconds() + gradients_.seconds() + parameters_.seconds();
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
        bool const counts = spec_.optimizer_shards() > 1 || place_among_shards() == 0;  // otherwise all have the same
        std::vector<double> square{mine * mine};
        sum_over_ranks(square, counts);
        result.gradient_norm = std::sqrt(square[0]);
        if (result.gradient_norm > *spec_.optimizer.clip_norm) {
            scale = *spec_.optimizer.clip_norm / result.gradient_norm;
        }
    }
    optimizer_step(optimized_, spec_.optimizer, learning_rate, step, scale);
    parameters_.run();
    check_guard("the optimizer's update");
    return result;
}

void Engine::check_guard(std::string_view what) const {
    if (arena_->guard() != nullptr) {
        arena_->guard()->check([&] { return std::string(what); });
    }
}

}  // namespace aureole
