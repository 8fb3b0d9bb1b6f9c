#include "core/kernels/native/movement.hpp"

#include "core/kernels/alike.hpp"
#include "core/kernels/native/conv_geometry.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/pixels.hpp"
#include "core/ops/dropout.hpp"
#include "core/ops/slice.hpp"
#include "core/tensor/philox.hpp"

namespace aureole::native {

namespace {

using Tensors = std::span<Tensor const>;

/// y = a + b; y may be a.
template <class T>
struct Sum {
    T const *a, *b;
    T* y;
    KOKKOS_INLINE_FUNCTION void operator()(Index const* at, Index count) const {
        using A = Accumulation<T>;
        T const *const first = a + at[1], *const second = b + at[2];
        T* const to = y + at[0];
#pragma GCC ivdep
        for (Index i = 0; i < count; ++i) { to[i] = T(A(first[i]) + A(second[i])); }
    }
};

template <class T>
class AddKernel : public Kernel {
  public:
    explicit AddKernel(KernelRequest const& request)
        : all_({&request.outputs[0], &request.inputs[0], &request.inputs[1]}) {}
    void run(RunContext const& /*context*/, Tensors outputs, Tensors inputs, std::byte* /*workspace*/) const override {
        all_.run("aureole::add::forward", Sum<T>{inputs[0].as<T>(), inputs[1].as<T>(), outputs[0].as<T>()});
    }

  private:
    Alike<3> all_;  ///< y, a, b
};

template <class From, class To>
struct Convert {
    From const* x;
    To* y;
    KOKKOS_INLINE_FUNCTION void operator()(Index const* at, Index count) const {
        From const* __restrict const from = x + at[1];
        To* __restrict const to = y + at[0];
        for (Index i = 0; i < count; ++i) { to[i] = To(Accumulation<From>(from[i])); }
    }
};

template <class From>
class CastKernel : public Kernel {
  public:
    explicit CastKernel(KernelRequest const& request) : all_({&request.outputs[0], &request.inputs[0]}) {}
    void run(RunContext const& /*context*/, Tensors outputs, Tensors inputs, std::byte* /*workspace*/) const override {
        char const* const label = "aureole::cast::forward";
        From const* const x = inputs[0].as<From>();
        Tensor const& y = outputs[0];
        switch (y.dtype) {
            case DType::f64: return all_.run(label, Convert<From, double>{x, y.as<double>()});
            case DType::bf16: return all_.run(label, Convert<From, BFloat16>{x, y.as<BFloat16>()});
            default: return all_.run(label, Convert<From, float>{x, y.as<float>()});
        }
    }

  private:
    Alike<2> all_;  ///< y, x
};

/// Copies rows of `columns` elements between rows of other pitches.
template <class T>
struct CopyRows {
    T const* __restrict x;
    T* __restrict y;
    Index x_pitch, y_pitch;
    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        T const* __restrict const from = x + row * x_pitch;
        T* __restrict const to = y + row * y_pitch;
        for (Index c = begin; c < end; ++c) { to[c] = from[c]; }
    }
};

template <class T>
struct CopyPixels {
    T const* x;
    T* y;
    Place in, out;
    KOKKOS_INLINE_FUNCTION void operator()(Index n, Index d, Index h, Index w, Index begin, Index end) const {
        T const* __restrict const from = x + in.at(n, d, h, w);
        T* __restrict const to = y + out.at(n, d, h, w);
        for (Index c = begin; c < end; ++c) { to[c] = from[c]; }
    }
};

template <class T>
class ConcatKernel : public Kernel {
  public:
    explicit ConcatKernel(KernelRequest const& request) : out_(local_place(request.outputs[0])) {
        for (TensorSpec const& x : request.inputs) { in_.push_back(local_place(x)); }
    }
    void run(RunContext const& /*context*/, Tensors outputs, Tensors inputs, std::byte* /*workspace*/) const override {
        T* y = outputs[0].as<T>();
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            for_pixels("aureole::concat::forward", inputs[i].shape, CopyPixels<T>{inputs[i].as<T>(), y, in_[i], out_});
            y += inputs[i].shape.c;
        }
    }

  private:
    Place out_;
    std::vector<Place> in_;
};

/// A tensor around an axis: (before, extent, after) with `after` elements contiguous.
struct AxisSplit {
    Index before = 1, extent = 1, after = 1;
};

AxisSplit split_at(Shape const& shape, Axis axis) {
    AxisSplit split;
    auto const extents = shape.extents();
    auto const at = static_cast<std::size_t>(axis);
    for (std::size_t i = 0; i < at; ++i) { split.before *= extents[i]; }
    split.extent = extents[at];
    for (std::size_t i = at + 1; i < axis_count; ++i) { split.after *= extents[i]; }
    return split;
}

template <class T>
class SliceKernel : public Kernel {
  public:
    explicit SliceKernel(KernelRequest const& request)
        : axis_(request.as<Slice>().attributes().axis),
          first_(request.as<Slice>().attributes().begin + request.outputs[0].box.lo[static_cast<std::size_t>(axis_)] -
                 request.inputs[0].box.lo[static_cast<std::size_t>(axis_)]) {}
    void run(RunContext const& /*context*/, Tensors outputs, Tensors inputs, std::byte* /*workspace*/) const override {
        AxisSplit const x = split_at(inputs[0].shape, axis_);
        Index const row = split_at(outputs[0].shape, axis_).extent * x.after;
        for_rows("aureole::slice::forward", x.before, row,
                 CopyRows<T>{inputs[0].as<T>() + first_ * x.after, outputs[0].as<T>(), x.extent * x.after, row});
    }

