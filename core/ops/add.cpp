#include "core/ops/add.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> Add::infer(std::span<ValueType const> inputs) const {
    require(inputs[0].shape == inputs[1].shape, ExitCode::bad_deck,
            "add: shapes {} and {} differ: give both branches the same size and channels", to_string(inputs[0].shape),
            to_string(inputs[1].shape));
    return {inputs[0]};
}

Access Add::access(std::size_t /*input*/) const { return Access::pointwise(); }

void Add::differentiate(Backward& backward) const {
    for (std::size_t i = 0; i < 2; ++i) {
        if (backward.needs(i)) { backward.contribute(i, backward.gradient(0)); }
    }
}

}  // namespace aureole
