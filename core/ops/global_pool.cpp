#include "core/ops/global_pool.hpp"

#include <limits>

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

Access over_pixels() { return {{Reach::same, Reach::all, Reach::all, Reach::all, Reach::same}, {}}; }

}  // namespace

std::vector<ValueType> GlobalPool::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[0];
    Shape const y{x.shape.n, 1, 1, 1, x.shape.c};
    std::vector<ValueType> outputs{{x.dtype, y}};
    if (pool_ == PoolKind::max) {
        require(x.shape.pixels_per_sample() <= std::numeric_limits<std::int32_t>::max(), ExitCode::bad_deck,
                "global maximum over {} pixels (its index has 32 bits): pool by windows first",
                x.shape.pixels_per_sample());
        outputs.push_back({DType::i32, y});
    }
    return outputs;
}

Access GlobalPool::access(std::size_t /*input*/) const { return over_pixels(); }

void GlobalPool::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    std::vector<ValueId> inputs{backward.gradient(0)};
    if (pool_ == PoolKind::max) { inputs.push_back(backward.output(1)); }
    auto op = std::make_shared<GlobalPoolInputGradient>(pool_, backward.input_type(0).shape);
    backward.contribute(0, backward.emit(Phase::input_gradient, std::move(op), std::move(inputs))[0]);
}

std::vector<ValueType> GlobalPoolInputGradient::infer(std::span<ValueType const> inputs) const {
    return {{inputs[0].dtype, input_}};
}

Access GlobalPoolInputGradient::access(std::size_t /*input*/) const { return over_pixels(); }

}  // namespace aureole
