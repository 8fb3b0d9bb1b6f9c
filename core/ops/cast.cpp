#include "core/ops/cast.hpp"

#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> Cast::infer(std::span<ValueType const> inputs) const { return {{to_, inputs[0].shape}}; }

Access Cast::access(std::size_t /*input*/) const { return Access::pointwise(); }

void Cast::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const back = std::make_shared<Cast>(backward.input_type(0).dtype);
    backward.contribute(0, backward.emit(Phase::input_gradient, back, {backward.gradient(0)})[0]);
}

}  // namespace aureole
