#include "core/kernels/onednn/product.hpp"

#include <algorithm>
#include <type_traits>

#include "core/kernels/launch.hpp"
#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/packing.hpp"
#include "core/kernels/onednn/patches.hpp"
#include "core/tensor/lines.hpp"

namespace aureole::onednn {

namespace {

// a block of patches: about half a mebibyte, but enough pixels to be worth reading the weights for
constexpr Index block_elements = Index{1} << 17;
constexpr Index least_pixels = 256;

/// Nothing, and the reason in `refusal`, for what is not such a product.
std::optional<ConvGeometry> product_geometry(ConvAttributes const& attributes, TensorSpec const& x, TensorSpec const& y,
                                             Covered covered, std::string& refusal) {
    if (x.dtype != DType::f32 && x.dtype != DType::bf16) {
        refusal = fmt::format("no {}", name_of(x.dtype));
    } else if (attributes.groups > 1) {
        refusal = "no groups";
    } else if (covered == Covered::input && !has_unit_strides(attributes.window)) {
        refusal = "strides are not 1";
    }
    Shape const patches{least_pixels, attributes.window[0].size, attributes.window[1].size, attributes.window[2].size,
                        x.local().c};
    if (!refusal.empty() || !are_countable({patches, Shape{1, 1, 1, 1, y.local().c}}, refusal)) { return {}; }
    return conv_geometry(attributes.window, attributes.groups, x, y, covered, refusal);
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
    PatchBlocks(ConvGeometry const& geometry, DType dtype, WorkspaceLayout& workspace)
        : patches_(geometry),
          in_place_(patches_.are_pixels() && dtype == DType::f32 && Lines::of(geometry.x, geometry.x_strides).dense),
          threads_(static_cast<Index>(host_threads())),
          pixels_(std::min(patches_.count(), std::max(least_pixels, block_elements / patches_.length()))),
          buffers_(add_buffers(in_place_ ? 0 : patches_.length(), workspace)) {}
    [[nodiscard]] Index threads() const { return threads_; }
    [[nodiscard]] Index length() const { return patches_.length(); }
    /// Room for rows of so many columns, one for every pixel of a block, for each thread.
    [[nodiscard]] std::size_t add_buffers(Index columns, WorkspaceLayout& workspace) const {
        return workspace.add(static_cast<std::size_t>(threads_ * pixels_ * columns) * sizeof(float));
    }
    [[nodiscard]] float* buffer(std::size_t buffers, Index columns, Index thread, std::byte* workspace) const {
        return reinterpret_cast<float*>(workspace + buffers) + thread * pixels_ * columns;
    }

    /// Calls work(thread, patches, first pixel, number of pixels) for every block; blocks of a thread come in order.
    template <class T, class Work>
    void for_each(char const* label, T const* x, std::byte* workspace, Work const& work) const {
        constexpr Index much = 4096;  // for a loop over threads
        for_rows(label, threads_, much, [&](Index thread, Index /*begin*/, Index /*end*/) {
            Index const end = patches_.count() * (thread + 1) / threads_;
            for (Index first = patches_.count() * thread / threads_; first < end; first += pixels_) {
                Index const number = std::min(pixels_, end - first);
                work(thread, rows(x, first, number, buffer(buffers_, length(), thread, workspace)), first, number);
            }
        });
    }

  private:
    Patches patches_;
    bool in_place_;
    Index threads_, pixels_;
    std::size_t buffers_;

    template <class T>
    [[nodiscard]] Matrix rows(T const* x, Index first, Index number, float* buffer) const {
        if constexpr (std::is_same_v<T, float>) {
            if (in_place_) { return {x + first * length(), length()}; }
        }
        patches_.gather(x, first, number, buffer);
        return {buffer, length()};
    }
};

/// Calls visit(first element in the tensor, first pixel, pixels) for runs of pixels that are neighbours in memory.
template <class Visit>
void for_runs(Lines const& lines, Index columns, Index first, Index number, Visit const& visit) {
    Index const line = lines.dense ? lines.count * lines.length / columns : lines.length / columns;  // pixels of a run
    for (Index at = first; at < first + number;) {
        Index const run = std::min(first + number, (at / line + 1) * line) - at;
        visit(lines.at(at * columns), at - first, run);
        at += run;
    }
}

/// Rows of a tensor, one for every pixel, as f32: where they lie, or in a buffer for those of a block.
template <class T>
class BlockRows {
  public:
    /// Of the result of a convolution.
    BlockRows(PatchBlocks const& blocks, ConvGeometry const& geometry, WorkspaceLayout& workspace)
        : columns_(geometry.y.c),
          lines_(Lines::of(geometry.y, geometry.y_strides)),
          in_place_(std::is_same_v<T, float> && lines_.dense),
          buffers_(in_place_ ? 0 : blocks.add_buffers(columns_, workspace)) {}

