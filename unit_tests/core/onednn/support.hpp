#pragma once
#include <gtest/gtest.h>

#include <algorithm>

#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

inline HarnessOptions automatic() {
    HarnessOptions options;
    options.choice = KernelChoice::automatic;
    return options;
}

inline bool ran(OperatorRun const& run, std::string const& what) {
    return std::find(run.libraries.begin(), run.libraries.end(), what) != run.libraries.end();
}

/// Outputs and all gradients of the planned kernels against the native ones in f32 on the same values.
inline OperatorRun expect_matches_native(OperatorPtr const& op, std::vector<HostTensor> const& inputs, DType dtype) {
    double const tolerance = dtype == DType::bf16 ? 2e-2 : 1e-5;
    std::vector<HostTensor> exact;
    for (HostTensor const& input : inputs) { exact.push_back(as_type(input, DType::f32)); }
    Shape const result = run_operator(op, exact).outputs[0].shape;
    HostTensor const dy = random_tensor(result, dtype, 77);
    OperatorRun const want = run_operator(op, exact, {as_type(dy, DType::f32)});
    OperatorRun got = run_operator(op, inputs, {dy}, automatic());
    expect_near(got.outputs[0], want.outputs[0], tolerance);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        EXPECT_TRUE(got.gradients[i] && want.gradients[i]) << "input " << i;
        if (got.gradients[i] && want.gradients[i]) { expect_near(*got.gradients[i], *want.gradients[i], tolerance); }
    }
    return got;
}

}  // namespace aureole::test
