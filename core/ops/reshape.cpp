#include "core/ops/reshape.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> Reshape::infer(std::span<ValueType const> inputs) const {
    require(to_.volume() == inputs[0].shape.volume(), ExitCode::bad_deck,
            "reshape: {} does not hold as many elements as {}", to_string(to_), to_string(inputs[0].shape));
    return {{inputs[0].dtype, to_}};
}

Access Reshape::access(std::size_t /*input*/) const { return Access::whole(); }

void Reshape::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const back = std::make_shared<Reshape>(backward.input_type(0).shape);
    backward.contribute(0, backward.emit(Phase::input_gradient, back, {backward.gradient(0)})[0]);
}

}  // namespace aureole
