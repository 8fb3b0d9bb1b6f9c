#include "parallel/program/program.hpp"

#include <algorithm>
#include <map>

#include "core/tensor/philox.hpp"

namespace aureole {

namespace {

/// A reduction on a rank that has no pixels: sums are zero.
class NothingToAdd : public Kernel {
  public:
    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> /*inputs*/,
             std::byte* /*workspace*/) const override {
        if (context.accumulate) { return; }
        for (Tensor const& output : outputs) { zero(output); }
    }
};

/// A tile that is taken for the whole image.
TensorSpec as_whole_image(TensorSpec const& tile) {
    TensorSpec whole = TensorSpec::whole(tile.dtype, tile.local());
    if (!tile.within) { return whole; }
    whole.within = relative_to(*tile.within, tile.box);
    return whole;
}

/// More ranks than pixels: this one has none to compute, or none to add up.
bool has_no_pixels(Operator const& op, KernelRequest const& request) {
    int const reduced = op.reduced_input();
    if (reduced >= 0) { return request.inputs[static_cast<std::size_t>(reduced)].box.empty(); }
    auto const is_empty = [](TensorSpec const& spec) { return spec.box.empty(); };
    return !request.outputs.empty() && std::all_of(request.outputs.begin(), request.outputs.end(), is_empty);
}

}  // namespace

Program::Program(LocalGraph graph, ProgramOptions const& options) : local_(std::move(graph)), options_(options) {
    order_by_segment();
    plan_kernels();
    choose_strided();
    plan_memory_of_values();
}

/// Position in ProgramOptions::segments of what is done in a phase; 0 where all runs as one.
int Program::position_of(Phase phase) const {
    if (phase == Phase::forward || options_.segments.empty()) { return 0; }
    int const last = static_cast<int>(options_.segments.size()) - 1;
    return phase == Phase::weight_gradient ? last : std::min(1, last);
}

/// A node belongs to the segment of its phase, or to an earlier one that needs its result.
void Program::order_by_segment() {
    if (options_.segments.empty()) { return; }
    std::vector<Node> const& nodes = graph().nodes();
    std::vector<int> of_value(graph().values().size(), static_cast<int>(options_.segments.size()));
    std::vector<int> of_node(nodes.size());
    for (std::size_t i = nodes.size(); i-- > 0;) {
        int segment = position_of(nodes[i].phase);
        for (ValueId const id : nodes[i].outputs) {
            segment = std::min(segment, of_value[static_cast<std::size_t>(id)]);
        }
        for (ValueId const id : nodes[i].inputs) {
            int& known = of_value[static_cast<std::size_t>(id)];
            known = std::min(known, segment);
        }
        of_node[i] = segment;
    }
    std::vector<Node> ordered;
    for (int segment = 0; segment < static_cast<int>(options_.segments.size()); ++segment) {
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (of_node[i] != segment) { continue; }
            ordered.push_back(nodes[i]);
            segment_.push_back(segment);
        }
    }
    local_.graph.replace_nodes(std::move(ordered));
}

bool Program::is_persistent(Value const& value) const {
    return value.role == Role::parameter || value.role == Role::state ||
           (value.role == Role::gradient && options_.keep_gradients);
}

void Program::plan_kernels() {
    for (std::size_t i = 0; i < graph().nodes().size(); ++i) { steps_.push_back(plan_step(static_cast<NodeId>(i))); }
}

Step Program::plan_step(NodeId id) const {
    Node const& node = graph().node(id);
    Step step;
    step.node = id;
    step.communicates = communicates(node);
    if (step.communicates) { step.library = "exchange"; }
    if (step.communicates || node.op->is_view() || node.op->kind() == "join_parts") { return step; }
    KernelRequest request{node.op.get(), stream_of(node.name), {}, {}};
    for (ValueId const output : node.outputs) { request.outputs.push_back(spec(output)); }
    for (ValueId const input : node.inputs) { request.inputs.push_back(spec(input)); }
    if (local_.tile_norms.count(node.name) != 0) {
        for (std::vector<TensorSpec>* specs : {&request.inputs, &request.outputs}) {
            for (TensorSpec& spec : *specs) { spec = as_whole_image(spec); }
        }
    }
    if (has_no_pixels(*node.op, request)) {
        step.library = "none";
        if (node.op->reduced_input() >= 0 && !node.outputs.empty()) { step.kernel = std::make_unique<NothingToAdd>(); }
        return step;
    }
    std::string refusals;
    auto planned = find_kernel(request, options_.kernels, refusals);
    if (!planned && request.has_strided()) { return step; }
    require(planned.has_value(), "{}: no kernel for operator {}{}", node.name, node.op->kind(), refusals);
    step.library = planned->library;
    step.kernel = std::move(planned->kernel);
    return step;
}

