// Convolutions by matrix product against the native kernels, whatever this processor prefers.
#include "core/kernels/onednn/product.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "core/kernels/native/conv.hpp"
#include "core/kernels/onednn/invocation.hpp"
#include "core/ops/conv.hpp"
#include "core/tensor/lines.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {
namespace {

using Make = std::unique_ptr<Kernel> (*)(KernelRequest const&, std::string&);

Window window(Index size, Index stride, Index lo, Index hi, Index dilation = 1) {
    return {size, stride, lo, hi, dilation};
}

struct ProductCase {
    std::string name;
    Shape x;
    ConvAttributes attributes;
    Box x_part{}, y_part{};  ///< what a rank holds; empty: everything
};

void PrintTo(ProductCase const& given, std::ostream* out) { *out << given.name; }

std::vector<ProductCase> const& cases() {
    Window const three = window(3, 1, 1, 1);
    static std::vector<ProductCase> const all{
        {"square", {2, 1, 14, 17, 16}, {{Window{}, three, three}, 24, 1, true}},
        {"odd_channels", {1, 1, 13, 11, 7}, {{Window{}, three, three}, 5, 1, true, true}},
        {"addend", {2, 1, 9, 9, 8}, {{Window{}, three, three}, 6, 1, false, true}},
        {"pointwise", {2, 1, 9, 10, 24}, {{Window{}, Window{}, Window{}}, 40, 1, true}},
        {"pointwise_stride", {1, 1, 9, 10, 16}, {{Window{}, window(1, 2, 0, 0), window(1, 2, 0, 0)}, 8, 1}},
        {"stride3", {1, 1, 17, 23, 12}, {{Window{}, window(5, 3, 2, 1), window(3, 3, 0, 2)}, 9, 1, true}},
        {"stride_leaves_rest", {1, 1, 20, 19, 8}, {{Window{}, window(2, 4, 0, 0), window(2, 4, 0, 0)}, 8, 1, true}},
        {"dilation", {1, 1, 15, 16, 16}, {{Window{}, window(3, 1, 2, 2, 2), window(3, 1, 3, 3, 3)}, 16, 1, true}},
        {"asymmetric", {2, 1, 10, 12, 16}, {{Window{}, window(4, 1, 2, 1), window(3, 1, 0, 2)}, 16, 1, true}},
        {"volume", {2, 7, 9, 10, 8}, {{three, three, three}, 16, 1, true}},
        {"volume_stride_d", {1, 9, 8, 7, 6}, {{window(3, 3, 1, 0), window(2, 1, 0, 1), three}, 10, 1}},
        {"larger_than_a_block", {1, 1, 48, 40, 64}, {{Window{}, three, three}, 16, 1, true}},
        {"wider_than_the_image", {1, 1, 3, 2, 8}, {{Window{}, window(5, 1, 2, 2), window(5, 1, 2, 2)}, 4, 1}},
        {"rows_of_a_tile",
         {1, 1, 20, 9, 8},
         {{Window{}, three, three}, 6, 1, true},
         {{0, 0, 3, 0, 0}, {1, 1, 17, 9, 8}},
         {{0, 0, 6, 0, 0}, {1, 1, 12, 9, 6}}},
        {"columns_of_a_tile",
         {1, 1, 9, 20, 8},
         {{Window{}, three, three}, 6, 1, true, true},
         {{0, 0, 0, 3, 0}, {1, 1, 9, 17, 8}},
         {{0, 0, 0, 6, 0}, {1, 1, 9, 12, 6}}},
    };
    return all;
}

/// The same part with other elements around it.
TensorSpec in_larger(TensorSpec spec) {
    spec.within = spec.box;
    spec.within->lo[2] -= 2;
    spec.within->hi[3] += 3;
    if (spec.local().d > 1) { spec.within->hi[1] += 1; }
    return spec;
}

TensorSpec spec_of(Shape const& shape, Box const& part, DType dtype = DType::f32) {
    return {dtype, shape, part.empty() ? Box::whole(shape) : part};
}

using Bytes = std::vector<std::byte>;

Bytes stored(std::vector<float> const& values, DType dtype) {
    Bytes bytes(values.size() * size_of(dtype));
    for (std::size_t i = 0; i < values.size(); ++i) {
        BFloat16 const rounded(values[i]);
        bool const bf16 = dtype == DType::bf16;
        std::memcpy(bytes.data() + i * size_of(dtype),
                    bf16 ? static_cast<void const*>(&rounded) : static_cast<void const*>(&values[i]), size_of(dtype));
    }
    return bytes;
}

std::vector<double> values_of(Bytes const& bytes, DType dtype) {
    std::vector<double> values;
    for (std::size_t at = 0; at < bytes.size(); at += size_of(dtype)) {
        BFloat16 rounded{};
        float value = 0;
        std::memcpy(dtype == DType::bf16 ? static_cast<void*>(&rounded) : static_cast<void*>(&value), bytes.data() + at,
                    size_of(dtype));
        values.push_back(dtype == DType::bf16 ? static_cast<float>(rounded) : value);
    }
    return values;
}

/// Memory of what a tensor lies within, NaN but for its own values, and where it begins there.
struct Placed {
    TensorSpec spec;
    Bytes memory;

