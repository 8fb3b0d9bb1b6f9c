#include "parallel/program/program.hpp"

#include <algorithm>
#include <chrono>

#include "core/tensor/philox.hpp"

namespace aureole {

namespace {

using Clock = std::chrono::steady_clock;

/// A reduction on a rank that has no pixels: sums are zero.
class NothingToAdd : public Kernel {
  public:
    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> /*inputs*/,
             std::byte* /*workspace*/) const override {
        if (context.accumulate) { return; }
        for (Tensor const& output : outputs) { zero(output); }
    }
};

/// More ranks than pixels: this one has none to compute, or none to add up.
bool has_no_pixels(Operator const& op, KernelRequest const& request) {
    int const reduced = op.reduced_input();
    if (reduced >= 0) { return request.inputs[static_cast<std::size_t>(reduced)].box.empty(); }
    auto const is_empty = [](TensorSpec const& spec) { return spec.box.empty(); };
    return !request.outputs.empty() && std::all_of(request.outputs.begin(), request.outputs.end(), is_empty);
}

}  // namespace

Program::Program(LocalGraph graph, ProgramOptions const& options) : local_(std::move(graph)), options_(options) {
    plan_kernels();
    plan_memory_of_values();
}

TensorSpec Program::spec(ValueId id) const {
    ValueType const& type = local_.graph.value(id).type;
    return {type.dtype, type.shape, local_.box(id)};
}

bool Program::is_persistent(Value const& value) const {
    return value.role == Role::parameter || value.role == Role::state ||
           (value.role == Role::gradient && options_.keep_gradients);
}

void Program::plan_kernels() {
    std::map<ValueId, std::shared_ptr<Exchange>> exchanges;
    for (std::size_t i = 0; i < graph().nodes().size(); ++i) {
        Node const& node = graph().nodes()[i];
        Step step;
        step.node = static_cast<NodeId>(i);
        plan_step(step, node, exchanges);
        step_workspace_.push_back(step.kernel          ? step.kernel->workspace_bytes()
                                  : step.communication ? step.communication->workspace_bytes()
                                                       : 0);
        steps_.push_back(std::move(step));
    }
}

void Program::plan_step(Step& step, Node const& node, std::map<ValueId, std::shared_ptr<Exchange>>& exchanges) const {
    step.communication = plan_communication(local_, node, exchanges);
    if (step.communication) {
        step.library = "exchange";
        return;
    }
    if (node.op->is_view() || node.op->kind() == "join_parts") { return; }
    KernelRequest request{node.op.get(), stream_of(node.name), {}, {}};
    for (ValueId const id : node.outputs) { request.outputs.push_back(spec(id)); }
    for (ValueId const id : node.inputs) { request.inputs.push_back(spec(id)); }
    if (local_.tile_norms.count(node.name) != 0) {
        for (std::vector<TensorSpec>* specs : {&request.inputs, &request.outputs}) {
            for (TensorSpec& spec : *specs) { spec = TensorSpec::whole(spec.dtype, spec.local()); }
        }
    }
    if (has_no_pixels(*node.op, request)) {
        step.library = "none";
        if (node.op->reduced_input() >= 0 && !node.outputs.empty()) { step.kernel = std::make_unique<NothingToAdd>(); }
        return;
    }
    try {
        PlannedKernel planned = plan_kernel(request, options_.kernels);
        step.library = planned.library;
        step.kernel = std::move(planned.kernel);
    } catch (Error const& error) { fail(error.code(), "{}: {}", node.name, error.what()); }
}

void Program::plan_memory_of_values() {
    std::size_t const count = local_.graph.values().size();
    MemoryRequest request{std::vector<std::size_t>(count), step_workspace_, std::vector<bool>(count),
                          std::vector<bool>(count), std::vector<bool>(count)};
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = local_.graph.values()[i];
        request.value_bytes[i] = spec(static_cast<ValueId>(i)).bytes();
        request.persistent[i] = is_persistent(value);
        request.until_end[i] =
            value.role == Role::loss || (value.role == Role::gradient && options_.gradients_until_end);
        request.from_start[i] = value.role == Role::input;
    }
    for (ValueId const id : options_.keep) { request.until_end[static_cast<std::size_t>(id)] = true; }
    request.inside = local_.inside;
    memory_ = plan_memory(local_.graph, request);
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

void Program::bind(Arena const& arena, PersistentLayout const& layout, std::size_t transient_base, Comm const* comm,
                   int first_tag) {
    std::size_t const count = local_.graph.values().size();
    tensors_.assign(count, Tensor{});
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = local_.graph.values()[i];
        Shape const shape = spec(static_cast<ValueId>(i)).local();
        if (value.role == Role::parameter || value.role == Role::state) {
            tensors_[i] = arena.tensor(layout.find(value.name).offset, value.type.dtype, shape);
        } else if (memory_.value_offset[i] != MemoryPlan::unplaced && !is_persistent(value)) {
            tensors_[i] = arena.tensor(transient_base + memory_.value_offset[i], value.type.dtype, shape);
        }
        ValueId const gradient = local_.graph.gradient_of(static_cast<ValueId>(i));
        if (gradient != none && options_.keep_gradients) {
            TensorSpec const kept = spec(gradient);
            tensors_[static_cast<std::size_t>(gradient)] =
                arena.tensor(layout.find(gradient_name(value.name)).offset, kept.dtype, kept.local());
        }
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        Node const& node = local_.graph.nodes()[i];
        Step& step = steps_[i];
        step.outputs.clear();
        step.inputs.clear();
        for (ValueId const id : node.outputs) { step.outputs.push_back(tensor(id)); }
        for (ValueId const id : node.inputs) { step.inputs.push_back(tensor(id)); }
        step.workspace = arena.at(transient_base + memory_.workspace_offset[i]);
        if (step.communication) {
            require(comm != nullptr, "{} crosses ranks, but there is no communicator", node.name);
            step.communication->bind(*comm, first_tag + static_cast<int>(i), step.outputs, step.inputs, step.workspace);
        }
    }
}

bool Program::break_exchange(std::string_view value) {
    bool found = false;
    for (Step& step : steps_) {
        Node const& node = graph().node(step.node);
        std::string_view const kind = node.op->kind();
        bool const half = kind == "redistribute_begin" || kind == "redistribute_finish";
        ValueId const source =
            node.inputs.empty() ? none : node.inputs[kind == "redistribute_begin" ? 0 : node.inputs.size() - 1];
        if (!half || graph().value(source).name != value) { continue; }
        step.communication.reset();
        found = true;
    }
    return found;
}

void Program::run_step(Step const& step, RunContext const& context) const {
    if (step.kernel) {
        step.kernel->run(context, step.outputs, step.inputs, step.workspace);
    } else if (step.communication) {
        auto const begin = Clock::now();
        step.communication->run();
        seconds_communicating_ += std::chrono::duration<double>(Clock::now() - begin).count();
    }
}

void Program::run(RunContext const& context) const {
    for (Step const& step : steps_) { run_step(step, context); }
}

std::vector<double> Program::run_timed(RunContext const& context) const {
    std::vector<double> seconds;
    for (Step const& step : steps_) {
        auto const begin = Clock::now();
        run_step(step, context);
        fence("timed step");
        seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    return seconds;
}

}  // namespace aureole
