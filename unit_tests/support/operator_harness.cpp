#include "unit_tests/support/operator_harness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/graph/backward.hpp"
#include "core/graph/differentiate.hpp"
#include "core/tensor/arena.hpp"
#include "core/tensor/philox.hpp"
#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/host_reference.hpp"

namespace aureole::test {

namespace {

/// Ends a test graph: its gradient rule hands the given dy to the operator under test. It is never run.
class Seed : public Operator {
  public:
    explicit Seed(std::size_t outputs) : outputs_(outputs) {}
    [[nodiscard]] std::string_view kind() const override { return "test_seed"; }
    [[nodiscard]] std::vector<ValueType> infer(std::span<ValueType const> /*inputs*/) const override {
        return {{DType::f64, {}}};
    }
    [[nodiscard]] Access access(std::size_t /*input*/) const override { return Access::whole(); }
    void differentiate(Backward& backward) const override {
        for (std::size_t i = 0; i < outputs_; ++i) { backward.contribute(i, backward.input(outputs_ + i)); }
    }

  private:
    std::size_t outputs_;
};

/// Kernels that ran between red zones, "kind: library".
std::map<std::string, int>& runs() {
    static std::map<std::string, int> all;
    return all;
}

bool is_floating(DType dtype) { return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16; }

/// A tensor in the midst of a larger one whose other bytes are all 0xFF: NaN, or the largest number.
class StridedBuffer {
  public:
    StridedBuffer(TensorSpec const& spec, HostTensor const& values)
        : spec_(spec), memory_(TensorSpec::whole(spec.dtype, spec.stored().shape())) {
        std::vector<std::byte> const filling(memory_.tensor().bytes(), std::byte{0xFF});
        copy_to_device(filling.data(), memory_.tensor());
        write_values(values.values, tensor());
    }
    [[nodiscard]] Tensor tensor() const {
        Index const offset = first_element(spec_) * static_cast<Index>(size_of(spec_.dtype));
        Tensor part{memory_.data() + offset, spec_.dtype, spec_.local()};
        if (spec_.within) { part.strided = spec_.strides(); }
        return part;
    }
    [[nodiscard]] HostTensor download() const { return {spec_.local(), spec_.dtype, read_values(tensor())}; }
    /// Whether what lies between the rows is as it was.
    [[nodiscard]] bool is_clean() const {
        write_values(std::vector<double>(static_cast<std::size_t>(spec_.local().volume()), 0), tensor());
        std::vector<double> const now = read_values(memory_.tensor());
        auto const changed =
            static_cast<Index>(std::count_if(now.begin(), now.end(), [](double value) { return value == 0; }));
        return changed == spec_.local().volume();
    }

  private:
    TensorSpec spec_;
    DeviceBuffer memory_;
};

/// Some rows and columns around a tensor with pixels.
void surround(TensorSpec& spec) {
    Shape const local = spec.local();
    if (local.pixels_per_sample() == 1) { return; }
    spec.within = spec.box;
    spec.within->lo[2] -= 1;
    spec.within->hi[2] += 2;
    spec.within->lo[3] -= 2;
    spec.within->hi[3] += 1;
    if (local.d > 1) { spec.within->lo[1] -= 1; }
}

bool is_same(HostTensor const& got, HostTensor const& want) {
    double const tolerance = want.dtype == DType::bf16 ? 1e-2 : want.dtype == DType::f32 ? 1e-5 : 1e-12;
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < want.values.size(); ++i) {
        double const a = got.values[i], b = want.values[i];
        if (a == b || (std::isnan(a) && std::isnan(b))) { continue; }
        difference = std::hypot(difference, a - b);
    }
    for (double const value : want.values) { norm = std::hypot(norm, std::isfinite(value) ? value : 0); }
    return difference <= tolerance * std::max(norm, 1e-30);
}

/// Runs the kernel of a request again, on parts of larger tensors; nothing if the one chosen takes no such tensors.
/// `outputs`: before and after the run on dense ones.
bool expect_same_strided(KernelRequest request, HarnessOptions const& options, std::string_view library,
                         std::vector<HostTensor> const& inputs, std::vector<HostTensor> const& before,
                         std::vector<HostTensor> const& after) {
    Operator const& op = *request.op;
    bool const reduces = op.reduced_input() >= 0;
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
        if (reduces || op.access(i).reach[2] != Reach::all) { surround(request.inputs[i]); }  // no weights
    }
    for (TensorSpec& spec : request.outputs) {
        if (!reduces) { surround(spec); }
    }
    std::string refusals;
    auto const planned = find_kernel(request, options.choice, refusals);
    if (!request.has_strided() || !planned || planned->library != library) { return false; }
    std::vector<StridedBuffer> in, out;
    std::vector<Tensor> from, to;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        in.emplace_back(request.inputs[i], inputs[i]);
        from.push_back(in.back().tensor());
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
        out.emplace_back(request.outputs[i], before[i]);
        to.push_back(out.back().tensor());
    }
    DeviceBuffer const workspace(planned->kernel->workspace_bytes());
    planned->kernel->run(options.context, to, from, workspace.data());
    workspace.expect_intact(fmt::format("{} ({}, strided): workspace", op.kind(), planned->library));
    for (std::size_t i = 0; i < out.size(); ++i) {
        EXPECT_TRUE(is_same(out[i].download(), after[i])) << request.op->kind() << " strided, output " << i;
        EXPECT_TRUE(out[i].is_clean()) << request.op->kind() << " strided, output " << i << " is written beside it";
    }
    return true;
}