    Placed(TensorSpec const& given, Bytes const& values)
        : spec(given),
          memory(static_cast<std::size_t>(given.stored().shape().volume()) * size_of(given.dtype), std::byte{0xff}) {
        for_lines([&](std::size_t line, std::size_t at, std::size_t bytes) {
            std::copy_n(values.data() + line, bytes, memory.data() + at);
        });
    }
    [[nodiscard]] Tensor tensor() {
        Tensor part{memory.data() + begin() * size_of(spec.dtype), spec.dtype, spec.local()};
        if (spec.within) { part.strided = spec.strides(); }
        return part;
    }
    [[nodiscard]] Bytes values() const {
        Bytes values(spec.bytes());
        for_lines([&](std::size_t line, std::size_t at, std::size_t bytes) {
            std::copy_n(memory.data() + at, bytes, values.data() + line);
        });
        return values;
    }

  private:
    [[nodiscard]] std::size_t begin() const { return static_cast<std::size_t>(first_element(spec)); }
    template <class Visit>
    void for_lines(Visit const& visit) const {
        Lines const lines = Lines::of(spec);
        std::size_t const bytes = static_cast<std::size_t>(lines.length) * size_of(spec.dtype);
        for (Index line = 0; line < lines.count; ++line) {
            visit(static_cast<std::size_t>(line) * bytes,
                  (begin() + static_cast<std::size_t>(lines.begin(line))) * size_of(spec.dtype), bytes);
        }
    }
};

/// Outputs of a kernel; they hold 0.5 before where it adds to them, else NaN.
std::vector<std::vector<double>> run(Make make, KernelRequest const& request, std::vector<Bytes> const& inputs,
                                     bool accumulate) {
    std::string refusal;
    auto const kernel = make(request, refusal);
    EXPECT_TRUE(kernel) << refusal;
    if (!kernel) { return {}; }
    std::vector<Tensor> in, out;
    std::vector<Placed> given, made;
    for (std::size_t i = 0; i < inputs.size(); ++i) { given.emplace_back(request.inputs[i], inputs[i]); }
    for (Placed& each : given) { in.push_back(each.tensor()); }
    float const before = accumulate ? 0.5F : std::numeric_limits<float>::quiet_NaN();
    for (TensorSpec const& spec : request.outputs) {
        made.emplace_back(
            spec, stored(std::vector<float>(static_cast<std::size_t>(spec.local().volume()), before), spec.dtype));
    }
    for (Placed& each : made) { out.push_back(each.tensor()); }
    Bytes workspace(kernel->workspace_bytes() + 64, std::byte{0xff});  // NaN until it is written
    auto const address = reinterpret_cast<std::uintptr_t>(workspace.data());
    RunContext context;
    context.accumulate = accumulate;
    kernel->run(context, out, in, workspace.data() + (64 - address % 64) % 64);
    std::vector<std::vector<double>> results;
    for (Placed const& each : made) { results.push_back(values_of(each.values(), each.spec.dtype)); }
    return results;
}

/// `x`: extents of the images, `w`: of the weights.
void expect_same(Make product, Make native, KernelRequest const& request, Shape const& x, Shape const& w,
                 bool accumulates) {
    std::vector<Bytes> inputs;
    bool bf16 = false;
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
        TensorSpec const& spec = request.inputs[i];
        auto const drawn = random_tensor(spec.local(), spec.dtype, i + 1).values;
        inputs.push_back(stored({drawn.begin(), drawn.end()}, spec.dtype));
        bf16 = bf16 || spec.dtype == DType::bf16;
    }
    for (bool const accumulate : {false, true}) {
        if (accumulate && !accumulates) { continue; }
        auto const got = run(product, request, inputs, accumulate), want = run(native, request, inputs, accumulate);
        ASSERT_EQ(got.size(), want.size());
        KernelRequest strided = request;
        for (std::vector<TensorSpec>* specs : {&strided.inputs, &strided.outputs}) {
            for (TensorSpec& spec : *specs) {
                bool const image = spec.local().n == x.n && spec.local().pixels_per_sample() > 1 && spec.global != w;
                if (image) { spec = in_larger(spec); }
            }
        }
        ASSERT_TRUE(strided.has_strided());
        EXPECT_EQ(run(product, strided, inputs, accumulate), got) << request.op->kind() << " of parts of tensors";
        for (std::size_t i = 0; i < got.size(); ++i) {
            double difference = 0, norm = 0;
            for (std::size_t k = 0; k < got[i].size(); ++k) {
                difference = std::hypot(difference, got[i][k] - want[i][k]);
                norm = std::hypot(norm, want[i][k]);
            }
            EXPECT_LE(difference, (bf16 ? 1e-2 : 1e-5) * norm) << request.op->kind() << ", output " << i;
            EXPECT_GT(norm, 0);
        }
    }
}