bool Program::meets_strided(Node const& node) const {
    auto const is_strided = [this](ValueId id) { return local_.strided.count(id) != 0; };
    return std::any_of(node.inputs.begin(), node.inputs.end(), is_strided) ||
           std::any_of(node.outputs.begin(), node.outputs.end(), is_strided);
}

/// Exchanges and copies do; kernels if the implementation is still the one that is best for dense tensors.
bool Program::takes_strided(Node const& node, Step const& dense, Step const& planned) const {
    std::string_view const kind = node.op->kind();
    if (kind == "redistribute_begin" || kind == "redistribute_finish") { return true; }
    if (node.op->is_view() || kind == "join_parts" || kind.starts_with("all_reduce")) { return false; }
    return planned.library == dense.library;
}

/// A tile lies inside the tensor with its halo, and is not copied there, if everything that reads or writes it can find
/// its way from row to row. Each rank decides for itself: what it sends is the same.
void Program::choose_strided() {
    for (Inside const& each : local_.may_be_strided) { local_.strided[each.value] = each; }
    std::vector<NodeId> meeting;
    for (Step const& step : steps_) {
        if (meets_strided(graph().node(step.node))) { meeting.push_back(step.node); }
    }
    std::map<NodeId, Step> planned;
    for (bool all = false; !all;) {
        all = true;
        for (NodeId const id : meeting) {
            Node const& node = graph().node(id);
            Step& step = planned[id] = plan_step(id);
            if (!meets_strided(node) || takes_strided(node, steps_[static_cast<std::size_t>(id)], step)) { continue; }
            for (ValueId const each : node.inputs) { local_.strided.erase(each); }
            for (ValueId const each : node.outputs) { local_.strided.erase(each); }
            all = false;
        }
    }
    for (auto& [id, step] : planned) { steps_[static_cast<std::size_t>(id)] = std::move(step); }
}

void Program::plan_memory_of_values() {
    std::size_t const count = local_.graph.values().size();
    for (Step const& step : steps_) { step_workspace_.push_back(step.kernel ? step.kernel->workspace_bytes() : 0); }
    MemoryRequest request{std::vector<std::size_t>(count), step_workspace_, std::vector<bool>(count),
                          std::vector<bool>(count), std::vector<int>(count, MemoryRequest::made_here)};
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = local_.graph.values()[i];
        request.value_bytes[i] = spec(static_cast<ValueId>(i)).bytes();
        request.persistent[i] = is_persistent(value);
        request.until_end[i] = is_kept(static_cast<ValueId>(i));
        if (value.role == Role::input) { request.arrives[i] = position_of(value.arrives); }
    }
    request.inside = local_.inside;
    for (auto const& [value, place] : local_.strided) { request.inside.push_back(place); }
    request.segment = segment_;
    request.red_zone = red_zone();
    memory_ = plan_memory(local_.graph, request);
}

MemorySplit& MemorySplit::operator+=(MemorySplit const& other) {
    activations += other.activations;
    gradients += other.gradients;
    halo += other.halo;
    messages += other.messages;
    scratch += other.scratch;
    red_zones += other.red_zones;
    gaps += other.gaps;
    return *this;
}

MemorySplit Program::split(LiveSet const& live, std::size_t total) const {
    std::set<ValueId> buffers;
    std::map<ValueId, std::size_t> halo;
    for (Node const& node : graph().nodes()) {
        if (node.op->kind() == "all_reduce_begin") { buffers.insert(node.outputs[0]); }
        if (node.op->kind() != "redistribute_begin") { continue; }
        ValueId const host = node.outputs[0], tile = node.inputs[0];
        bool const tile_inside = memory_.storage[static_cast<std::size_t>(tile)] == host;
        halo[host] = spec(host).bytes() - (tile_inside ? spec(tile).bytes() : 0);
        buffers.insert(node.outputs[1]);
    }
    MemorySplit split;
    split.scratch = live.workspace;
    split.red_zones = live.red_zones;
    for (ValueId const id : live.values) {
        std::size_t const bytes = spec(id).bytes();
        if (buffers.count(id) != 0) {
            split.messages += bytes;
        } else if (graph().value(id).role == Role::gradient) {
            split.gradients += bytes;
        } else {
            auto const found = halo.find(id);
            std::size_t const of_others = found == halo.end() ? 0 : found->second;
            split.halo += of_others;
            split.activations += bytes - of_others;
        }
    }
    split.gaps = total - split.total();
    return split;
}

