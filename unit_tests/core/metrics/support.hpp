#pragma once
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

[[nodiscard]] inline HostTensor zero_counts(Shape const& shape) {
    return {shape, DType::f64, std::vector<double>(static_cast<std::size_t>(shape.volume()), 0)};
}

/// The counts after a metric operator has seen a batch.
[[nodiscard]] inline HostTensor counts_after(OperatorPtr const& op, HostTensor const& logits, HostTensor const& labels,
                                             HostTensor const& counts, RunContext const& context = {}) {
    HarnessOptions options;
    options.context = context;
    return run_operator(op, {logits, labels, counts}, {}, options).inputs_after[2];
}

}  // namespace aureole::test
