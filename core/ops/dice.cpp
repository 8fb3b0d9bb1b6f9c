#include "core/ops/dice.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

std::vector<ValueType> Dice::infer(std::span<ValueType const> inputs) const {
    Shape const& logits = inputs[0].shape;
    Shape labels = logits;
    labels.c = 1;
    DType const type = inputs[1].dtype;
    bool const real = type == DType::f32 || type == DType::f64;
    require(inputs[1].shape == labels && (type == DType::i32 || (real && logits.c == 1)), ExitCode::bad_deck,
            "dice loss: labels are {} {}, but the network's output {} needs i32 {}: choose labels of that size (one "
            "class per pixel)",
            name_of(type), to_string(inputs[1].shape), to_string(logits), to_string(labels));
    return {loss_type(), loss_type({logits.n, 1, 1, 3, logits.c})};
}

std::optional<Split> Dice::split(std::span<ValueType const> /*inputs*/) const {
    Split split;
    split.partial = std::make_shared<DiceSums>(attributes_);
    split.finish = std::make_shared<DiceFinish>(attributes_);
    split.partial_inputs = {0, 1};
    split.finish_outputs = {0};
    split.partial_outputs = {1};
    return split;
}

std::vector<ValueType> DiceSums::infer(std::span<ValueType const> inputs) const {
    return {loss_type({inputs[0].shape.n, 1, 1, 3, inputs[0].shape.c})};
}

std::vector<ValueType> DiceFinish::infer(std::span<ValueType const> /*inputs*/) const { return {loss_type()}; }

void Dice::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const dx = backward.emit(Phase::input_gradient, std::make_shared<DiceInputGradient>(attributes_),
                                  {backward.input(0), backward.input(1), backward.output(1)});
    backward.contribute(0, dx[0]);
}

std::vector<ValueType> DiceInputGradient::infer(std::span<ValueType const> inputs) const { return {inputs[0]}; }

Access DiceInputGradient::access(std::size_t input) const {
    if (input == 2) { return {{Reach::same, Reach::all, Reach::all, Reach::all, Reach::all}, {}}; }
    return {{Reach::same, Reach::same, Reach::same, Reach::same, Reach::all}, {}};
}

}  // namespace aureole
