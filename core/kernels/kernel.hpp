#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/kernels/kernel_choice.hpp"
#include "core/ops/operator.hpp"

namespace aureole {

/// What may differ between two executions of the same kernel.
struct RunContext {
    std::uint64_t seed = 0;
    std::uint64_t step = 0;
    Index first_sample = 0;    ///< index within the batch of the micro-batch's sample 0 (random numbers depend on it)
    bool accumulate = false;   ///< weight gradients add to what is there: every micro-batch but the first
    Index valid_samples = -1;  ///< samples of the micro-batch that count, -1: all (the last batch of an evaluation)
    /// What losses divide their sums by: the labels that count in the whole batch, divided by the number of its
    /// micro-batches; -1: all labels of the valid samples of this micro-batch.
    double counted_labels = -1;
    /// The same of samples in which at least one label counts.
    double counted_samples = -1;
    double learning_rate = 0;  ///< of updates within the graph
    Index update = 0;          ///< number of the update, from 0
};

/// An operator planned for fixed local shapes. Everything is decided at construction; `run` neither allocates nor
/// fences nor fails.
class Kernel {
  public:
    virtual ~Kernel() = default;
    /// Scratch bytes that `run` needs, 64-byte aligned; they are part of the memory plan.
    [[nodiscard]] virtual std::size_t workspace_bytes() const { return 0; }
    /// Overwrites `outputs` (or adds to them, see RunContext::accumulate). Inputs and outputs come in the operator's
    /// order.
    virtual void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
                     std::byte* workspace) const = 0;
};

/// What an implementation is asked for: the operator and the local part of every input and output.
struct KernelRequest {
    Operator const* op = nullptr;
    std::uint64_t stream = 0;  ///< identity of the operator for random numbers (hash of the node's name)
    std::vector<TensorSpec> outputs, inputs;

    [[nodiscard]] bool has_strided() const;
    /// The operator as the class that its kind() says it is.
    template <class Op>
    [[nodiscard]] Op const& as() const {
        return static_cast<Op const&>(*op);
    }
};

/// One row of the dispatch table. `make` returns nothing and says why in `refusal` if the request is not for it.
struct Implementation {
    std::string_view kind;     ///< Operator::kind()
    std::string_view library;  ///< "native", "onednn"
    std::unique_ptr<Kernel> (*make)(KernelRequest const& request, std::string& refusal);
    bool strided = false;  ///< takes tensors that are parts of larger ones (TensorSpec::within)
};

/// All implementations of an operator kind, best first, the native one last.
[[nodiscard]] std::vector<Implementation> implementations_of(std::string_view kind, KernelChoice choice);

struct PlannedKernel {
    std::string_view library;
    std::unique_ptr<Kernel> kernel;
};
/// The first implementation that accepts, or nothing; all refusals are added to `refusals`.
[[nodiscard]] std::optional<PlannedKernel> find_kernel(KernelRequest const& request, KernelChoice choice,
                                                       std::string& refusals);
/// The same. Throws with every refusal if none accepts.
[[nodiscard]] PlannedKernel plan_kernel(KernelRequest const& request, KernelChoice choice);

}  // namespace aureole
