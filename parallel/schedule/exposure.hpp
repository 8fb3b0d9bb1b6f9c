#pragma once
#include <span>

#include "parallel/schedule/event.hpp"

namespace aureole {

/// What exchanges and reductions between operators take of a step, where a row does nothing else meanwhile: shares of
/// the time between the first and last operator, mean of the rows.
struct Exposure {
    double late = 0;      ///< waiting for a row that gets there later: the work is not balanced, or disturbed
    double messages = 0;  ///< all else: packing, copies, the messages themselves

    [[nodiscard]] double total() const { return late + messages; }
};

/// Rows of a group run operators of the same name the same number of times. An operator `x.begin` sends what `x` waits
/// for.
[[nodiscard]] Exposure exposure_of(std::span<OperatorEvent const> operators);

}  // namespace aureole
