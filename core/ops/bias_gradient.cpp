#include "core/ops/bias_gradient.hpp"

namespace aureole {

std::vector<ValueType> BiasGradient::infer(std::span<ValueType const> inputs) const {
    return {{accumulation_type(inputs[0].dtype), {1, 1, 1, 1, inputs[0].shape.c}}};
}

Access BiasGradient::access(std::size_t /*input*/) const {
    return {{Reach::all, Reach::all, Reach::all, Reach::all, Reach::same}, {}};
}

}  // namespace aureole
