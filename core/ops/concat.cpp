#include "core/ops/concat.hpp"

#include "core/error.hpp"
#include "core/graph/backward.hpp"
#include "core/ops/slice.hpp"

namespace aureole {

std::vector<ValueType> Concat::infer(std::span<ValueType const> inputs) const {
    require(!inputs.empty(), ExitCode::bad_deck, "concat: no inputs: name the layers to join in `from`");
    ValueType result = inputs[0];
    for (ValueType const& each : inputs.subspan(1)) {
        Shape aligned = each.shape;
        aligned.c = result.shape.c;
        require(aligned == result.shape && each.dtype == result.dtype, ExitCode::bad_deck,
                "concat: {} and {} differ in more than channels: give the branches the same size",
                to_string(result.shape), to_string(each.shape));
        result.shape.c += each.shape.c;
    }
    return {result};
}

Access Concat::access(std::size_t /*input*/) const {
    Access access;
    access.reach[static_cast<std::size_t>(Axis::c)] = Reach::all;
    return access;
}

void Concat::differentiate(Backward& backward) const {
    ValueId const dy = backward.gradient(0);
    Index begin = 0;
    for (std::size_t i = 0; begin < backward.output_type(0).shape.c; ++i) {
        Index const end = begin + backward.input_type(i).shape.c;
        if (backward.needs(i)) {
            auto const part = std::make_shared<Slice>(SliceAttributes{Axis::c, begin, end});
            backward.contribute(i, backward.emit(Phase::input_gradient, part, {dy})[0]);
        }
        begin = end;
    }
}

}  // namespace aureole