OperatorRun run(OperatorPtr const& op, std::vector<HostTensor> const& inputs, std::vector<HostTensor> const& dy,
                HarnessOptions const& options, bool loss) {
    Graph graph;
    std::vector<ValueId> ids, wanted;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        ids.push_back(graph.add_value(
            {"input" + std::to_string(i), {inputs[i].dtype, inputs[i].shape}, Role::input, none, {}, true}));
        bool const asked = options.wanted.empty() ? is_floating(inputs[i].dtype) : options.wanted[i];
        if (asked) { wanted.push_back(ids.back()); }
    }
    NodeId const node = graph.add_node("op", op, ids);
    std::vector<ValueId> const outputs = graph.node(node).outputs;
    std::vector<ValueId> gradients;
    std::vector<std::pair<ValueId, HostTensor>> given;
    if (loss) {
        graph.value(outputs[0]).role = Role::loss;
        gradients = differentiate(graph, wanted);
    } else if (!dy.empty()) {
        std::vector<ValueId> seeds(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(dy.size()));
        for (std::size_t i = 0; i < dy.size(); ++i) {
            ValueId const id =
                graph.add_value({"dy" + std::to_string(i), {dy[i].dtype, dy[i].shape}, Role::input, none, {}, true});
            seeds.push_back(id);
            given.emplace_back(id, dy[i]);
        }
        NodeId const seed = graph.add_node("seed", std::make_shared<Seed>(dy.size()), seeds);
        graph.value(graph.node(seed).outputs[0]).role = Role::loss;
        gradients = differentiate(graph, wanted);
    }

    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    for (Value const& value : graph.values()) {
        buffers.push_back(std::make_unique<DeviceBuffer>(TensorSpec::whole(value.type.dtype, value.type.shape)));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) { buffers[static_cast<std::size_t>(ids[i])]->upload(inputs[i]); }
    for (auto const& [id, tensor] : given) { buffers[static_cast<std::size_t>(id)]->upload(tensor); }

    OperatorRun result;
    for (Node const& each : graph.nodes()) {
        if (each.op->kind() == "test_seed") { continue; }
        KernelRequest request{each.op.get(), stream_of("op"), {}, {}};
        std::vector<Tensor> in, out;
        for (ValueId const id : each.inputs) {
            request.inputs.push_back(TensorSpec::whole(graph.value(id).type.dtype, graph.value(id).type.shape));
            in.push_back(buffers[static_cast<std::size_t>(id)]->tensor());
        }
        for (ValueId const id : each.outputs) {
            request.outputs.push_back(TensorSpec::whole(graph.value(id).type.dtype, graph.value(id).type.shape));
            out.push_back(buffers[static_cast<std::size_t>(id)]->tensor());
        }
        if (each.op->is_view()) {
            Tensor source = in[0];
            source.shape = out[0].shape;
            HostTensor copy = buffers[static_cast<std::size_t>(each.inputs[0])]->download();
            copy.shape = out[0].shape;
            buffers[static_cast<std::size_t>(each.outputs[0])]->upload(copy);
            continue;
        }
        auto const download = [&](std::vector<ValueId> const& values) {
            std::vector<HostTensor> all;
            for (ValueId const id : values) { all.push_back(buffers[static_cast<std::size_t>(id)]->download()); }
            return all;
        };
        std::vector<HostTensor> const given_inputs = download(each.inputs), before = download(each.outputs);
        PlannedKernel const planned = plan_kernel(request, options.choice);
        DeviceBuffer const workspace(planned.kernel->workspace_bytes());
        planned.kernel->run(options.context, out, in, workspace.data());
        workspace.expect_intact(fmt::format("{} ({}): workspace", each.op->kind(), planned.library));
        for (auto const* const used : {&each.inputs, &each.outputs}) {
            for (ValueId const id : *used) {
                buffers[static_cast<std::size_t>(id)]->expect_intact(
                    fmt::format("{} ({}): {}", each.op->kind(), planned.library, graph.value(id).name));
            }
        }
        if (expect_same_strided(request, options, planned.library, given_inputs, before, download(each.outputs))) {
            result.strided.emplace_back(each.op->kind());
        }
        result.libraries.push_back(std::string(each.op->kind()) + ": " + std::string(planned.library));
        ++runs()[result.libraries.back()];
    }
    for (ValueId const id : outputs) { result.outputs.push_back(buffers[static_cast<std::size_t>(id)]->download()); }
    result.gradients.resize(inputs.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        if (gradients[i] == none) { continue; }
        for (std::size_t k = 0; k < ids.size(); ++k) {
            if (ids[k] == wanted[i]) {
                result.gradients[k] = buffers[static_cast<std::size_t>(gradients[i])]->download();
            }
        }
    }
    for (ValueId const id : ids) { result.inputs_after.push_back(buffers[static_cast<std::size_t>(id)]->download()); }
    return result;
}

