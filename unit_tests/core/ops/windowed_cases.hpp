#pragma once
#include <gtest/gtest.h>

#include "core/ops/window.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

/// A case of windowed.h5, which make_windowed.py writes.
struct WindowedCase {
    std::string name;

    [[nodiscard]] HostTensor tensor(std::string const& dataset, DType dtype) const {
        return as_type(read_golden("windowed.h5", name + "/" + dataset), dtype);
    }
    [[nodiscard]] std::vector<double> attribute(std::string const& key) const {
        return golden_attribute("windowed.h5", name, key);
    }
    [[nodiscard]] Index number(std::string const& key) const { return static_cast<Index>(attribute(key)[0]); }
    [[nodiscard]] bool flag(std::string const& key) const { return attribute(key)[0] != 0; }
    [[nodiscard]] std::array<Index, 3> triple(std::string const& key) const {
        auto const values = attribute(key);
        return {static_cast<Index>(values[0]), static_cast<Index>(values[1]), static_cast<Index>(values[2])};
    }
    [[nodiscard]] Windows windows() const {
        auto const v = attribute("window");
        Windows windows;
        for (std::size_t i = 0; i < 3; ++i) {
            auto const at = [&](std::size_t k) { return static_cast<Index>(v[5 * i + k]); };
            windows[i] = {at(0), at(1), at(2), at(3), at(4)};
        }
        return windows;
    }
};

[[nodiscard]] inline std::vector<WindowedCase> windowed_cases(std::string const& prefix) {
    std::vector<WindowedCase> cases;
    for (std::string const& name : golden_cases("windowed.h5", prefix)) { cases.push_back({name}); }
    return cases;
}

/// Relative difference in the norm allowed against PyTorch's f64 values.
[[nodiscard]] constexpr double golden_tolerance(DType dtype) {
    return dtype == DType::f64 ? 1e-10 : dtype == DType::f32 ? 1e-5 : 2e-2;
}

inline constexpr std::array<DType, 3> activation_types{DType::f64, DType::f32, DType::bf16};

/// Value and gradients of an operator with the inputs x, [w, [b]] against the case, in every type.
inline void expect_golden(OperatorPtr const& op, WindowedCase const& given, bool weights, bool bias) {
    for (DType const dtype : activation_types) {
        SCOPED_TRACE(given.name + " in " + std::string(name_of(dtype)));
        std::vector<HostTensor> inputs{given.tensor("x", dtype)};
        std::vector<std::string> gradients{"dx"};
        if (weights) {
            inputs.push_back(given.tensor("w", accumulation_type(dtype)));
            gradients.emplace_back("dw");
        }
        if (bias) {
            inputs.push_back(given.tensor("b", accumulation_type(dtype)));
            gradients.emplace_back("db");
        }
        OperatorRun const run = run_operator(op, inputs, {given.tensor("dy", dtype)});
        expect_near(run.outputs[0], given.tensor("y", DType::f64), golden_tolerance(dtype));
        for (std::size_t i = 0; i < gradients.size(); ++i) {
            SCOPED_TRACE(gradients[i]);
            ASSERT_TRUE(run.gradients[i].has_value());
            expect_near(*run.gradients[i], given.tensor(gradients[i], DType::f64), golden_tolerance(dtype));
        }
    }
}

}  // namespace aureole::test
