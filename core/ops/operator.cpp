#include "core/ops/operator.hpp"

#include "core/error.hpp"

namespace aureole {

namespace {

/// Rounds towards minus infinity; the divisor is positive.
Index floor_divide(Index a, Index b) { return a / b - (a % b < 0 ? 1 : 0); }
Index ceil_divide(Index a, Index b) { return -floor_divide(-a, b); }

struct Range {
    Index lo, hi;
};

Range needed_range(Reach reach, Window const& window, Range output, Index input) {
    switch (reach) {
        case Reach::same: return output;
        case Reach::all: return {0, input};
        case Reach::window: {
            Index const lo = output.lo * window.stride - window.pad_lo;
            Index const hi = (output.hi - 1) * window.stride - window.pad_lo + window.reach();
            return {std::clamp<Index>(lo, 0, input), std::clamp<Index>(hi, 0, input)};
        }
        case Reach::inverse_window: {
            // positions i with i * stride - pad_lo <= o <= i * stride - pad_lo + reach - 1 for some o in the output
            Index const lo = ceil_divide(output.lo + window.pad_lo - window.reach() + 1, window.stride);
            Index const hi = floor_divide(output.hi - 1 + window.pad_lo, window.stride) + 1;
            return {std::clamp<Index>(lo, 0, input), std::clamp<Index>(hi, 0, input)};
        }
    }
    return output;
}

}  // namespace

Access Access::windowed(Windows const& windows, Reach reach, Reach channels) {
    return {{Reach::same, reach, reach, reach, channels}, windows};
}

Box needed_box(Access const& access, Box const& output, Shape const& input) {
    Box needed;
    auto const extents = input.extents();
    for (std::size_t i = 0; i < axis_count; ++i) {
        Window const window = i >= 1 && i <= 3 ? access.window[i - 1] : Window{};
        Range const range = needed_range(access.reach[i], window, {output.lo[i], output.hi[i]}, extents[i]);
        needed.lo[i] = range.lo;
        needed.hi[i] = std::max(range.lo, range.hi);
    }
    return needed;
}

Cost Operator::cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const {
    Cost cost;
    for (auto const values : {inputs, outputs}) {
        for (ValueType const& value : values) {
            cost.bytes += static_cast<double>(value.shape.volume()) * static_cast<double>(size_of(value.dtype));
        }
    }
    return cost;
}

void Operator::differentiate(Backward& /*backward*/) const {
    fail(ExitCode::internal, "operator {} has no gradient rule", kind());
}

Access Operator::access_by_pixel(std::size_t /*input*/) const {
    return {{Reach::same, Reach::same, Reach::same, Reach::same, Reach::all}, {}};
}
std::optional<Split> Operator::split(std::span<ValueType const> /*inputs*/) const { return {}; }
int Operator::in_place(std::size_t /*output*/) const { return -1; }
bool Operator::writes_input(std::size_t /*input*/) const { return false; }

}  // namespace aureole
