#include "core/kernels/onednn/product.hpp"

#include <algorithm>

#include "core/kernels/launch.hpp"
#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/packing.hpp"
#include "core/kernels/onednn/patches.hpp"

namespace aureole::onednn {

namespace {

// a block of patches: about half a mebibyte, but enough pixels to be worth reading the weights for
constexpr Index block_elements = Index{1} << 17;
constexpr Index least_pixels = 256;

bool is_a_product(DType dtype, ConvAttributes const& attributes, std::string& refusal) {
    if (dtype != DType::f32) {
        refusal = fmt::format("no {}", name_of(dtype));
    } else if (attributes.groups > 1) {
        refusal = "no groups";
    }
    return refusal.empty();
}

/// A row-major matrix of f32.
struct Matrix {
    float const* data;
    Index columns;
};

/// c (m x n) = beta c + a b, a transposed if asked for.
void multiply(bool transposed, Index m, Index n, Index k, Matrix const& a, Matrix const& b, float beta, float* c) {
    dnnl::error::wrap_c_api(
        dnnl_sgemm(transposed ? 'T' : 'N', 'N', m, n, k, 1.0F, a.data, a.columns, b.data, b.columns, beta, c, n),
        "matrix product");
}

/// Pixels of y in blocks, shared out among threads, each with a buffer for the patches of a block.
class PatchBlocks {
  public:
    PatchBlocks(ConvGeometry const& geometry, WorkspaceLayout& workspace)
        : patches_(geometry),
          threads_(static_cast<Index>(host_threads())),
          pixels_(std::min(patches_.count(), std::max(least_pixels, block_elements / patches_.length()))) {
        if (patches_.are_pixels()) { return; }
        buffers_ = workspace.add(static_cast<std::size_t>(threads_ * pixels_ * patches_.length()) * sizeof(float));
    }
    [[nodiscard]] Index threads() const { return threads_; }
    [[nodiscard]] Index length() const { return patches_.length(); }
    [[nodiscard]] Index count() const { return patches_.count(); }

    /// Calls work(thread, patches, first pixel, number of pixels) for every block; blocks of a thread come in order.
    template <class Work>
    void for_each(char const* label, float const* x, std::byte* workspace, Work const& work) const {
        constexpr Index much = 4096;  // for a loop over threads
        for_rows(label, threads_, much, [&](Index thread, Index /*begin*/, Index /*end*/) {
            float* const buffer = reinterpret_cast<float*>(workspace + buffers_) + thread * pixels_ * length();
            Index const end = count() * (thread + 1) / threads_;
            for (Index first = count() * thread / threads_; first < end; first += pixels_) {
                Index const number = std::min(pixels_, end - first);
                if (!patches_.are_pixels()) { patches_.gather(x, first, number, buffer); }
                float const* const rows = patches_.are_pixels() ? x + first * length() : buffer;
                work(thread, Matrix{rows, length()}, first, number);
            }
        });
    }

  private:
    Patches patches_;
    Index threads_, pixels_;
    std::size_t buffers_ = 0;
};

class ConvByProduct final : public Kernel {
  public:
    ConvByProduct(ConvGeometry const& geometry, ConvAttributes const& attributes)
        : attributes_(attributes),
          x_offset_(geometry.x_offset),
          filters_(geometry.y.c),
          blocks_(geometry, workspace_) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        std::size_t const w = attributes_.addend ? 2 : 1;
        Matrix const weights{inputs[w].as<float>(), filters_};
        float const* const bias = attributes_.bias ? inputs[w + 1].as<float>() : nullptr;
        float const* const addend = attributes_.addend ? inputs[1].as<float>() : nullptr;
        float* const y = outputs[0].as<float>();
        float const beta = bias != nullptr || addend != nullptr ? 1 : 0;
        blocks_.for_each("aureole::conv_by_product", inputs[0].as<float>() + x_offset_, workspace,
                         [&](Index /*thread*/, Matrix const& patches, Index first, Index number) {
                             float* const to = y + first * filters_;
                             if (addend != nullptr && addend != y) {
                                 std::copy_n(addend + first * filters_, number * filters_, to);
                             }
                             if (bias != nullptr) { add_bias(bias, addend != nullptr, number, to); }
                             multiply(false, number, filters_, blocks_.length(), patches, weights, beta, to);
                         });
    }

  private:
    ConvAttributes attributes_;
    Index x_offset_, filters_;
    WorkspaceLayout workspace_;
    PatchBlocks blocks_;

