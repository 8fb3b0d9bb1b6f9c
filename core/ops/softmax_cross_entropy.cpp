#include "core/ops/softmax_cross_entropy.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> SoftmaxCrossEntropy::infer(std::span<ValueType const> inputs) const {
    Shape labels = inputs[0].shape;
    labels.c = 1;
    require(inputs[1].shape == labels && inputs[1].dtype == DType::i32, ExitCode::bad_deck,
            "softmax cross-entropy: labels are {} {}, but the network's output {} needs i32 {}: choose labels of that "
            "size (one class per pixel or per image)",
            name_of(inputs[1].dtype), to_string(inputs[1].shape), to_string(inputs[0].shape), to_string(labels));
    return {loss_type()};
}

void SoftmaxCrossEntropy::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const dx =
        backward.emit(Phase::input_gradient, std::make_shared<SoftmaxCrossEntropyInputGradient>(attributes_),
                      {backward.input(0), backward.input(1)});
    backward.contribute(0, dx[0]);
}

std::vector<ValueType> SoftmaxCrossEntropyInputGradient::infer(std::span<ValueType const> inputs) const {
    return {inputs[0]};
}

}  // namespace aureole
