#include "core/ops/window.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace aureole {

void require_valid(std::string_view operator_name, Windows const& windows, Cropping cropping) {
    constexpr std::array<char, 3> axis{'d', 'h', 'w'};
    for (std::size_t i = 0; i < windows.size(); ++i) {
        Window const& window = windows[i];
        require(window.size >= 1 && window.stride >= 1 && window.dilation >= 1, ExitCode::bad_deck,
                "{}: kernel {}, stride {}, dilation {} along {} (each must be at least 1): correct the layer",
                operator_name, window.size, window.stride, window.dilation, axis[i]);
        require(cropping == Cropping::allowed || (window.pad_lo >= 0 && window.pad_hi >= 0), ExitCode::bad_deck,
                "{}: padding {}, {} along {} is negative: crop with a slice instead", operator_name, window.pad_lo,
                window.pad_hi, axis[i]);
        Extent const reach = Extent(window.size - 1) * window.dilation + 1;
        require(
            reach.is_at_most(most_axis_pixels) && window.stride <= most_axis_pixels &&
                std::max(window.pad_lo, window.pad_hi) <= most_axis_pixels,
            ExitCode::bad_deck,
            "{}: kernel {}, stride {}, dilation {}, padding {}, {} along {} (no window may reach across more than {} "
            "pixels): use smaller ones",
            operator_name, window.size, window.stride, window.dilation, window.pad_lo, window.pad_hi, axis[i],
            most_axis_pixels);
    }
    Extent const strides = Extent(windows[0].stride) * windows[1].stride * windows[2].stride;
    require(cropping == Cropping::allowed || strides.is_at_most(most_strides), ExitCode::bad_deck,
            "{}: strides {} x {} x {} (their product may be {} at most): use smaller ones", operator_name,
            windows[0].stride, windows[1].stride, windows[2].stride, most_strides);
}

}  // namespace aureole
