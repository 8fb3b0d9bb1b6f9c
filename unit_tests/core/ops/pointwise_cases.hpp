#pragma once
#include <gtest/gtest.h>

#include "core/ops/activation.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

/// A case of pointwise.h5, which make_pointwise.py writes.
struct PointwiseCase {
    std::string name;

    [[nodiscard]] HostTensor tensor(std::string const& dataset, DType dtype) const {
        return as_type(read_golden("pointwise.h5", name + "/" + dataset), dtype);
    }
    [[nodiscard]] double number(std::string const& key) const { return golden_attribute("pointwise.h5", name, key)[0]; }
    [[nodiscard]] bool flag(std::string const& key) const { return number(key) != 0; }
};

[[nodiscard]] inline std::vector<PointwiseCase> pointwise_cases(std::string const& prefix) {
    std::vector<PointwiseCase> cases;
    for (std::string const& name : golden_cases("pointwise.h5", prefix)) { cases.push_back({name}); }
    return cases;
}

/// Relative difference in the norm allowed against PyTorch's f64 values.
[[nodiscard]] constexpr double pointwise_tolerance(DType dtype) {
    return dtype == DType::f64 ? 1e-10 : dtype == DType::f32 ? 1e-5 : 2e-2;
}

inline constexpr std::array<DType, 3> floating_types{DType::f64, DType::f32, DType::bf16};

[[nodiscard]] inline ActivationAttributes activation_of(PointwiseCase const& given, std::string const& key) {
    return {static_cast<ActivationKind>(given.number(key)), given.number("slope")};
}

/// Loss and gradient of a loss operator with the inputs logits, labels against the case, in every type.
inline void expect_golden_loss(OperatorPtr const& op, PointwiseCase const& given, DType labels,
                               RunContext const& context = {}) {
    for (DType const dtype : floating_types) {
        SCOPED_TRACE(given.name + " in " + std::string(name_of(dtype)));
        std::vector<HostTensor> const inputs{given.tensor("logits", dtype), given.tensor("labels", labels)};
        HarnessOptions options;
        options.wanted = {true, false};
        options.context = context;
        OperatorRun const run = run_loss(op, inputs, options);
        double const exact = dtype == DType::f64 ? 1e-12 : 1e-6;  // the logits are exact in every type
        expect_near(run.outputs[0], given.tensor("loss", DType::f64), exact);
        ASSERT_TRUE(run.gradients[0].has_value());
        expect_near(*run.gradients[0], given.tensor("dlogits", DType::f64), pointwise_tolerance(dtype));
    }
}

}  // namespace aureole::test
