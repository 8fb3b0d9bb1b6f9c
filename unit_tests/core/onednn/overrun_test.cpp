// No implementation of the kernel table reads or writes outside its tensors and its workspace: each runs between
// protected pages, once flush with the page in front and once with the page behind, in a process of its own.
//
// AUREOLE_SWEEP=all runs sizes up to 2,048 pixels too, which takes half an hour.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>

#include "core/kernels/onednn/choice.hpp"
#include "core/kernels/onednn/product.hpp"
#include "core/kernels/onednn/table.hpp"
#include "core/ops/conv.hpp"
#include "core/ops/linear.hpp"
#include "core/ops/transposed_conv.hpp"
#include "unit_tests/core/onednn/support.hpp"

namespace aureole::test {
namespace {

/// Memory with `reach` unreadable bytes in front and behind; it begins or ends at one of them.
class ProtectedMemory {
  public:
    enum class Flush { front, back };
    ProtectedMemory(std::size_t bytes, Flush flush) {
        std::size_t const pages = (bytes + page - 1) / page * page;
        mapped_ = pages + 2 * reach;
        begin_ = static_cast<std::byte*>(
            mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        require(begin_ != MAP_FAILED, "mmap of {} bytes failed", mapped_);
        std::byte* const inside = begin_ + reach;
        require(mprotect(inside, pages, PROT_READ | PROT_WRITE) == 0, "mprotect failed");
        data_ = flush == Flush::front ? inside : inside + (pages - (bytes + 63) / 64 * 64);  // kernels ask for 64 bytes
    }
    ~ProtectedMemory() { munmap(begin_, mapped_); }
    ProtectedMemory(ProtectedMemory const&) = delete;
    ProtectedMemory& operator=(ProtectedMemory const&) = delete;
    [[nodiscard]] std::byte* data() const { return data_; }

  private:
    static constexpr std::size_t page = 4096, reach = std::size_t{64} << 20U;
    std::byte *begin_, *data_;
    std::size_t mapped_;
};

struct Swept {
    std::string name;
    OperatorPtr op;
    std::vector<ValueType> inputs;
};

/// Runs an implementation on protected memory; never returns where it leaves its buffers.
void run_protected(Kernel const& kernel, Swept const& swept, std::vector<ValueType> const& outputs,
                   ProtectedMemory::Flush flush) {
    std::vector<std::unique_ptr<ProtectedMemory>> memory;
    auto const tensors = [&](std::vector<ValueType> const& types) {
        std::vector<Tensor> all;
        for (ValueType const& type : types) {
            TensorSpec const spec = TensorSpec::whole(type.dtype, type.shape);
            memory.push_back(std::make_unique<ProtectedMemory>(spec.bytes(), flush));
            all.push_back({memory.back()->data(), type.dtype, type.shape});
        }
        return all;
    };
    std::vector<Tensor> const in = tensors(swept.inputs), out = tensors(outputs);
    ProtectedMemory const workspace(std::max<std::size_t>(kernel.workspace_bytes(), 1), flush);
    for (bool const accumulate : {false, true}) {
        RunContext context;
        context.accumulate = accumulate;
        kernel.run(context, out, in, workspace.data());
    }
}

/// How often each implementation ran.
using Coverage = std::map<std::string, int>;

/// Those of the kernel table; matrix products also where the table thinks other implementations faster.
std::vector<Implementation> rows_of(std::string_view kind) {
    std::vector<Implementation> rows;
    for (Implementation row : implementations_of(kind, KernelChoice::automatic)) {
        if (row.library == "onednn gemm") {
            row.make = kind == "conv"                  ? onednn::make_conv_by_product
                       : kind == "conv_input_gradient" ? onednn::make_conv_input_gradient_by_product
                                                       : onednn::make_conv_weight_gradient_by_product;
        }
        rows.push_back(row);
    }
    return rows;
}

void sweep(Swept const& swept, Coverage& coverage) {
    std::vector<ValueType> const outputs = swept.op->infer(swept.inputs);
    KernelRequest request{swept.op.get(), 1, {}, {}};
    for (ValueType const& type : outputs) { request.outputs.push_back(TensorSpec::whole(type.dtype, type.shape)); }
    for (ValueType const& type : swept.inputs) { request.inputs.push_back(TensorSpec::whole(type.dtype, type.shape)); }
    for (Implementation const& row : rows_of(swept.op->kind())) {
        std::string refusal;
        std::unique_ptr<Kernel> const kernel = row.make(request, refusal);
        if (!kernel) { continue; }
        ++coverage[std::string(row.kind) + ": " + std::string(row.library)];
        pid_t const child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            for (auto const flush : {ProtectedMemory::Flush::front, ProtectedMemory::Flush::back}) {
                run_protected(*kernel, swept, outputs, flush);
            }
            _exit(0);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
            << swept.name << ": " << row.kind << " by " << row.library << " leaves its buffers"
            << (WIFSIGNALED(status) ? ", signal " + std::to_string(WTERMSIG(status)) : "");
    }
}

void sweep_convolution(std::string const& name, Shape const& x, ConvAttributes const& attributes, DType dtype,
                       Coverage& coverage) {
    Shape y = output_shape(attributes.window, x);
    y.c = attributes.filters;
    if (y.volume() == 0) { return; }
    ValueType const tx{dtype, x}, ty{dtype, y}, tw{DType::f32, conv_weight_shape(attributes, x.c)};
    ValueType const tb{DType::f32, {1, 1, 1, 1, attributes.filters}};
    sweep({name, std::make_shared<Conv>(attributes), attributes.bias ? std::vector{tx, tw, tb} : std::vector{tx, tw}},
          coverage);
    sweep({name, std::make_shared<ConvInputGradient>(attributes, x), {ty, tw}}, coverage);
    sweep({name, std::make_shared<ConvWeightGradient>(attributes), {tx, ty}}, coverage);
}

bool sweeps_all() {
    char const* const wanted = std::getenv("AUREOLE_SWEEP");
    return wanted != nullptr && std::string(wanted) == "all";
}

std::vector<DType> types() {
    return onednn::has_bf16() ? std::vector{DType::f32, DType::bf16} : std::vector{DType::f32};
}

/// The library is the same in a build with a sanitizer, and our own kernels are ten times slower there.
class Overrun : public testing::Test {
  protected:
    void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
        GTEST_SKIP() << "builds without a sanitizer run this";
#endif
    }
};

/// Every row of the table for these kinds ran.
void expect_covered(Coverage const& coverage, std::vector<std::string> const& kinds) {
    for (auto const& [name, count] : coverage) { std::printf("    %-40s %d\n", name.c_str(), count); }
    for (std::string const& kind : kinds) {
        for (Implementation const& row : rows_of(kind)) {
            std::string const name = kind + ": " + std::string(row.library);
            EXPECT_EQ(coverage.count(name), 1U) << name << " never ran";
        }
    }
}

std::vector<std::string> const convolutions{"conv", "conv_input_gradient", "conv_weight_gradient"};
std::vector<std::string> const others{"transposed_conv", "linear", "linear_input_gradient", "linear_weight_gradient"};

TEST(OverrunTable, EveryKindOfTheLibraryIsSwept) {
    for (Implementation const& row : onednn::implementations()) {
        auto const swept = [&](std::vector<std::string> const& kinds) {
            return std::find(kinds.begin(), kinds.end(), row.kind) != kinds.end();
        };
        EXPECT_TRUE(swept(convolutions) || swept(others)) << row.kind;
    }
}

TEST_F(Overrun, ConvolutionsStayWithinTheirBuffers) {
    std::vector<Index> sides{8, 37, 128};
    std::vector<Index> kernels{1, 3, 7};
    std::vector<std::array<Index, 2>> channels{{1, 32}, {3, 32}, {3, 64}, {20, 48}, {32, 2}, {64, 64}, {33, 33}};
    if (sweeps_all()) {
        kernels = {1, 2, 3, 4, 5, 6, 7};
        sides = {8, 31, 100, 256, 288, 512, 1024, 2048};
        channels.insert(channels.end(), {{1, 1}, {16, 16}, {48, 48}, {52, 208}, {128, 64}, {512, 256}, {7, 512}});
    }
    Coverage coverage;
    for (DType const dtype : types()) {
        for (Index const side : sides) {
            for (auto const& [in, out] : channels) {
                if (side * side * (in + out) > 50'000'000) { continue; }
                for (Index const kernel : kernels) {
                    if (kernel > 3 && side > 64 && !sweeps_all()) { continue; }  // the native kernels take long
                    for (auto const& [stride, odd] : std::vector<std::array<Index, 2>>{{1, 1}, {2, 0}, {2, 1}}) {
                        Window const window{kernel, stride, kernel / 2, (kernel - 1) / 2, 1};
                        ConvAttributes const attributes{{Window{}, window, window}, out, 1, kernel == 3};
                        Shape const x{1, 1, side, side + odd, in};
                        sweep_convolution(fmt::format("{}, to {} channels, kernel {}, stride {}, {}", to_string(x), out,
                                                      kernel, stride, name_of(dtype)),
                                          x, attributes, dtype, coverage);
                    }
                }
            }
        }
    }
    expect_covered(coverage, convolutions);
}

TEST_F(Overrun, WideWindowsGroupsVolumesAndDilations) {
    Coverage coverage;
    auto const window = [](Index size, Index stride, Index dilation = 1) {
        Index const all = (size - 1) * dilation;
        return Window{size, stride, all / 2, all - all / 2, dilation};
    };
    for (DType const dtype : types()) {
        for (Index const width : {288, 300, 512}) {  // a wide line of windows
            ConvAttributes const attributes{{Window{}, window(3, 1), window(3, 1)}, 32, 1, false};
            sweep_convolution(fmt::format("width {}, {}", width, name_of(dtype)), {1, 1, 16, width, 32}, attributes,
                              dtype, coverage);
        }
        for (Index const groups : {2, 4, 32}) {
            for (Index const stride : {1, 2}) {
                for (Index const size : {1, 3}) {
                    ConvAttributes const attributes{
                        {Window{}, window(size, stride), window(size, stride)}, 64, groups, true};
                    sweep_convolution(
                        fmt::format("{} groups, kernel {}, stride {}, {}", groups, size, stride, name_of(dtype)),
                        {2, 1, 33, 34, 32}, attributes, dtype, coverage);
                }
            }
        }
        for (Index const stride : {1, 2}) {
            for (Index const size : {1, 3}) {
                ConvAttributes const volume{
                    {window(size, stride), window(size, stride), window(size, stride)}, 24, 1, true};
                sweep_convolution(fmt::format("volume, kernel {}, stride {}, {}", size, stride, name_of(dtype)),
                                  {1, 17, 18, 19, 5}, volume, dtype, coverage);
            }
        }
        ConvAttributes const dilated{{Window{}, window(3, 1, 4), window(3, 1, 2)}, 16, 1, true};
        sweep_convolution(fmt::format("dilated, {}", name_of(dtype)), {1, 1, 40, 41, 16}, dilated, dtype, coverage);
    }
    expect_covered(coverage, convolutions);
}

TEST_F(Overrun, TransposedConvolutionsAndLinearLayers) {
    Coverage coverage;
    for (DType const dtype : types()) {
        for (Index const side : {8, 37, 128}) {
            for (Index const channels : {3, 20, 64}) {
                for (Index const size : {1, 2, 3}) {
                    Window const window{size, 2, size / 2, size / 2, 1};
                    TransposedConvAttributes const attributes{
                        {Window{}, window, window}, 32, 1, true, {0, size == 2 ? 0 : 1, size == 2 ? 0 : 1}};
                    Shape const x{1, 1, side, side + 1, channels};
                    ValueType const tw{DType::f32, transposed_conv_weight_shape(attributes, channels)};
                    sweep({fmt::format("transposed, {} px, {} channels, kernel {}, {}", side, channels, size,
                                       name_of(dtype)),
                           std::make_shared<TransposedConv>(attributes),
                           {{dtype, x}, tw, {DType::f32, {1, 1, 1, 1, 32}}}},
                          coverage);
                }
            }
        }
        for (Index const samples : {1, 7, 64}) {
            for (auto const& [in, out] : std::vector<std::array<Index, 2>>{{3, 5}, {64, 10}, {2048, 1000}}) {
                LinearAttributes const attributes{out, true};
                ValueType const x{dtype, {samples, 1, 1, 1, in}}, dy{dtype, {samples, 1, 1, 1, out}};
                ValueType const w{DType::f32, {1, 1, 1, in, out}}, b{DType::f32, {1, 1, 1, 1, out}};
                std::string const name = fmt::format("linear {} x {} to {}, {}", samples, in, out, name_of(dtype));
                sweep({name, std::make_shared<Linear>(attributes), {x, w, b}}, coverage);
                sweep({name, std::make_shared<LinearInputGradient>(attributes), {dy, w}}, coverage);
                sweep({name, std::make_shared<LinearWeightGradient>(attributes), {x, dy}}, coverage);
            }
        }
    }
    expect_covered(coverage, others);
}

onednn::ConvGeometry geometry_of(Index in, Index out, Window const& window) {
    onednn::ConvGeometry geometry;
    geometry.x = {1, 1, 64, 300, in};
    geometry.window = {Window{}, window, window};
    geometry.y = output_shape(geometry.window, geometry.x);
    geometry.y.c = out;
    return geometry;
}

TEST(Distrust, NamesWhatVersionTwoWritesOutsideItsBuffers) {
    using onednn::ConvPass;
    Window const pointwise{1, 2, 0, 0, 1}, window{3, 1, 1, 1, 1};
    auto const doubts = [](int major, std::string_view name, ConvPass pass, onednn::ConvGeometry const& geometry) {
        return !onednn::distrust(major, name, pass, geometry).empty();
    };
    for (auto const pass : {ConvPass::forward, ConvPass::input_gradient, ConvPass::weight_gradient}) {
        EXPECT_TRUE(doubts(2, "jit_1x1:avx512_core", pass, geometry_of(3, 64, pointwise)));
        EXPECT_TRUE(doubts(2, "jit_1x1:avx2", pass, geometry_of(20, 64, pointwise)));
        EXPECT_FALSE(doubts(2, "jit_1x1:avx512_core", pass, geometry_of(64, 128, pointwise)));
        EXPECT_EQ(doubts(3, "jit_1x1:avx512_core", pass, geometry_of(3, 64, pointwise)),
                  pass == ConvPass::weight_gradient);
    }
    std::string_view const amx = "jit:avx512_core_amx_bf16";
    EXPECT_TRUE(doubts(2, amx, ConvPass::weight_gradient, geometry_of(32, 32, window)));
    EXPECT_FALSE(doubts(2, amx, ConvPass::forward, geometry_of(32, 32, window)));
    EXPECT_FALSE(doubts(3, amx, ConvPass::weight_gradient, geometry_of(32, 32, window)));
}

}  // namespace
}  // namespace aureole::test
