#include "parallel/program/program.hpp"

#include <algorithm>
#include <chrono>

#include "core/tensor/philox.hpp"

namespace aureole {

Program::Program(Graph graph, ProgramOptions const& options) : graph_(std::move(graph)), options_(options) {
    plan_kernels();
    plan_memory_of_values();
}

TensorSpec Program::spec(ValueId id) const {
    ValueType const& type = graph_.value(id).type;
    return TensorSpec::whole(type.dtype, type.shape);
}

bool Program::is_persistent(Value const& value) const {
    return value.role == Role::parameter || value.role == Role::state ||
           (value.role == Role::gradient && options_.keep_gradients);
}

void Program::plan_kernels() {
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
        Node const& node = graph_.nodes()[i];
        Step step;
        step.node = static_cast<NodeId>(i);
        std::size_t workspace = 0;
        if (!node.op->is_view()) {
            KernelRequest request{node.op.get(), stream_of(node.name), {}, {}};
            for (ValueId const id : node.outputs) { request.outputs.push_back(spec(id)); }
            for (ValueId const id : node.inputs) { request.inputs.push_back(spec(id)); }
            try {
                PlannedKernel planned = plan_kernel(request, options_.kernels);
                step.library = planned.library;
                step.kernel = std::move(planned.kernel);
            } catch (Error const& error) { fail(error.code(), "{}: {}", node.name, error.what()); }
            workspace = step.kernel->workspace_bytes();
        }
        steps_.push_back(std::move(step));
        step_workspace_.push_back(workspace);
    }
}

void Program::plan_memory_of_values() {
    std::size_t const count = graph_.values().size();
    MemoryRequest request{std::vector<std::size_t>(count), step_workspace_, std::vector<bool>(count),
                          std::vector<bool>(count), std::vector<bool>(count)};
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = graph_.values()[i];
        request.value_bytes[i] = spec(static_cast<ValueId>(i)).bytes();
        request.persistent[i] = is_persistent(value);
        request.until_end[i] =
            value.role == Role::loss || (value.role == Role::gradient && options_.gradients_until_end);
        request.from_start[i] = value.role == Role::input;
    }
    for (ValueId const id : options_.keep) { request.until_end[static_cast<std::size_t>(id)] = true; }
    memory_ = plan_memory(graph_, request);
}

std::size_t Program::workspace_bytes() const {
    return step_workspace_.empty() ? 0 : *std::max_element(step_workspace_.begin(), step_workspace_.end());
}

void Program::add_persistent(PersistentLayout& layout) const {
    layout.add_values_of(graph_);
    if (!options_.keep_gradients) { return; }
    for (std::size_t i = 0; i < graph_.values().size(); ++i) {
        ValueId const gradient = graph_.gradient_of(static_cast<ValueId>(i));
        if (gradient == none) { continue; }
        layout.add({gradient_name(graph_.values()[i].name), Persistent::Kind::gradient, spec(gradient), 0, {}, true});
    }
}

void Program::bind(Arena const& arena, PersistentLayout const& layout, std::size_t transient_base) {
    std::size_t const count = graph_.values().size();
    tensors_.assign(count, Tensor{});
    for (std::size_t i = 0; i < count; ++i) {
        Value const& value = graph_.values()[i];
        Shape const shape = spec(static_cast<ValueId>(i)).local();
        if (value.role == Role::parameter || value.role == Role::state) {
            tensors_[i] = arena.tensor(layout.find(value.name).offset, value.type.dtype, shape);
        } else if (memory_.value_offset[i] != MemoryPlan::unplaced && !is_persistent(value)) {
            tensors_[i] = arena.tensor(transient_base + memory_.value_offset[i], value.type.dtype, shape);
        }
        ValueId const gradient = graph_.gradient_of(static_cast<ValueId>(i));
        if (gradient != none && options_.keep_gradients) {
            TensorSpec const kept = spec(gradient);
            tensors_[static_cast<std::size_t>(gradient)] =
                arena.tensor(layout.find(gradient_name(value.name)).offset, kept.dtype, kept.local());
        }
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        Node const& node = graph_.nodes()[i];
        Step& step = steps_[i];
        step.outputs.clear();
        step.inputs.clear();
        for (ValueId const id : node.outputs) { step.outputs.push_back(tensor(id)); }
        for (ValueId const id : node.inputs) { step.inputs.push_back(tensor(id)); }
        step.workspace = arena.at(transient_base + memory_.workspace_offset[i]);
    }
}

void Program::run(RunContext const& context) const {
    for (Step const& step : steps_) {
        if (step.kernel) { step.kernel->run(context, step.outputs, step.inputs, step.workspace); }
    }
}

std::vector<double> Program::run_timed(RunContext const& context) const {
    using Clock = std::chrono::steady_clock;
    std::vector<double> seconds;
    for (Step const& step : steps_) {
        auto const begin = Clock::now();
        if (step.kernel) { step.kernel->run(context, step.outputs, step.inputs, step.workspace); }
        fence("timed step");
        seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    return seconds;
}

}  // namespace aureole
