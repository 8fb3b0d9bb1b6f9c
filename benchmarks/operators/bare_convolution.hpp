#pragma once
#include "core/kernels/kernel.hpp"

namespace aureole::benchmarks {

/// How the bare primitive sees its activations. Weights are in the layout that the primitive prefers either way.
enum class ActivationLayout : std::uint8_t {
    channels_last,
    library,  ///< whatever the library likes best
};

/// Times the oneDNN primitive of a convolution alone: no packing of weights, nothing around it. The sum of these times
/// over the nodes of a network is a limit that no training step built on the library gets below.
class BareConvolution {
  public:
    explicit BareConvolution(int runs = 5, ActivationLayout layout = ActivationLayout::channels_last)
        : runs_(runs), layout_(layout) {}

    /// Whether the operator is a convolution, a transposed one or one of their gradients, in f32 or bf16.
    [[nodiscard]] static bool covers(KernelRequest const& request);
    /// Fastest of the runs after one to warm up, in seconds. Throws if the library cannot do it or `covers` is false.
    [[nodiscard]] double seconds(KernelRequest const& request) const;

  private:
    int runs_;
    ActivationLayout layout_;
};

}  // namespace aureole::benchmarks
