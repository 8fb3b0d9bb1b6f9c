#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/ops/window.hpp"
#include "core/tensor/tensor.hpp"

namespace aureole {

class Backward;

/// Global shape and element type of a value of the graph.
struct ValueType {
    DType dtype = DType::f32;
    Shape shape;
    friend bool operator==(ValueType const&, ValueType const&) = default;
};

/// How far an output position reaches along one axis of an input.
enum class Reach : std::uint8_t {
    same,            ///< the same position
    window,          ///< a window of positions (convolution, pooling)
    inverse_window,  ///< every position whose window holds the output position (their gradients, transposed
                     ///< convolution)
    all,  ///< the whole axis; for an axis that the output lacks: a reduction, i.e. local partial sums and an all-reduce
};

/// Access rule of one input: the reach along (n, d, h, w, c). It is what makes tiling automatic.
struct Access {
    std::array<Reach, axis_count> reach{Reach::same, Reach::same, Reach::same, Reach::same, Reach::same};
    Windows window{};  ///< for d, h, w where the reach is window or inverse_window

    [[nodiscard]] static Access pointwise() { return {}; }
    [[nodiscard]] static Access whole() { return {{Reach::all, Reach::all, Reach::all, Reach::all, Reach::all}, {}}; }
    /// Windowed over d, h, w; `channels` is Reach::all for convolutions, Reach::same for pooling.
    [[nodiscard]] static Access windowed(Windows const& windows, Reach reach, Reach channels);
};

/// The part of an input of global shape `input` that is needed to compute the part `output` of the result.
[[nodiscard]] Box needed_box(Access const& access, Box const& output, Shape const& input);

/// Work of one execution over the whole tensors; a multiply-add counts as two operations.
struct Cost {
    double flops = 0;
    double bytes = 0;  ///< least traffic: every input and output once
};

/// Whether recomputing a result in the backward pass is worth the memory it frees.
enum class Recompute : std::uint8_t {
    never,   ///< small or with side effects (statistics)
    cheap,   ///< memory-bound: about as fast as reading the stored result
    costly,  ///< only with `recompute: blocks`
};

/// How the results of ranks that each took some pixels of a reduction become the result of all pixels.
enum class Combine : std::uint8_t {
    sum,
    moments,  ///< triples (count, mean, sum of squared deviations) along c
    maximum,  ///< output 0 is a maximum, output 1 the place where it is; the smaller place of equal ones
};

struct Split;

/// An operator: its attributes, and the rules that the rest of the program needs to know of it.
///
/// Inputs come in a documented order: activations first, then parameters, then state. Inputs that may be absent are
/// announced by attributes. Values have global shapes here; kernels see local ones.
class Operator {
  public:
    virtual ~Operator() = default;
    /// Key of the dispatch table, e.g. "conv", "conv_input_gradient".
    [[nodiscard]] virtual std::string_view kind() const = 0;
    /// Shape rule. Throws Error(bad_deck) naming the offending extents if the inputs do not fit.
    [[nodiscard]] virtual std::vector<ValueType> infer(std::span<ValueType const> inputs) const = 0;
    /// Access rule of input i for output 0 (and for every output unless the operator says otherwise).
    [[nodiscard]] virtual Access access(std::size_t input) const = 0;
    [[nodiscard]] virtual Cost cost(std::span<ValueType const> inputs, std::span<ValueType const> outputs) const;
    /// Gradient rule: emits the operators that compute input and weight gradients. Operators that only occur in the
    /// backward pass keep the default, which is an error.
    virtual void differentiate(Backward& backward) const;
    [[nodiscard]] virtual Recompute recompute() const { return Recompute::costly; }
    /// Index of the input whose memory output `output` may take over element by element, or -1.
    [[nodiscard]] virtual int in_place(std::size_t output) const;
    /// Output 0 is input 0 seen with another shape; no kernel runs.
    [[nodiscard]] virtual bool is_view() const { return false; }
    /// Input i is state that the kernel updates (running statistics, metric counters).
    [[nodiscard]] virtual bool writes_input(std::size_t input) const;
    /// For a reduction over pixels: the input whose pixels are shared out among ranks, or -1 for all other operators.
    [[nodiscard]] virtual int reduced_input() const { return -1; }
    /// For a reduction: the part of another input that belongs to a pixel of reduced_input(), with all its channels.
    [[nodiscard]] virtual Access access_by_pixel(std::size_t input) const;
    /// For a reduction: whether an output has a row along n for every sample of reduced_input(), or for every so many
    /// consecutive ones; otherwise all samples add to all of it.
    [[nodiscard]] virtual bool has_rows_of_samples(std::size_t /*output*/) const { return false; }
    /// For a reduction: how partial outputs are combined.
    [[nodiscard]] virtual Combine combine() const { return Combine::sum; }
    /// For a reduction whose outputs cannot be combined: what can be, and what follows.
    [[nodiscard]] virtual std::optional<Split> split(std::span<ValueType const> inputs) const;
    /// Outputs add to what is there when RunContext::accumulate is set (weight gradients over micro-batches).
    [[nodiscard]] virtual bool accumulates() const { return false; }
};

using OperatorPtr = std::shared_ptr<Operator const>;

/// A reduction in two parts: `partial` gives outputs that ranks combine; `finish` computes the outputs of the whole
/// operator from them.
struct Split {
    OperatorPtr partial;                       ///< reads the inputs `partial_inputs`
    OperatorPtr finish;                        ///< reads the combined outputs of `partial`, then `finish_inputs`
    std::vector<std::size_t> partial_inputs;   ///< inputs of the whole operator
    std::vector<std::size_t> finish_inputs;    ///< inputs of the whole operator
    std::vector<std::size_t> finish_outputs;   ///< outputs of the whole operator that `finish` gives, in its order
    std::vector<std::size_t> partial_outputs;  ///< outputs of the whole operator that `partial` gives, in its order
};

}  // namespace aureole
