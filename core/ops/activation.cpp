#include "core/ops/activation.hpp"

#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> Activation::infer(std::span<ValueType const> inputs) const { return {inputs[0]}; }

Access Activation::access(std::size_t /*input*/) const { return Access::pointwise(); }

int Activation::in_place(std::size_t /*output*/) const { return 0; }

void Activation::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    if (attributes_.kind == ActivationKind::none) {
        for (ValueId const term : backward.gradient_terms(0)) { backward.contribute(0, term); }
        return;
    }
    auto const dx = backward.emit(Phase::input_gradient, std::make_shared<ActivationInputGradient>(attributes_),
                                  {backward.gradient(0), backward.input(0)});
    backward.contribute(0, dx[0]);
}

std::vector<ValueType> ActivationInputGradient::infer(std::span<ValueType const> inputs) const { return {inputs[1]}; }

Access ActivationInputGradient::access(std::size_t /*input*/) const { return Access::pointwise(); }

int ActivationInputGradient::in_place(std::size_t /*output*/) const { return 0; }

}  // namespace aureole