std::size_t Program::workspace_bytes() const {
    return step_workspace_.empty() ? 0 : *std::max_element(step_workspace_.begin(), step_workspace_.end());
}

void Program::add_persistent(PersistentLayout& layout) const {
    layout.add_values_of(local_.graph);
    if (!options_.keep_gradients) { return; }
    for (std::size_t i = 0; i < local_.graph.values().size(); ++i) {
        ValueId const gradient = local_.graph.gradient_of(static_cast<ValueId>(i));
        if (gradient == none) { continue; }
        layout.add(
            {gradient_name(local_.graph.values()[i].name), Persistent::Kind::gradient, spec(gradient), 0, {}, true});
    }
}

void Program::bind(Arena const& arena, PersistentLayout const& layout, ProgramPlace const& place, Comm const* comm,
                   int first_tag) {
    require((arena.guard() != nullptr) == options_.guard, "a guarded program wants a guarded arena, and the other way");
    if (options_.guard) { watch(arena, layout, place); }
    bindings_.clear();
    for (int frame = 0; frame < options_.frames; ++frame) {
        Binding binding;
        binding.tensors = bind_tensors(arena, layout, place, frame);
        binding.steps = bind_steps(arena, binding.tensors, place.transient, comm,
                                   first_tag + frame * static_cast<int>(steps_.size()));
        bindings_.push_back(std::move(binding));
    }
}

void Program::watch(Arena const& arena, PersistentLayout const& layout, ProgramPlace const& place) {
    layout.watch(arena);
    watch_ = std::make_unique<ProgramWatch>(*arena.guard());
    for (std::size_t i = 0; i < graph().values().size(); ++i) {
        bool const is_own = memory_.storage[i] == static_cast<ValueId>(i);
        if (!is_own || memory_.value_offset[i] == MemoryPlan::unplaced) { continue; }
        std::size_t const base = memory_.framed[i] ? place.frames : place.transient;
        watch_->add({memory_.lifetime[i], base + memory_.value_offset[i], memory_.framed[i] ? frame_bytes() : 0,
                     graph().values()[i].name,
                     memory_.arrives[i] ? MemoryGuard::Contents::kept : MemoryGuard::Contents::nan});
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        auto const node = static_cast<NodeId>(i);
        watch_->add({{step_workspace_[i], node, node},
                     place.transient + memory_.workspace_offset[i],
                     0,
                     "the workspace",
                     MemoryGuard::Contents::nan});
    }
}

std::vector<Tensor> Program::bind_tensors(Arena const& arena, PersistentLayout const& layout, ProgramPlace const& place,
                                          int frame) const {
    std::size_t const count = local_.graph.values().size();
    std::size_t const framed = place.frames + static_cast<std::size_t>(frame) * frame_bytes();
    std::vector<Tensor> tensors(count);
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = local_.graph.values()[i];
        TensorSpec const local = spec(static_cast<ValueId>(i));
        Shape const shape = local.local();
        if (value.role == Role::parameter || value.role == Role::state) {
            tensors[i] = arena.tensor(layout.find(value.name).offset, value.type.dtype, shape);
        } else if (memory_.value_offset[i] != MemoryPlan::unplaced && !is_persistent(value)) {
            std::size_t const base = memory_.framed[i] ? framed : place.transient;
            tensors[i] = arena.tensor(base + memory_.value_offset[i], value.type.dtype, shape);
            if (local.within) { tensors[i].strided = local.strides(); }
        }
        ValueId const gradient = local_.graph.gradient_of(static_cast<ValueId>(i));
        if (gradient != none && options_.keep_gradients) {
            TensorSpec const kept = spec(gradient);
            tensors[static_cast<std::size_t>(gradient)] =
                arena.tensor(layout.find(gradient_name(value.name)).offset, kept.dtype, kept.local());
        }
    }
    return tensors;
}

