#include "core/ops/upsample.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"

namespace aureole {

Windows upsample_windows(UpsampleAttributes const& attributes) {
    Windows windows;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        Index const scale = attributes.scale[i];
        windows[i] = {.size = scale, .stride = scale};
        if (attributes.mode == UpsampleMode::linear) {
            // Pixel i has a weight where |(o + 1/2) / scale - 1/2 - i| < 1, i.e. on 2 * scale positions, or on one less
            // where the two ends fall on whole positions.
            windows[i].size = scale % 2 == 0 ? 2 * scale : 2 * scale - 1;
            windows[i].pad_lo = scale / 2;
            windows[i].pad_hi = windows[i].size - scale - windows[i].pad_lo;
        }
    }
    return windows;
}

std::vector<ValueType> Upsample::infer(std::span<ValueType const> inputs) const {
    for (Index const scale : attributes_.scale) {
        require(scale >= 1, ExitCode::bad_deck, "upsampling: scale {} (whole numbers from 1): correct the layer",
                scale);
    }
    Shape shape = inputs[0].shape;
    shape.d *= attributes_.scale[0];
    shape.h *= attributes_.scale[1];
    shape.w *= attributes_.scale[2];
    return {{inputs[0].dtype, shape}};
}

Access Upsample::access(std::size_t /*input*/) const {
    return Access::windowed(upsample_windows(attributes_), Reach::inverse_window, Reach::same);
}

void Upsample::differentiate(Backward& backward) const {
    if (!backward.needs(0)) { return; }
    auto const dx = backward.emit(Phase::input_gradient, std::make_shared<UpsampleInputGradient>(attributes_),
                                  {backward.gradient(0)});
    backward.contribute(0, dx[0]);
}

std::vector<ValueType> UpsampleInputGradient::infer(std::span<ValueType const> inputs) const {
    Shape shape = inputs[0].shape;
    shape.d /= attributes_.scale[0];
    shape.h /= attributes_.scale[1];
    shape.w /= attributes_.scale[2];
    return {{inputs[0].dtype, shape}};
}

Access UpsampleInputGradient::access(std::size_t /*input*/) const {
    return Access::windowed(upsample_windows(attributes_), Reach::window, Reach::same);
}

}  // namespace aureole