HostTensor in_f64(HostTensor const& tensor) {
    return is_floating(tensor.dtype) ? HostTensor{tensor.shape, DType::f64, tensor.values} : tensor;
}

std::vector<HostTensor> in_f64(std::vector<HostTensor> const& tensors) {
    std::vector<HostTensor> all;
    for (HostTensor const& tensor : tensors) { all.push_back(in_f64(tensor)); }
    return all;
}

/// The coarsest floating-point type decides how near two results must be; the numerics contract's figures.
std::pair<DType, double> contract_of(std::vector<HostTensor> const& inputs, std::vector<HostTensor> const& outputs) {
    std::pair<DType, double> coarsest{DType::f64, 1e-10};
    for (auto const* const tensors : {&inputs, &outputs}) {
        for (HostTensor const& tensor : *tensors) {
            if (tensor.dtype == DType::f32 && coarsest.first == DType::f64) { coarsest = {DType::f32, 1e-4}; }
            if (tensor.dtype == DType::bf16) { coarsest = {DType::bf16, 2e-2}; }
        }
    }
    return coarsest;
}

/// Outputs, gradients and updated inputs of a run, each with what it is called.
std::vector<std::pair<std::string, HostTensor const*>> results_of(OperatorRun const& run) {
    std::vector<std::pair<std::string, HostTensor const*>> results;
    for (std::size_t i = 0; i < run.outputs.size(); ++i) {
        results.emplace_back("output" + std::to_string(i), &run.outputs[i]);
    }
    for (std::size_t i = 0; i < run.gradients.size(); ++i) {
        if (run.gradients[i]) { results.emplace_back("gradient" + std::to_string(i), &*run.gradients[i]); }
    }
    for (std::size_t i = 0; i < run.inputs_after.size(); ++i) {
        results.emplace_back("input" + std::to_string(i), &run.inputs_after[i]);
    }
    return results;
}

/// "Suite.Test/3 conv": the number counts the runs of a test.
std::string next_key(Operator const& op) {
    static std::string last;
    static int number = 0;
    auto const* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string const name = std::string(test->test_suite_name()) + "." + test->name();
    number = name == last ? number + 1 : 0;
    last = name;
    return name + "/" + std::to_string(number) + " " + std::string(op.kind());
}