class Product : public ::testing::TestWithParam<std::tuple<ProductCase, DType>> {
  protected:
    [[nodiscard]] ProductCase const& given() const { return std::get<0>(GetParam()); }
    [[nodiscard]] DType dtype() const { return std::get<1>(GetParam()); }
    [[nodiscard]] ConvAttributes const& attributes() const { return given().attributes; }
    [[nodiscard]] TensorSpec x() const { return spec_of(given().x, given().x_part, dtype()); }
    [[nodiscard]] TensorSpec y() const {
        Shape y = output_shape(attributes().window, given().x);
        y.c = attributes().filters;
        return spec_of(y, given().y_part, dtype());
    }
    [[nodiscard]] TensorSpec w() const { return spec_of(conv_weight_shape(attributes(), given().x.c), {}); }
    [[nodiscard]] TensorSpec b() const { return spec_of({1, 1, 1, 1, attributes().filters}, {}); }
};

TEST_P(Product, ForwardIsTheConvolution) {
    Conv const op(attributes());
    KernelRequest request{&op, 0, {y()}, {x()}};
    if (attributes().addend) { request.inputs.push_back(y()); }
    request.inputs.push_back(w());
    if (attributes().bias) { request.inputs.push_back(b()); }
    expect_same(onednn::make_conv_by_product, native::make_conv, request, given().x, w().global, false);
}

TEST_P(Product, InputGradientIsThatOfTheConvolution) {
    ConvInputGradient const op(attributes(), given().x);
    Box part = given().x_part;  // well inside of what y covers
    if (!part.empty()) {
        std::size_t const axis = part.lo[2] > 0 ? 2 : 3;
        part.lo[axis] = 7;
        part.hi[axis] = 11;
    }
    KernelRequest const request{&op, 0, {spec_of(given().x, part, dtype())}, {y(), w()}};
    bool unit = true;
    for (Window const& each : attributes().window) { unit = unit && each.stride == 1; }
    std::string refusal;
    if (!unit) {
        EXPECT_FALSE(onednn::make_conv_input_gradient_by_product(request, refusal));
        EXPECT_EQ(refusal, "strides are not 1");
        return;
    }
    expect_same(onednn::make_conv_input_gradient_by_product, native::make_conv_input_gradient, request, given().x,
                w().global, false);
}

TEST_P(Product, WeightGradientIsThatOfTheConvolution) {
    ConvWeightGradient const op(attributes());
    KernelRequest request{&op, 0, {w()}, {x(), y()}};
    if (attributes().bias) { request.outputs.push_back(b()); }
    expect_same(onednn::make_conv_weight_gradient_by_product, native::make_conv_weight_gradient, request, given().x,
                w().global, true);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Product,
                         ::testing::Combine(::testing::ValuesIn(cases()), ::testing::Values(DType::f32, DType::bf16)),
                         [](auto const& given) {
                             return std::get<0>(given.param).name + "_" +
                                    std::string(name_of(std::get<1>(given.param)));
                         });

TEST(Product, RefusesOtherTypesAndGroups) {
    ConvAttributes attributes{{Window{}, window(3, 1, 1, 1), window(3, 1, 1, 1)}, 8, 2};
    Shape const x{1, 1, 8, 8, 8};
    for (auto const& [dtype, says] : {std::pair{DType::f32, "no groups"}, std::pair{DType::f64, "no f64"}}) {
        Conv const op(attributes);
        TensorSpec const image = TensorSpec::whole(dtype, x);
        KernelRequest const request{&op, 0, {image}, {image, spec_of(conv_weight_shape(attributes, 8), {})}};
        std::string refusal;
        EXPECT_FALSE(onednn::make_conv_by_product(request, refusal));
        EXPECT_EQ(refusal, says);
    }
}

}  // namespace
}  // namespace aureole::test