    /// Where to write a result of a block, which write() then takes to the tensor.
    [[nodiscard]] float* target(PatchBlocks const& blocks, T* tensor, Index first, Index thread,
                                std::byte* workspace) const {
        if constexpr (std::is_same_v<T, float>) {
            if (in_place_) { return tensor + first * columns_; }
        }
        return blocks.buffer(buffers_, columns_, thread, workspace);
    }
    void write(float const* rows, Index first, Index number, T* tensor) const {
        if (in_place_) { return; }
        for_runs(lines_, columns_, first, number, [&](Index element, Index pixel, Index run) {
            std::copy_n(rows + pixel * columns_, run * columns_, tensor + element);
        });
    }
    [[nodiscard]] Matrix read(PatchBlocks const& blocks, T const* tensor, Index first, Index number, Index thread,
                              std::byte* workspace) const {
        if constexpr (std::is_same_v<T, float>) {
            if (in_place_) { return {tensor + first * columns_, columns_}; }
        }
        float* const buffer = blocks.buffer(buffers_, columns_, thread, workspace);
        for_runs(lines_, columns_, first, number, [&](Index element, Index pixel, Index run) {
            std::copy_n(tensor + element, run * columns_, buffer + pixel * columns_);
        });
        return {buffer, columns_};
    }

  private:
    Index columns_;
    Lines lines_;
    bool in_place_;
    std::size_t buffers_;
};

template <class T>
class ConvByProduct final : public Kernel {
  public:
    ConvByProduct(ConvGeometry const& geometry, ConvAttributes const& attributes, Lines const& addend)
        : attributes_(attributes),
          addend_(addend),
          x_offset_(geometry.x_offset),
          filters_(geometry.y.c),
          blocks_(geometry, dtype_of<T>, workspace_),
          y_(blocks_, geometry, workspace_) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        std::size_t const w = attributes_.addend ? 2 : 1;
        Matrix const weights{inputs[w].as<float>(), filters_};
        float const* const bias = attributes_.bias ? inputs[w + 1].as<float>() : nullptr;
        T const* const addend = attributes_.addend ? inputs[1].as<T>() : nullptr;
        T* const y = outputs[0].as<T>();
        blocks_.for_each("aureole::conv_by_product", inputs[0].as<T>() + x_offset_, workspace,
                         [&](Index thread, Matrix const& patches, Index first, Index number) {
                             float* const to = y_.target(blocks_, y, first, thread, workspace);
                             bool const begun = start(addend, bias, first, number, to);
                             multiply(false, number, filters_, blocks_.length(), patches, weights, begun ? 1 : 0, to);
                             y_.write(to, first, number, y);
                         });
    }

  private:
    ConvAttributes attributes_;
    Lines addend_;
    Index x_offset_, filters_;
    WorkspaceLayout workspace_;
    PatchBlocks blocks_;
    BlockRows<T> y_;

    /// What the product is added to; whether there is anything.
    bool start(T const* addend, float const* bias, Index first, Index number, float* to) const {
        if (addend != nullptr) {
            for_runs(addend_, filters_, first, number, [&](Index element, Index pixel, Index run) {
                T const* const rows = addend + element;
                float* const sums = to + pixel * filters_;
                if (static_cast<void const*>(rows) != sums) { std::copy_n(rows, run * filters_, sums); }
            });
        }
        if (bias == nullptr) { return addend != nullptr; }
        for (Index i = 0; i < number; ++i, to += filters_) {
            for (Index k = 0; k < filters_; ++k) { to[k] = addend != nullptr ? to[k] + bias[k] : bias[k]; }
        }
        return true;
    }
};

/// A convolution of dy with the weights turned round.
template <class T>
class ConvInputGradientByProduct final : public Kernel {
  public:
    explicit ConvInputGradientByProduct(ConvGeometry const& geometry)
        : dy_offset_(geometry.y_offset),
          channels_(geometry.x.c),
          weights_({geometry.weights(), 1, true, true}, DType::f32, stored_weights(turned_round(geometry)), workspace_),
          blocks_(turned_round(geometry), dtype_of<T>, workspace_),
          dx_(blocks_, turned_round(geometry), workspace_) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& /*context*/, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        Matrix const weights{static_cast<float const*>(weights_.prepare(inputs[1].data, workspace)), channels_};
        T* const dx = outputs[0].as<T>();
        blocks_.for_each("aureole::conv_input_gradient_by_product", inputs[0].as<T>() + dy_offset_, workspace,
                         [&](Index thread, Matrix const& patches, Index first, Index number) {
                             float* const to = dx_.target(blocks_, dx, first, thread, workspace);
                             multiply(false, number, channels_, blocks_.length(), patches, weights, 0, to);
                             dx_.write(to, first, number, dx);
                         });
    }

