#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/kernels/kernel.hpp"

namespace aureole::test {

/// A tensor as tests see it: values as double, channels last; already rounded to `dtype`.
struct HostTensor {
    Shape shape;
    DType dtype = DType::f64;
    std::vector<double> values;
};

/// Uniform values in [lo, hi), rounded to the type.
[[nodiscard]] HostTensor random_tensor(Shape const& shape, DType dtype, std::uint64_t seed, double lo = -1,
                                       double hi = 1);
/// The same values in another type.
[[nodiscard]] HostTensor as_type(HostTensor const& tensor, DType dtype);

struct HarnessOptions {
    KernelChoice choice = KernelChoice::native;
    RunContext context{};
    std::vector<bool> wanted{};  ///< inputs whose gradient is wanted; empty: every floating-point input
};

struct OperatorRun {
    std::vector<HostTensor> outputs;
    std::vector<std::optional<HostTensor>> gradients;  ///< per input
    std::vector<HostTensor> inputs_after;              ///< state inputs may have been updated
    std::vector<std::string> libraries;                ///< "kind: library" of every kernel that ran
    std::vector<std::string> strided;  ///< kinds whose kernel was found to give the same for strided tensors
};

/// Every kernel that takes strided tensors also runs with parts of larger tensors, and must give the same.
///
/// Runs the operator and, if `dy` is given (one per output that has a gradient, in order) or output 0 is a loss, the
/// operators of its gradient rule. `dy` empty and `loss` false: forward only.
[[nodiscard]] OperatorRun run_operator(OperatorPtr const& op, std::vector<HostTensor> const& inputs,
                                       std::vector<HostTensor> const& dy = {}, HarnessOptions const& options = {});
/// The same for an operator whose output 0 is a loss.
[[nodiscard]] OperatorRun run_loss(OperatorPtr const& op, std::vector<HostTensor> const& inputs,
                                   HarnessOptions const& options = {});

/// How often this process ran a kernel, "kind: library", between red zones.
[[nodiscard]] int runs_between_red_zones(std::string const& kernel);

/// Elements from the first one of what a tensor lies within to its own first one.
[[nodiscard]] Index first_element(TensorSpec const& spec);

/// |got - want| <= tolerance * |want| in the Euclidean norm, and shapes are equal.
void expect_near(HostTensor const& got, HostTensor const& want, double tolerance);

/// Central differences of sum(y * r) for random r (or of the loss) against the gradient rule, all inputs in f64.
void expect_gradients_match_finite_differences(OperatorPtr const& op, std::vector<HostTensor> inputs,
                                               HarnessOptions const& options = {}, double tolerance = 1e-6,
                                               bool loss = false);

/// Output 0 computed tile by tile (tiles along d, h, w), each from only the input parts that the access rule names,
/// equals the whole output bit for bit (tolerance 0) or within the tolerance.
void expect_tiles_match_whole(OperatorPtr const& op, std::vector<HostTensor> const& inputs, std::array<Index, 3> tiles,
                              double tolerance = 0, HarnessOptions const& options = {});

/// A dataset of unit_tests/golden/<file> as f64; rank 5 (n, d, h, w, c), missing leading axes are 1.
[[nodiscard]] HostTensor read_golden(std::string const& file, std::string const& dataset);
/// A scalar or list attribute of a golden group, as doubles.
[[nodiscard]] std::vector<double> golden_attribute(std::string const& file, std::string const& group,
                                                   std::string const& attribute);
/// Names of the groups (cases) at the root of a golden file whose names begin with `prefix`.
[[nodiscard]] std::vector<std::string> golden_cases(std::string const& file, std::string const& prefix);

}  // namespace aureole::test