std::vector<Program::Bound> Program::bind_steps(Arena const& arena, std::vector<Tensor> const& tensors,
                                                std::size_t transient, Comm const* comm, int first_tag) const {
    Begun begun;
    std::vector<Bound> bounds;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        Node const& node = local_.graph.nodes()[i];
        Bound bound;
        for (ValueId const id : node.outputs) { bound.outputs.push_back(tensors[static_cast<std::size_t>(id)]); }
        for (ValueId const id : node.inputs) { bound.inputs.push_back(tensors[static_cast<std::size_t>(id)]); }
        bound.workspace = arena.at(transient + memory_.workspace_offset[i]);
        if (steps_[i].communicates) {
            require(comm != nullptr, "{} crosses ranks, but there is no communicator", node.name);
            bound.communication = plan_communication(local_, node, begun);
            bound.communication->bind(*comm, first_tag + static_cast<int>(i), bound.outputs, bound.inputs);
        }
        bounds.push_back(std::move(bound));
    }
    return bounds;
}

bool Program::is_kept(ValueId id) const {
    Value const& value = graph().value(id);
    bool const asked = std::find(options_.keep.begin(), options_.keep.end(), id) != options_.keep.end();
    return asked || is_persistent(value) || value.role == Role::loss ||
           (value.role == Role::gradient && options_.gradients_until_end);
}

bool Program::break_exchange(std::string_view value) {
    bool found = false;
    for (Step const& step : steps_) {
        Node const& node = graph().node(step.node);
        std::string_view const kind = node.op->kind();
        bool const half = kind == "redistribute_begin" || kind == "redistribute_finish";
        ValueId const source =
            node.inputs.empty() ? none : node.inputs[kind == "redistribute_begin" ? 0 : node.inputs.size() - 1];
        if (!half || graph().value(source).name != value) { continue; }
        broken_.insert(step.node);
        found = true;
    }
    return found;
}

void Program::run_step(std::size_t step, RunContext const& context, int frame) const {
    if (watch_) { watch_->before(step, frame); }
    auto const begin = Clock::now();
    bool const done = execute(step, context, frame);
    if (done && records_) { recorded_.push_back({step, begin, Clock::now()}); }
    if (watch_) {
        Node const& node = graph().node(steps_[step].node);
        watch_->after(step, frame, node.name, node.op->kind(), steps_[step].library);
    }
}

bool Program::execute(std::size_t step, RunContext const& context, int frame) const {
    Bound const& bound = bindings_[static_cast<std::size_t>(frame)].steps[step];
    if (steps_[step].kernel) {
        steps_[step].kernel->run(context, bound.outputs, bound.inputs, bound.workspace);
        return true;
    }
    if (!bound.communication || broken_.count(steps_[step].node) != 0) { return false; }
    auto const begin = Clock::now();
    try {
        bound.communication->run();
    } catch (Error const& error) { fail(error.code(), "{}: {}", graph().node(steps_[step].node).name, error.what()); }
    seconds_communicating_ += seconds_since(begin);
    return true;
}

void Program::replace_kernel(std::size_t step,
                             std::function<std::unique_ptr<Kernel>(std::unique_ptr<Kernel>)> const& make) {
    steps_[step].kernel = make(std::move(steps_[step].kernel));
}

void Program::record_steps(bool on) {
    recorded_.clear();
    records_ = on;
}

void Program::run(RunContext const& context, AfterStep const& after) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        run_step(i, context);
        if (after) { after(i); }
    }
}

bool Program::has(Segment segment) const {
    return std::find(options_.segments.begin(), options_.segments.end(), segment) != options_.segments.end();
}

void Program::run(Segment segment, int frame, RunContext const& context, AfterStep const& after) const {
    auto const known = std::find(options_.segments.begin(), options_.segments.end(), segment);
    require(known != options_.segments.end(), "the program was not planned with this segment");
    auto const position = static_cast<int>(known - options_.segments.begin());
    auto const [begin, end] = std::equal_range(segment_.begin(), segment_.end(), position);
    for (auto at = begin; at != end; ++at) {
        auto const step = static_cast<std::size_t>(at - segment_.begin());
        run_step(step, context, frame);
        if (after) { after(step); }
    }
}

std::vector<double> Program::run_timed(RunContext const& context) const {
    std::vector<double> seconds;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        auto const begin = Clock::now();
        run_step(i, context);
        fence("timed step");
        seconds.push_back(seconds_since(begin));
    }
    return seconds;
}

}  // namespace aureole
