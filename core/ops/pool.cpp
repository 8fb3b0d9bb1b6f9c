#include "core/ops/pool.hpp"

#include <limits>
#include <optional>

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

namespace {

Extent window_volume(Windows const& windows) { return Extent(windows[0].size) * windows[1].size * windows[2].size; }

/// The first output whose window reads padding only; nothing if all read a pixel. Padding is less than the reach.
std::optional<Index> first_unread(Window const& window, Index outputs, Index extent) {
    auto const begin = [&](Index output) { return output * window.stride - window.pad_lo; };
    // of a window that begins in front of the image, the first point that is not: it may step over all pixels there are
    Index const steps_over = window.dilation > extent ? std::min(outputs, window.dilation) : 0;
    for (Index output = 0; output < steps_over && begin(output) < 0; ++output) {
        Index const first = (begin(output) % window.dilation + window.dilation) % window.dilation;
        if (first >= extent) { return output; }
    }
    if (begin(outputs - 1) < extent) { return {}; }
    return (extent + window.pad_lo + window.stride - 1) / window.stride;
}

}  // namespace

DType pool_index_type(PoolAttributes const& attributes) {
    return window_volume(attributes.window).is_at_most(std::numeric_limits<std::uint8_t>::max()) ? DType::u8
                                                                                                 : DType::i32;
}

std::vector<ValueType> Pool::infer(std::span<ValueType const> inputs) const {
    ValueType const& x = inputs[0];
    require_valid("pooling", attributes_.window, Cropping::allowed);
    auto const& [depth, height, width] = attributes_.window;
    require(window_volume(attributes_.window).is_at_most(std::numeric_limits<std::int32_t>::max()), ExitCode::bad_deck,
            "pooling: a window of {} x {} x {} pixels is too large: use global pooling", depth.size, height.size,
            width.size);
    bool const may_be_empty = attributes_.kind == PoolKind::average && attributes_.count_padding;
    for (Window const& window : attributes_.window) {
        require(may_be_empty || std::max(window.pad_lo, window.pad_hi) < window.reach(), ExitCode::bad_deck,
                "pooling: padding {}, {} holds a whole window of {}: use less padding", window.pad_lo, window.pad_hi,
                window.reach());
    }
    Shape const y = output_shape(attributes_.window, x.shape);
    require(y.volume() > 0, ExitCode::bad_deck,
            "pooling: the window is larger than its padded input {}: use a larger image or fewer levels",
            to_string(x.shape));
    for (std::size_t axis = 0; axis < 3 && !may_be_empty; ++axis) {
        Index const extent = x.shape.extents()[axis + 1];
        auto const unread = first_unread(attributes_.window[axis], y.extents()[axis + 1], extent);
        require(!unread, ExitCode::bad_deck,
                "pooling: window {} of {} reads padding only (an image of {} pixels): use less padding or dilation",
                unread.value_or(0), y.extents()[axis + 1], extent);
    }
    std::vector<ValueType> outputs{{x.dtype, y}};
    if (attributes_.kind == PoolKind::max) { outputs.push_back({pool_index_type(attributes_), y}); }
    return outputs;
}

Access Pool::access(std::size_t /*input*/) const {
    return Access::windowed(attributes_.window, Reach::window, Reach::same);
}

Cost Pool::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost = Operator::cost(inputs, outputs);
    cost.flops = static_cast<double>(outputs[0].shape.volume()) *
                 static_cast<double>(window_volume(attributes_.window).value("a pooling window's pixels"));
    return cost;
}

void Pool::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    std::vector<ValueId> inputs{backward.gradient(0)};
    if (attributes_.kind == PoolKind::max) { inputs.push_back(backward.output(1)); }
    auto op = std::make_shared<PoolInputGradient>(attributes_, backward.input_type(0).shape);
    backward.contribute(0, backward.emit(Phase::input_gradient, std::move(op), std::move(inputs))[0]);
}

std::vector<ValueType> PoolInputGradient::infer(std::span<ValueType const> inputs) const {
    return {{inputs[0].dtype, input_}};
}

Access PoolInputGradient::access(std::size_t /*input*/) const {
    return Access::windowed(attributes_.window, Reach::inverse_window, Reach::same);
}

}  // namespace aureole
