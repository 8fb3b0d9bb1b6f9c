// Kernels that take parts of larger tensors: the harness runs each of them on such parts too, and compares.
#include <gtest/gtest.h>

#include <set>

#include "core/kernels/native/table.hpp"
#include "core/ops/activation.hpp"
#include "core/ops/add.hpp"
#include "core/ops/cast.hpp"
#include "core/ops/concat.hpp"
#include "core/ops/conv.hpp"
#include "core/ops/dropout.hpp"
#include "core/ops/norm.hpp"
#include "core/ops/pool.hpp"
#include "core/ops/transposed_conv.hpp"
#include "core/ops/upsample.hpp"
#include "core/tensor/lines.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {
namespace {

class Kinds {
  public:
    explicit Kinds(DType dtype) : dtype_(dtype) {}
    /// Runs the operator on inputs of these shapes, backward pass and all.
    void add(OperatorPtr const& op, std::vector<Shape> const& shapes, Shape const& y) {
        std::vector<HostTensor> inputs;
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            bool const parameter = shapes[i].n == 1 && i > 0;
            inputs.push_back(random_tensor(shapes[i], parameter ? accumulation_type(dtype_) : dtype_, i + 1, 0.1, 1));
        }
        OperatorRun const run = run_operator(op, inputs, {random_tensor(y, dtype_, 9)});
        found_.insert(run.strided.begin(), run.strided.end());
    }
    [[nodiscard]] std::set<std::string> const& found() const { return found_; }

  private:
    DType dtype_;
    std::set<std::string> found_;
};

TEST(Strided, EveryKernelThatTakesStridedTensorsWasTried) {
    Shape const x{2, 1, 6, 8, 4}, channels{1, 1, 1, 1, 4}, statistics{1, 1, 1, 1, 4};
    Window const three{3, 1, 1, 1};
    for (DType const dtype : {DType::f64, DType::f32, DType::bf16}) {
        Kinds kinds(dtype);
        kinds.add(std::make_shared<Conv>(ConvAttributes{{Window{}, three, three}, 4, 1, true, true}),
                  {x, x, {1, 3, 3, 4, 4}, channels}, x);
        TransposedConvAttributes up{{Window{}, Window{2, 2, 0, 0}, Window{2, 2, 0, 0}}, 4, 1, true, {}};
        kinds.add(std::make_shared<TransposedConv>(up), {x, transposed_conv_weight_shape(up, 4), channels},
                  {2, 1, 12, 16, 4});
        for (PoolKind const kind : {PoolKind::max, PoolKind::average}) {
            kinds.add(std::make_shared<Pool>(PoolAttributes{{Window{}, three, three}, kind}), {x}, x);
        }
        kinds.add(std::make_shared<Upsample>(UpsampleAttributes{{1, 2, 2}, UpsampleMode::linear}), {x},
                  {2, 1, 12, 16, 4});
        kinds.add(std::make_shared<Activation>(ActivationAttributes{ActivationKind::relu}), {x}, x);
        for (bool const residual : {false, true}) {
            NormAttributes norm;
            norm.running = false;
            norm.residual = residual;
            norm.activation = {ActivationKind::relu};
            std::vector<Shape> inputs{x, statistics, statistics, channels, channels};
            if (residual) { inputs.insert(inputs.begin() + 1, x); }
            kinds.add(std::make_shared<Normalize>(norm), inputs, x);
        }
        kinds.add(std::make_shared<Add>(), {x, x}, x);
        kinds.add(std::make_shared<Concat>(), {x, x}, {2, 1, 6, 8, 8});
        kinds.add(std::make_shared<Dropout>(DropoutAttributes{}), {x}, x);
        kinds.add(std::make_shared<Cast>(dtype), {x}, x);
        for (Implementation const& each : native::implementations()) {
            EXPECT_EQ(kinds.found().count(std::string(each.kind)), each.strided ? 1U : 0U)
                << each.kind << ", " << name_of(dtype);
        }
    }
}

TEST(Strided, LinesOfAPart) {
    Shape const part{2, 2, 3, 4, 5};
    Strides const within = Strides::of({2, 2, 7, 6, 5});
    Lines const lines = Lines::of(part, within);
    EXPECT_FALSE(lines.dense);
    EXPECT_EQ(lines.length, 20);
    EXPECT_EQ(lines.count, 12);
    EXPECT_EQ(lines.begin(1), 30);
    EXPECT_EQ(lines.begin(3), 7 * 30);
    EXPECT_EQ(lines.begin(6), 2 * 7 * 30);
    EXPECT_EQ(lines.at(7 * 20 + 3), 2 * 7 * 30 + 30 + 3);
    EXPECT_TRUE(Lines::of({1, 1, 3, 6, 5}, within).dense) << "rows of one image";
    EXPECT_TRUE(Lines::of({1, 1, 1, 4, 5}, within).dense) << "a single row";
    EXPECT_FALSE(Lines::of({2, 1, 3, 6, 5}, within).dense) << "rows of two images";
}

}  // namespace
}  // namespace aureole::test
