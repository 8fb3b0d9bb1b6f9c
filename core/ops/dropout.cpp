#include "core/ops/dropout.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> Dropout::infer(std::span<ValueType const> inputs) const {
    require(attributes_.rate >= 0 && attributes_.rate < 1, ExitCode::bad_deck,
            "dropout: rate {} is not in [0, 1): at 1 nothing would be left", attributes_.rate);
    return {inputs[0]};
}

Access Dropout::access(std::size_t /*input*/) const { return Access::pointwise(); }

void Dropout::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const same = std::make_shared<Dropout>(attributes_);
    backward.contribute(0, backward.emit(Phase::input_gradient, same, {backward.gradient(0)})[0]);
}

}  // namespace aureole
