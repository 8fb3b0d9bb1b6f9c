#include "core/graph/backward.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "core/graph/differentiate.hpp"
#include "core/ops/add.hpp"

namespace aureole {

namespace {

char const* suffix_of(Phase phase) {
    switch (phase) {
        case Phase::weight_gradient: return "weight_gradient";
        case Phase::input_gradient: return "input_gradient";
        case Phase::recompute: return "recompute";
        case Phase::forward: return "forward";
    }
    return "";
}

}  // namespace

ValueId Backward::add(ValueId value, ValueId a, ValueId b, std::size_t number, int unit) {
    std::string const name = fmt::format("{}.gradient_sum{}", graph_.value(value).name, number);
    NodeId const sum = graph_.add_node(name, std::make_shared<Add>(), {a, b}, Phase::input_gradient);
    graph_.node(sum).unit = unit;
    return graph_.node(sum).outputs[0];
}

/// Terms of one later stage become one, where they are.
void Backward::add_within_stages(ValueId value) {
    if (first_units_.size() < 2) { return; }
    auto& terms = contributions_[static_cast<std::size_t>(value)];
    auto const unit_of = [&](ValueId term) { return graph_.node(graph_.value(term).producer).unit; };
    int const own = stage_of_unit(first_units_, graph_.node(node_).unit);
    for (std::size_t i = 0; i < terms.size(); ++i) {
        int const unit = unit_of(terms[i]), stage = stage_of_unit(first_units_, unit);
        for (std::size_t k = terms.size() - 1; stage != own && k > i; --k) {
            if (stage_of_unit(first_units_, unit_of(terms[k])) != stage) { continue; }
            std::size_t const number = 10 * terms.size() + k;  // apart from those of reduce_terms
            terms[i] = add(value, terms[i], terms[k], number, unit);
            terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(k));
        }
    }
}

void Backward::reduce_terms(ValueId value, std::size_t most) {
    add_within_stages(value);
    auto& terms = contributions_[static_cast<std::size_t>(value)];
    while (terms.size() > most) {
        ValueId const sum = add(value, terms[0], terms[1], terms.size(), graph_.node(node_).unit);
        terms.erase(terms.begin());
        terms[0] = sum;
    }
}

ValueId Backward::gradient(std::size_t i) {
    reduce_terms(output(i), 1);
    auto const& terms = contributions_[static_cast<std::size_t>(output(i))];
    require(!terms.empty(), "gradient of {} was asked for but nothing contributes to it", graph_.value(output(i)).name);
    return terms[0];
}

std::vector<ValueId> Backward::gradient_terms(std::size_t i) {
    reduce_terms(output(i), 2);
    return contributions_[static_cast<std::size_t>(output(i))];
}

std::vector<ValueId> Backward::emit(Phase phase, OperatorPtr op, std::vector<ValueId> inputs) {
    std::string const base = graph_.node(node_).name;
    int const unit = graph_.node(node_).unit;
    std::string name = fmt::format("{}.{}", base, suffix_of(phase));
    for (int i = 2; graph_.find(name) != none; ++i) { name = fmt::format("{}.{}{}", base, suffix_of(phase), i); }
    NodeId const id = graph_.add_node(name, std::move(op), std::move(inputs), phase);
    graph_.node(id).unit = unit;
    return graph_.node(id).outputs;
}

void Backward::contribute(std::size_t i, ValueId gradient) {
    require(graph_.value(gradient).type.shape == input_type(i).shape, "gradient {} {} does not have the shape {} of {}",
            graph_.value(gradient).name, to_string(graph_.value(gradient).type.shape), to_string(input_type(i).shape),
            graph_.value(input(i)).name);
    contributions_[static_cast<std::size_t>(input(i))].push_back(gradient);
}

}  // namespace aureole
