#include "parallel/program/engine.hpp"

#include <chrono>
#include <cmath>
#include <set>

#include "core/optim/update.hpp"
#include "core/tensor/philox.hpp"
#include "parallel/program/draw.hpp"

namespace aureole {

namespace {

constexpr auto norm_scratch = "optimizer/norm_scratch";

/// Updates can be part of the graph if every gradient is complete after one pass and used for nothing else.
LocalGraph lower_training(EngineSpec& spec) {
    if (spec.updates_in_graph()) { insert_updates(spec.train, spec.optimizer); }
    spec.tiling.defer_gradients = !spec.updates_in_graph();
    return tile(std::move(spec.train), spec.grid, spec.rank, spec.tiling);
}

}  // namespace

Engine::Engine(EngineSpec spec) : spec_(std::move(spec)), train_(lower_training(spec_), train_options()) {
    train_.add_persistent(layout_);
    if (spec_.eval) {
        ProgramOptions options;
        options.kernels = spec_.kernels;
        options.keep = spec_.eval_keep;
        eval_.emplace(tile(std::move(*spec_.eval), spec_.grid, spec_.rank, spec_.tiling), options);
        eval_->add_persistent(layout_);
    }
    add_optimizer_slots();
}

ProgramOptions Engine::train_options() const {
    ProgramOptions options;
    options.kernels = spec_.kernels;
    options.keep_gradients = !spec_.updates_in_graph();
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

void Engine::allocate(std::uint64_t seed, Comm const* comm) {
    require(spec_.grid.ranks() == (comm == nullptr ? 1 : comm->size()), "a grid of {} ranks on {} processes",
            spec_.grid.ranks(), comm == nullptr ? 1 : comm->size());
    arena_.emplace(memory().total());
    train_.bind(*arena_, layout_, layout_.bytes(), comm);
    auto const train_tags = static_cast<int>(train_.steps().size());
    if (eval_) { eval_->bind(*arena_, layout_, layout_.bytes(), comm, train_tags); }
    bind_optimizer();
    if (comm != nullptr) { bind_gradient_sums(*comm); }
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

/// Partial gradients that lie side by side are summed in one message, and with them the few bytes of alignment between.
void Engine::bind_gradient_sums(Comm const& comm) {
    std::set<std::string> partial;
    Graph const& graph = train_.graph();
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        ValueId const gradient = graph.gradient_of(static_cast<ValueId>(i));
        if (gradient != none && train_.local().partial_gradients.count(gradient) != 0) {
            partial.insert(Program::gradient_name(graph.values()[i].name));
        }
    }
    gradient_sums_.clear();
    auto const& entries = layout_.entries();
    for (std::size_t i = 0; i < entries.size();) {
        if (partial.count(entries[i].name) == 0) {
            ++i;
            continue;
        }
        DType const dtype = entries[i].spec.dtype;
        std::size_t const begin = entries[i].offset;
        std::size_t end = begin;
        for (; i < entries.size() && partial.count(entries[i].name) != 0 && entries[i].spec.dtype == dtype; ++i) {
            end = entries[i].offset + entries[i].spec.bytes();
        }
        Shape const shape{1, 1, 1, 1, static_cast<Index>((end - begin) / size_of(dtype))};
        Tensor const tensor = arena_->tensor(begin, dtype, shape);
        zero(tensor);  // the gaps: what is summed is a number
        auto sum = std::make_unique<AllReduce>(Combine::sum, std::vector{TensorSpec::whole(dtype, shape)}, false);
        sum->bind(comm, {tensor}, nullptr);
        gradient_sums_.push_back(std::move(sum));
    }
}

void Engine::reduce_gradients() {
    auto const begin = std::chrono::steady_clock::now();
    for (auto const& sum : gradient_sums_) { sum->begin(); }
    for (auto const& sum : gradient_sums_) { sum->finish(); }
    seconds_reducing_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double Engine::seconds_communicating() const {
    return train_.seconds_communicating() + (eval_ ? eval_->seconds_communicating() : 0) + seconds_reducing_;
}

bool Engine::is_partial(std::string const& state) const {
    return train_.local().partial_states.count(state) != 0 ||
           (eval_ && eval_->local().partial_states.count(state) != 0);
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