  private:
    Axis axis_;
    Index first_;
};

/// Row by row: dy inside [first, last), zero outside.
template <class T>
struct Embed {
    T const* __restrict dy;
    T* __restrict dx;
    Index x_row, first, last;
    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        T const* __restrict const from = dy + row * (last - first) - first;
        T* __restrict const to = dx + row * x_row;
        for (Index c = begin; c < end; ++c) { to[c] = c >= first && c < last ? from[c] : T(0); }
    }
};

template <class T>
class SliceInputGradientKernel : public Kernel {
  public:
    explicit SliceInputGradientKernel(KernelRequest const& request)
        : axis_(request.as<SliceInputGradient>().attributes().axis),
          first_(request.as<SliceInputGradient>().attributes().begin -
                 request.outputs[0].box.lo[static_cast<std::size_t>(axis_)]) {}
    void run(RunContext const& /*context*/, Tensors outputs, Tensors inputs, std::byte* /*workspace*/) const override {
        AxisSplit const x = split_at(outputs[0].shape, axis_);
        Index const width = split_at(inputs[0].shape, axis_).extent * x.after;
        Index const first = first_ * x.after;
        for_rows("aureole::slice::input_gradient", x.before, x.extent * x.after,
                 Embed<T>{inputs[0].as<T>(), outputs[0].as<T>(), x.extent * x.after, first, first + width});
    }

  private:
    Axis axis_;
    Index first_;
};

/// One row is one pixel; four neighbouring channels share a draw of four words.
template <class T>
struct Mask {
    T const* x;
    T* y;
    Lines x_lines, y_lines;
    Box box;       ///< of the part held here
    Shape global;  ///< n is that of the micro-batch
    std::uint64_t key, step;
    Index first_sample;
    std::uint32_t threshold;  ///< of 24 bits: below it an element is dropped
    Accumulation<T> scale;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const dims_w = box.hi[3] - box.lo[3], dims_h = box.hi[2] - box.lo[2], dims_d = box.hi[1] - box.lo[1];
        Index const w = row % dims_w + box.lo[3];
        Index const h = row / dims_w % dims_h + box.lo[2];
        Index const d = row / (dims_w * dims_h) % dims_d + box.lo[1];
        Index const n = row / (dims_w * dims_h * dims_d) + box.lo[0] + first_sample;
        Index const pixel = ((n * global.d + d) * global.h + h) * global.w + w;
        Index const columns = box.hi[4] - box.lo[4];
        T const* const from = x + x_lines.at(row * columns);
        T* const to = y + y_lines.at(row * columns);
        for (Index c = begin; c < end; ++c) {
            auto const element = static_cast<std::uint64_t>(pixel * global.c + c + box.lo[4]);
            Philox const words = Philox::at(key, element / 4, step);
            bool const kept = (words.word[element % 4] >> 8U) >= threshold;
            to[c] = kept ? T(Accumulation<T>(from[c]) * scale) : T(0);
        }
    }
};

template <class T>
class DropoutKernel : public Kernel {
  public:
    explicit DropoutKernel(KernelRequest const& request)
        : attributes_(request.as<Dropout>().attributes()), x_(request.inputs[0]), y_(request.outputs[0]) {}
    void run(RunContext const& context, Tensors outputs, Tensors inputs, std::byte* /*workspace*/) const override {
        auto const threshold = static_cast<std::uint32_t>(attributes_.rate * 0x1p24 + 0.5);
        for_rows("aureole::dropout::forward", outputs[0].shape.pixels(), outputs[0].shape.c,
                 Mask<T>{inputs[0].as<T>(), outputs[0].as<T>(), Lines::of(x_), Lines::of(y_), y_.box, y_.global,
                         mix(context.seed, attributes_.stream), context.step, context.first_sample, threshold,
                         static_cast<Accumulation<T>>(1 / (1 - attributes_.rate))});
    }

  private:
    DropoutAttributes attributes_;
    TensorSpec x_, y_;
};

/// Copies depend on the size of an element only.
template <template <class> class K>
std::unique_ptr<Kernel> make_by_size(KernelRequest const& request, std::string& refusal) {
    switch (request.inputs[0].dtype) {
        case DType::i32: return std::make_unique<K<std::int32_t>>(request);
        default: return make_by_type<K>(request, request.inputs[0].dtype, refusal);
    }
}

}  // namespace

std::unique_ptr<Kernel> make_add(KernelRequest const& request, std::string& refusal) {
    return make_by_type<AddKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_cast(KernelRequest const& request, std::string& refusal) {
    return make_by_type<CastKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_concat(KernelRequest const& request, std::string& refusal) {
    return make_by_size<ConcatKernel>(request, refusal);
}

std::unique_ptr<Kernel> make_slice(KernelRequest const& request, std::string& refusal) {
    return make_by_size<SliceKernel>(request, refusal);
}

std::unique_ptr<Kernel> make_slice_input_gradient(KernelRequest const& request, std::string& refusal) {
    return make_by_type<SliceInputGradientKernel>(request, request.inputs[0].dtype, refusal);
}

std::unique_ptr<Kernel> make_dropout(KernelRequest const& request, std::string& refusal) {
    return make_by_type<DropoutKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