/// Keeps what the host's native kernels give for these inputs in f64, or compares this run with it.
void meet_host_reference(OperatorPtr const& op, std::vector<HostTensor> const& inputs,
                         std::vector<HostTensor> const& dy, HarnessOptions const& options, bool loss,
                         OperatorRun const& got) {
    HostReference* const reference = host_reference();
    if (reference == nullptr) { return; }
    std::string const key = next_key(*op);
    if (reference->mode() == HostReference::Mode::write) {
        HarnessOptions native = options;
        native.choice = KernelChoice::native;
        OperatorRun const exact = run(op, in_f64(inputs), in_f64(dy), native, loss);
        for (auto const& [what, tensor] : results_of(exact)) {
            reference->keep(key + " " + what, project(what, tensor->values));
        }
        return;
    }
    auto const [dtype, tolerance] = contract_of(inputs, got.outputs);
    std::vector<std::pair<std::string, Projection>> results;
    double largest = 0;
    for (auto const& [what, tensor] : results_of(got)) {
        results.emplace_back(what, project(what, tensor->values));
        largest = std::max(largest, results.back().second.norm);
    }
    for (auto const& [what, projection] : results) {
        auto const want = reference->find(key + " " + what);
        if (!want) {
            reference->count_missing();
            continue;
        }
        // what cancels to nothing is rounding of the whole
        double const difference = relative_distance(projection, *want, 1e-3 * largest);
        EXPECT_TRUE(reference->count(std::string(name_of(dtype)), difference, tolerance))
            << key << " " << what << " differs from the host's f64 by " << difference << " of its norm " << want->norm;
    }
}

HostTensor cut(HostTensor const& whole, Box const& box) {
    HostTensor part{box.shape(), whole.dtype, {}};
    for (Index n = box.lo[0]; n < box.hi[0]; ++n)
        for (Index d = box.lo[1]; d < box.hi[1]; ++d)
            for (Index h = box.lo[2]; h < box.hi[2]; ++h)
                for (Index w = box.lo[3]; w < box.hi[3]; ++w)
                    for (Index c = box.lo[4]; c < box.hi[4]; ++c) {
                        Shape const& s = whole.shape;
                        Index const at = (((n * s.d + d) * s.h + h) * s.w + w) * s.c + c;
                        part.values.push_back(whole.values[static_cast<std::size_t>(at)]);
                    }
    return part;
}

double dot(HostTensor const& a, HostTensor const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) { sum += a.values[i] * b.values[i]; }
    return sum;
}

}  // namespace

HostTensor random_tensor(Shape const& shape, DType dtype, std::uint64_t seed, double lo, double hi) {
    HostTensor tensor{shape, dtype, {}};
    std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 0x1234567;
    for (Index i = 0; i < shape.volume(); ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        double const uniform = static_cast<double>((state ^ (state >> 29)) >> 11) * 0x1p-53;
        tensor.values.push_back(lo + (hi - lo) * uniform);
    }
    return as_type(tensor, dtype);
}

HostTensor as_type(HostTensor const& tensor, DType dtype) {
    HostTensor result{tensor.shape, dtype, tensor.values};
    for (double& value : result.values) {
        if (dtype == DType::f32) { value = static_cast<float>(value); }
        if (dtype == DType::bf16) { value = static_cast<float>(BFloat16(static_cast<float>(value))); }
        if (dtype == DType::i32 || dtype == DType::u8) { value = std::trunc(value); }
    }
    return result;
}

OperatorRun run_operator(OperatorPtr const& op, std::vector<HostTensor> const& inputs,
                         std::vector<HostTensor> const& dy, HarnessOptions const& options) {
    OperatorRun result = run(op, inputs, dy, options, false);
    meet_host_reference(op, inputs, dy, options, false, result);
    return result;
}

OperatorRun run_loss(OperatorPtr const& op, std::vector<HostTensor> const& inputs, HarnessOptions const& options) {
    OperatorRun result = run(op, inputs, {}, options, true);
    meet_host_reference(op, inputs, {}, options, true, result);
    return result;
}

int runs_between_red_zones(std::string const& kernel) {
    auto const found = runs().find(kernel);
    return found == runs().end() ? 0 : found->second;
}

Index first_element(TensorSpec const& spec) {
    auto const strides = spec.strides().all();
    Index offset = 0;
    for (std::size_t axis = 0; axis < strides.size(); ++axis) {
        offset += (spec.box.lo[axis] - spec.stored().lo[axis]) * strides[axis];
    }
    return offset;
}

void expect_near(HostTensor const& got, HostTensor const& want, double tolerance) {
    ASSERT_EQ(got.shape, want.shape) << to_string(got.shape) << " against " << to_string(want.shape);
    ASSERT_EQ(got.values.size(), want.values.size());
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < got.values.size(); ++i) {
        double const delta = got.values[i] - want.values[i];
        difference += delta * delta;
        norm += want.values[i] * want.values[i];
    }
    EXPECT_LE(std::sqrt(difference), tolerance * std::max(std::sqrt(norm), 1e-30))
        << "relative difference " << std::sqrt(difference / std::max(norm, 1e-60));
}