    void add_bias(float const* bias, bool add, Index pixels, float* to) const {
        for (Index i = 0; i < pixels; ++i, to += filters_) {
            for (Index k = 0; k < filters_; ++k) { to[k] = add ? to[k] + bias[k] : bias[k]; }
        }
    }
};

/// A convolution of dy with the weights turned round.
class ConvInputGradientByProduct final : public Kernel {
  public:
    explicit ConvInputGradientByProduct(ConvGeometry const& geometry)
        : dy_offset_(geometry.y_offset),
          channels_(geometry.x.c),
          weights_({geometry.weights(), 1, true, true}, DType::f32, stored_weights(turned_round(geometry)), workspace_),
          blocks_(turned_round(geometry), workspace_) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        Matrix const weights{static_cast<float const*>(weights_.prepare(inputs[1].data, workspace)), channels_};
        float* const dx = outputs[0].as<float>();
        blocks_.for_each("aureole::conv_input_gradient_by_product", inputs[0].as<float>() + dy_offset_, workspace,
                         [&](Index /*thread*/, Matrix const& patches, Index first, Index number) {
                             multiply(false, number, channels_, blocks_.length(), patches, weights, 0,
                                      dx + first * channels_);
                         });
    }

  private:
    Index dy_offset_, channels_;
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    PatchBlocks blocks_;
};

/// Every thread sums over its pixels; the sums are added in the order of threads.
class ConvWeightGradientByProduct final : public Kernel {
  public:
    ConvWeightGradientByProduct(ConvGeometry const& geometry, bool bias)
        : bias_(bias),
          x_offset_(geometry.x_offset),
          filters_(geometry.y.c),
          blocks_(geometry, workspace_),
          dw_(workspace_.add(static_cast<std::size_t>(blocks_.threads() * weights()) * sizeof(float))),
          db_(workspace_.add(static_cast<std::size_t>(blocks_.threads() * filters_) * sizeof(float))) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        float const* const dy = inputs[1].as<float>();
        auto* const dw = reinterpret_cast<float*>(workspace + dw_);
        auto* const db = reinterpret_cast<float*>(workspace + db_);
        std::fill_n(dw, blocks_.threads() * weights(), 0.0F);
        std::fill_n(db, blocks_.threads() * filters_, 0.0F);
        blocks_.for_each("aureole::conv_weight_gradient_by_product", inputs[0].as<float>() + x_offset_, workspace,
                         [&](Index thread, Matrix const& patches, Index first, Index number) {
                             Matrix const of_block{dy + first * filters_, filters_};
                             multiply(true, blocks_.length(), filters_, number, patches, of_block, 1,
                                      dw + thread * weights());
                             if (bias_) { add_rows(of_block, number, db + thread * filters_); }
                         });
        add_threads(dw, weights(), context.accumulate, outputs[0].as<float>());
        if (bias_) { add_threads(db, filters_, context.accumulate, outputs[1].as<float>()); }
    }

  private:
    bool bias_;
    Index x_offset_, filters_;
    WorkspaceLayout workspace_;
    PatchBlocks blocks_;
    std::size_t dw_, db_;

    [[nodiscard]] Index weights() const { return blocks_.length() * filters_; }
    static void add_rows(Matrix const& rows, Index number, float* to) {
        for (Index i = 0; i < number; ++i) {
            for (Index k = 0; k < rows.columns; ++k) { to[k] += rows.data[i * rows.columns + k]; }
        }
    }
    void add_threads(float const* parts, Index size, bool accumulate, float* to) const {
        for_elements("aureole::conv_weight_gradient_by_product::add", size, [=, this](Index begin, Index end) {
            for (Index i = begin; i < end; ++i) {
                float sum = accumulate ? to[i] : 0;
                for (Index thread = 0; thread < blocks_.threads(); ++thread) { sum += parts[thread * size + i]; }
                to[i] = sum;
            }
        });
    }
};

}  // namespace

std::unique_ptr<Kernel> make_conv_by_product(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<Conv>().attributes();
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    if (!is_a_product(x.dtype, attributes, refusal)) { return {}; }
    auto const geometry = conv_geometry(attributes.window, attributes.groups, x, y, Covered::output, refusal);
    if (!geometry) { return {}; }
    return std::make_unique<ConvByProduct>(*geometry, attributes);
}

std::unique_ptr<Kernel> make_conv_input_gradient_by_product(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<ConvInputGradient>().attributes();
    TensorSpec const &dx = request.outputs[0], &dy = request.inputs[0];
    if (!is_a_product(dx.dtype, attributes, refusal)) { return {}; }
    if (!has_unit_strides(attributes.window)) {
        refusal = "strides are not 1";
        return {};
    }
    auto const geometry = conv_geometry(attributes.window, attributes.groups, dx, dy, Covered::input, refusal);
    if (!geometry) { return {}; }
    return std::make_unique<ConvInputGradientByProduct>(*geometry);
}

std::unique_ptr<Kernel> make_conv_weight_gradient_by_product(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<ConvWeightGradient>().attributes();
    TensorSpec const &x = request.inputs[0], &dy = request.inputs[1];
    if (!is_a_product(x.dtype, attributes, refusal)) { return {}; }
    auto const geometry = conv_geometry(attributes.window, attributes.groups, x, dy, Covered::output, refusal);
    if (!geometry) { return {}; }
    return std::make_unique<ConvWeightGradientByProduct>(*geometry, attributes.bias);
}

}  // namespace aureole::onednn
