#include "core/tensor/shape.hpp"

#include <fmt/core.h>

#include "core/tensor/box.hpp"

namespace aureole {

std::string to_string(Shape const& shape) {
    return fmt::format("({}, {}, {}, {}, {})", shape.n, shape.d, shape.h, shape.w, shape.c);
}

std::string to_string(Box const& box) {
    std::string text;
    for (std::size_t i = 0; i < axis_count; ++i) {
        text += fmt::format("{}[{}, {})", i == 0 ? "" : " x ", box.lo[i], box.hi[i]);
    }
    return text;
}

}  // namespace aureole
