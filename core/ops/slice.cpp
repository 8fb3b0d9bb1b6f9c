#include "core/ops/slice.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

/// Along the cut axis indices shift, so a box needs the whole axis; the others are pointwise.
Access access_except(Axis axis) {
    Access access;
    access.reach[static_cast<std::size_t>(axis)] = Reach::all;
    return access;
}

}  // namespace

std::vector<ValueType> Slice::infer(std::span<ValueType const> inputs) const {
    auto extents = inputs[0].shape.extents();
    Index& extent = extents[static_cast<std::size_t>(attributes_.axis)];
    require(attributes_.begin >= 0 && attributes_.begin < attributes_.end && attributes_.end <= extent,
            ExitCode::bad_deck,
            "slice: [{}, {}) is not a range of an axis of extent {} (input {}): choose 0 <= begin < end <= {}",
            attributes_.begin, attributes_.end, extent, to_string(inputs[0].shape), extent);
    extent = attributes_.end - attributes_.begin;
    return {{inputs[0].dtype, Shape::of(extents)}};
}

Access Slice::access(std::size_t /*input*/) const { return access_except(attributes_.axis); }

void Slice::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const back = std::make_shared<SliceInputGradient>(attributes_, backward.input_type(0).shape);
    backward.contribute(0, backward.emit(Phase::input_gradient, back, {backward.gradient(0)})[0]);
}

std::vector<ValueType> SliceInputGradient::infer(std::span<ValueType const> inputs) const {
    return {{inputs[0].dtype, input_}};
}

Access SliceInputGradient::access(std::size_t /*input*/) const { return access_except(attributes_.axis); }

}  // namespace aureole
