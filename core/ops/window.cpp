#include "core/ops/window.hpp"

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
    }
}

}  // namespace aureole