  private:
    Index dy_offset_, channels_;
    WorkspaceLayout workspace_;
    PackedWeights weights_;
    PatchBlocks blocks_;
    BlockRows<T> dx_;
};

/// Every thread sums over its pixels; the sums are added in the order of threads.
template <class T>
class ConvWeightGradientByProduct final : public Kernel {
  public:
    ConvWeightGradientByProduct(ConvGeometry const& geometry, bool bias)
        : bias_(bias),
          x_offset_(geometry.x_offset),
          filters_(geometry.y.c),
          blocks_(geometry, dtype_of<T>, workspace_),
          dy_(blocks_, geometry, workspace_),
          dw_(workspace_.add(static_cast<std::size_t>(blocks_.threads() * weights()) * sizeof(float))),
          db_(workspace_.add(static_cast<std::size_t>(blocks_.threads() * filters_) * sizeof(double))) {}

    [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> outputs, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        T const* const dy = inputs[1].as<T>();
        auto* const dw = reinterpret_cast<float*>(workspace + dw_);
        auto* const db = reinterpret_cast<double*>(workspace + db_);
        std::fill_n(dw, blocks_.threads() * weights(), 0.0F);
        std::fill_n(db, blocks_.threads() * filters_, 0.0);
        blocks_.for_each("aureole::conv_weight_gradient_by_product", inputs[0].as<T>() + x_offset_, workspace,
                         [&](Index thread, Matrix const& patches, Index first, Index number) {
                             Matrix const of_block = dy_.read(blocks_, dy, first, number, thread, workspace);
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
    BlockRows<T> dy_;
    std::size_t dw_, db_;

    [[nodiscard]] Index weights() const { return blocks_.length() * filters_; }
    /// In f64: a running sum of as many terms as an image has pixels would be wrong by percents in f32.
    static void add_rows(Matrix const& rows, Index number, double* to) {
        for (Index i = 0; i < number; ++i) {
            for (Index k = 0; k < rows.columns; ++k) { to[k] += rows.data[i * rows.columns + k]; }
        }
    }
    template <class Part>
    void add_threads(Part const* parts, Index size, bool accumulate, float* to) const {
        for_elements("aureole::conv_weight_gradient_by_product::add", size, [=, this](Index begin, Index end) {
            for (Index i = begin; i < end; ++i) {
                Part sum = accumulate ? to[i] : 0;
                for (Index thread = 0; thread < blocks_.threads(); ++thread) { sum += parts[thread * size + i]; }
                to[i] = static_cast<float>(sum);
            }
        });
    }
};

/// The kernel for activations of this type.
template <template <class> class K, class... Arguments>
std::unique_ptr<Kernel> make_for(DType dtype, Arguments const&... arguments) {
    if (dtype == DType::bf16) { return std::make_unique<K<BFloat16>>(arguments...); }
    return std::make_unique<K<float>>(arguments...);
}

}  // namespace

std::unique_ptr<Kernel> make_conv_by_product(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<Conv>().attributes();
    TensorSpec const &x = request.inputs[0], &y = request.outputs[0];
    auto const geometry = product_geometry(attributes, x, y, Covered::output, refusal);
    if (!geometry) { return {}; }
    return make_for<ConvByProduct>(x.dtype, *geometry, attributes,
                                   attributes.addend ? Lines::of(request.inputs[1]) : Lines{});
}

std::unique_ptr<Kernel> make_conv_input_gradient_by_product(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<ConvInputGradient>().attributes();
    TensorSpec const &dx = request.outputs[0], &dy = request.inputs[0];
    auto const geometry = product_geometry(attributes, dx, dy, Covered::input, refusal);
    if (!geometry) { return {}; }
    return make_for<ConvInputGradientByProduct>(dx.dtype, *geometry);
}

std::unique_ptr<Kernel> make_conv_weight_gradient_by_product(KernelRequest const& request, std::string& refusal) {
    ConvAttributes const& attributes = request.as<ConvWeightGradient>().attributes();
    TensorSpec const &x = request.inputs[0], &dy = request.inputs[1];
    auto const geometry = product_geometry(attributes, x, dy, Covered::output, refusal);
    if (!geometry) { return {}; }
    return make_for<ConvWeightGradientByProduct>(x.dtype, *geometry, attributes.bias);
}

}  // namespace aureole::onednn
