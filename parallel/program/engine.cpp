#include "parallel/program/engine.hpp"

#include <cmath>

#include "core/optim/update.hpp"
#include "core/tensor/philox.hpp"
#include "parallel/program/draw.hpp"

namespace aureole {

namespace {

constexpr auto norm_scratch = "optimizer/norm_scratch";

/// Updates can be part of the graph if every gradient is complete after one pass and used for nothing else.
Graph with_updates(EngineSpec& spec) {
    if (spec.updates_in_graph()) { insert_updates(spec.train, spec.optimizer); }
    return std::move(spec.train);
}

}  // namespace

Engine::Engine(EngineSpec spec) : spec_(std::move(spec)), train_(with_updates(spec_), train_options()) {
    train_.add_persistent(layout_);
    if (spec_.eval) {
        ProgramOptions options;
        options.kernels = spec_.kernels;
        options.keep = spec_.eval_keep;
        eval_.emplace(std::move(*spec_.eval), options);
        eval_->add_persistent(layout_);
    }
    add_optimizer_slots();
}

ProgramOptions Engine::train_options() const {
    ProgramOptions options;
    options.kernels = spec_.kernels;
    options.keep_gradients = spec_.micro_batches > 1 || spec_.keep_gradients;
    options.keep = spec_.keep;
    options.gradients_until_end = !spec_.updates_in_graph();
    return options;
}

bool EngineSpec::updates_in_graph() const { return micro_batches == 1 && !keep_gradients && !optimizer.clip_norm; }

void Engine::add_optimizer_slots() {
    if (spec_.updates_in_graph()) { return; }  // their slots are state of the graph
    std::vector<OptimizedTensor> trained;
    Graph const& graph = train_.graph();
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
    use.train_transient = train_.transient_bytes();
    use.eval_transient = eval_ ? eval_->transient_bytes() : 0;
    use.train_lower_bound = train_.memory().lower_bound;
    if (!train_.graph().nodes().empty()) {
        use.peak_node = train_.graph().node(static_cast<NodeId>(train_.memory().peak_node)).name;
    }
    return use;
}

void Engine::allocate(std::uint64_t seed) {
    arena_.emplace(memory().total());
    train_.bind(*arena_, layout_, layout_.bytes());
    if (eval_) { eval_->bind(*arena_, layout_, layout_.bytes()); }
    bind_optimizer();
    draw_parameters(seed);
}

Tensor Engine::tensor(Persistent const& entry) const {
    return arena_->tensor(entry.offset, entry.spec.dtype, entry.spec.local());
}

Tensor Engine::gradient(std::string const& parameter) const {
    return tensor(layout_.find(Program::gradient_name(parameter)));
}

void Engine::bind_optimizer() {
    if (spec_.updates_in_graph()) { return; }
    Graph const& graph = train_.graph();
    optimized_.clear();
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        ValueId const gradient = graph.gradient_of(static_cast<ValueId>(i));
        if (gradient == none) { continue; }
        Value const& value = graph.values()[i];
        OptimizedTensor each{train_.tensor(static_cast<ValueId>(i)), train_.tensor(gradient), {}, value.decay};
        for (std::string_view const slot : optimizer_slots(spec_.optimizer)) {
            each.slots.push_back(tensor(layout_.find(slot_name(slot, value.name))));
        }
        optimized_.push_back(std::move(each));
    }
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
        result.gradient_norm = gradient_norm(optimized_, tensor(layout_.find(norm_scratch)));
        if (result.gradient_norm > *spec_.optimizer.clip_norm) {
            scale = *spec_.optimizer.clip_norm / result.gradient_norm;
        }
    }
    optimizer_step(optimized_, spec_.optimizer, learning_rate, step, scale);
    return result;
}

}  // namespace aureole