void expect_gradients_match_finite_differences(OperatorPtr const& op, std::vector<HostTensor> inputs,
                                               HarnessOptions const& options, double tolerance, bool loss) {
    OperatorRun const plain = run(op, inputs, {}, options, false);
    std::vector<HostTensor> dy;
    if (!loss) { dy.push_back(random_tensor(plain.outputs[0].shape, DType::f64, 99)); }
    OperatorRun const exact = run(op, inputs, dy, options, loss);
    meet_host_reference(op, inputs, dy, options, loss, exact);
    auto const objective = [&] {
        OperatorRun const at = run(op, inputs, {}, options, false);
        return loss ? at.outputs[0].values[0] : dot(at.outputs[0], dy[0]);
    };
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (!exact.gradients[k]) { continue; }
        HostTensor const direction = random_tensor(inputs[k].shape, DType::f64, 7 + k);
        double const step = 1e-5;
        std::vector<double> const origin = inputs[k].values;
        auto const shift = [&](double t) {
            for (std::size_t i = 0; i < origin.size(); ++i) {
                inputs[k].values[i] = origin[i] + t * direction.values[i];
            }
        };
        shift(step);
        double const up = objective();
        shift(-step);
        double const down = objective();
        inputs[k].values = origin;
        double const numeric = (up - down) / (2 * step);
        double const analytic = dot(*exact.gradients[k], direction);
        double const scale = std::max({std::abs(numeric), std::abs(analytic), 1e-3});
        EXPECT_NEAR(numeric, analytic, tolerance * scale * 10) << "input " << k;
        EXPECT_GT(std::abs(analytic) + std::abs(numeric), 0.0) << "input " << k << ": gradient is identically zero";
    }
}

void expect_tiles_match_whole(OperatorPtr const& op, std::vector<HostTensor> const& inputs, std::array<Index, 3> tiles,
                              double tolerance, HarnessOptions const& options) {
    OperatorRun const whole = run(op, inputs, {}, options, false);
    Shape const global = whole.outputs[0].shape;
    std::array<Index, 3> const extent{global.d, global.h, global.w};
    auto const bound = [&](std::size_t axis, Index i) { return extent[axis] * i / tiles[axis]; };
    for (Index td = 0; td < tiles[0]; ++td)
        for (Index th = 0; th < tiles[1]; ++th)
            for (Index tw = 0; tw < tiles[2]; ++tw) {
                Box out = Box::whole(global);
                std::array<Index, 3> const tile{td, th, tw};
                for (std::size_t axis = 0; axis < 3; ++axis) {
                    out.lo[axis + 1] = bound(axis, tile[axis]);
                    out.hi[axis + 1] = bound(axis, tile[axis] + 1);
                }
                if (out.empty()) { continue; }
                KernelRequest request{op.get(), stream_of("op"), {}, {}};
                std::vector<std::unique_ptr<DeviceBuffer>> buffers;
                std::vector<Tensor> in, results;
                for (std::size_t k = 0; k < inputs.size(); ++k) {
                    Box const need = needed_box(op->access(k), out, inputs[k].shape);
                    request.inputs.push_back({inputs[k].dtype, inputs[k].shape, need});
                    buffers.push_back(std::make_unique<DeviceBuffer>(request.inputs.back()));
                    buffers.back()->upload(cut(inputs[k], need));
                    in.push_back(buffers.back()->tensor());
                }
                for (HostTensor const& output : whole.outputs) {
                    Box box = out;  // every output of a tileable operator has output 0's pixels
                    box.hi[4] = output.shape.c;
                    request.outputs.push_back({output.dtype, output.shape, box});
                    buffers.push_back(std::make_unique<DeviceBuffer>(request.outputs.back()));
                    results.push_back(buffers.back()->tensor());
                }
                PlannedKernel const planned = plan_kernel(request, options.choice);
                DeviceBuffer const workspace(planned.kernel->workspace_bytes());
                planned.kernel->run(options.context, results, in, workspace.data());
                HostTensor const got = buffers[inputs.size()]->download();
                HostTensor const want = cut(whole.outputs[0], out);
                if (tolerance == 0) {
                    EXPECT_EQ(got.values, want.values) << "tile " << to_string(out);
                } else {
                    expect_near(got, want, tolerance);
                }
            }
}

}  // namespace aureole::test
