#include "unit_tests/support/network_runner.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/graph/differentiate.hpp"
#include "core/graph/fuse.hpp"
#include "core/ops/bce_with_logits.hpp"
#include "core/ops/softmax_cross_entropy.hpp"
#include "core/tensor/philox.hpp"
#include "parallel/program/draw.hpp"
#include "parallel/stages/cut.hpp"
#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {

namespace {

bool ends_with(std::string const& text, std::string const& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void draw_biases_and_norms(Graph& graph) {
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        Value& value = graph.value(static_cast<ValueId>(i));
        if (value.role != Role::parameter || value.initializer.kind != Initializer::Kind::constant) { continue; }
        bool const bias = ends_with(value.name, ".bias");
        value.initializer = {Initializer::Kind::uniform, bias ? -0.2 : 0.5, bias ? 0.2 : 1.5};
        if (ends_with(value.name, ".bn3.weight")) { value.initializer = {Initializer::Kind::uniform, 0.125, 0.375}; }
    }
}

double distance(std::vector<double> const& a, std::vector<double> const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) { sum += (a[i] - b[i]) * (a[i] - b[i]); }
    return std::sqrt(sum);
}

double norm(std::vector<double> const& a) { return distance(a, std::vector<double>(a.size(), 0)); }

}  // namespace

TestNetwork build_test_network(NetworkSpec const& spec) {
    TestNetwork network;
    NetworkBuilder net(network.graph, {Mode::train, spec.dtype, spec.samples_per_norm});
    ValueId const x = net.image(spec.image);
    network.input = network.graph.find("input");
    network.logits = spec.model(net, x);
    bool const classes = spec.labels == NetworkSpec::Labels::classes;
    Shape labels = net.shape(network.logits);
    if (classes) { labels.c = 1; }
    network.labels = net.labels(labels, classes ? DType::i32 : DType::f32);
    LossAttributes const scale{1, 1.0 / static_cast<double>(spec.micro_batches), {}};
    OperatorPtr loss = std::make_shared<BceWithLogits>(BceWithLogitsAttributes{scale, 2});
    if (classes) { loss = std::make_shared<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttributes{scale, 0}); }
    network.loss = net.emit("loss", loss, {network.logits, network.labels});
    network.graph.value(network.loss).role = Role::loss;
    draw_biases_and_norms(network.graph);
    if (spec.fused) { fuse(network.graph, {network.logits}); }
    differentiate(network.graph, {}, spec.first_units);
    std::vector<ValueId> keep = crossing_activations(network.graph, spec.first_units);
    keep.push_back(network.logits);
    recompute(network.graph, spec.recompute, keep);
    return network;
}

std::vector<double> random_images(Shape const& shape, std::uint64_t seed) {
    DeviceBuffer const buffer(TensorSpec::whole(DType::f64, shape));
    draw(buffer.tensor(), {Initializer::Kind::uniform, -1, 1}, mix(seed, stream_of("input")));
    return buffer.download().values;
}

std::vector<double> random_labels(Shape const& shape, Index count, std::uint64_t seed) {
    std::vector<double> labels;
    for (Index i = 0; i < shape.volume(); ++i) {
        Philox const words = Philox::at(mix(seed, stream_of("labels")), static_cast<std::uint64_t>(i));
        labels.push_back(static_cast<double>(words.word[0] % static_cast<std::uint32_t>(count)));
    }
    return labels;
}

ProgramOptions NetworkRunner::program_options(NetworkSpec const& spec, TestNetwork const& network,
                                              KernelChoice choice) {
    return {.kernels = choice, .keep_gradients = spec.micro_batches > 1, .keep = {network.logits}};
}

NetworkRunner::NetworkRunner(NetworkSpec const& spec, KernelChoice choice, std::byte fill)
    : NetworkRunner(spec, choice, TileGrid{}, nullptr, fill) {}

NetworkRunner::NetworkRunner(NetworkSpec const& spec, KernelChoice choice, TileGrid const& grid, Comm const& comm)
    : NetworkRunner(spec, choice, grid, &comm, std::byte{0xFF}) {}

NetworkRunner::NetworkRunner(NetworkSpec const& spec, KernelChoice choice, TileGrid const& grid, Comm const* comm,
                             std::byte fill)
    : comm_(comm),
      network_(build_test_network(spec)),
      classes_(spec.labels == NetworkSpec::Labels::classes ? network_.graph.value(network_.logits).type.shape.c : 2),
      image_seed_(spec.image_seed),
      program_(tile(std::move(network_.graph), grid, comm == nullptr ? 0 : comm->rank(),
                    {.defer_gradients = spec.micro_batches > 1, .chain = spec.chain, .overlap = spec.overlap}),
               program_options(spec, network_, choice)),
      layout_([this] {
          PersistentLayout layout(program_.red_zone());
          program_.add_persistent(layout);
          return layout;
      }()),
      arena_(filled_arena(layout_.bytes() + program_.transient_bytes(), fill)) {
    program_.bind(arena_, layout_, {layout_.bytes()}, comm);
    for (Persistent const& entry : layout_.entries()) {
        if (entry.kind == Persistent::Kind::gradient) { continue; }
        draw(tensor(entry), entry.initializer, mix(1, stream_of(entry.name)));
    }
}

Tensor NetworkRunner::tensor(Persistent const& entry) const {
    return arena_.tensor(entry.offset, entry.spec.dtype, entry.spec.local());
}

void NetworkRunner::write(std::vector<double> const& images, std::vector<double> const& labels) const {
    for (auto const& [id, values] : {std::pair{network_.input, &images}, std::pair{network_.labels, &labels}}) {
        TensorSpec const spec = program_.spec(id);
        write_values(part_of(*values, spec.global, spec.box), program_.tensor(id));
    }
}

std::vector<double> part_of(std::vector<double> const& whole, Shape const& shape, Box const& part) {
    std::vector<double> values;
    Box const& b = part;
    for (Index n = b.lo[0]; n < b.hi[0]; ++n) {
        for (Index d = b.lo[1]; d < b.hi[1]; ++d) {
            for (Index h = b.lo[2]; h < b.hi[2]; ++h) {
                Index const row = ((n * shape.d + d) * shape.h + h) * shape.w;
                auto const begin = whole.begin() + (row + b.lo[3]) * shape.c;
                values.insert(values.end(), begin, begin + (b.hi[3] - b.lo[3]) * shape.c);
            }
        }
    }
    return values;
}

void NetworkRunner::write_random() const {
    write(random_images(input_shape(), image_seed_), random_labels(label_shape(), classes()));
}

double NetworkRunner::loss() const { return read_values(program_.tensor(network_.loss))[0]; }

StepResult NetworkRunner::result() const {
    StepResult result;
    result.loss = loss();
    result.logits = read_values(program_.tensor(network_.logits));
    Graph const& graph = program_.graph();
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        ValueId const gradient = graph.gradient_of(static_cast<ValueId>(i));
        if (gradient == none) { continue; }
        std::vector<double> values = read_values(program_.tensor(gradient));
        if (program_.local().partial_gradients.count(gradient) != 0) {
            comm_->sum(values.data(), static_cast<int>(values.size()));
        }
        result.gradients[graph.values()[i].name] = std::move(values);
    }
    return result;
}

StepResult run_step(NetworkSpec const& spec, KernelChoice choice) {
    NetworkRunner const runner(spec, choice);
    runner.write_random();
    runner.run();
    return runner.result();
}

void expect_same(StepResult const& got, StepResult const& want) {
    EXPECT_TRUE(std::isfinite(want.loss));
    EXPECT_EQ(got.loss, want.loss);
    EXPECT_EQ(got.logits, want.logits);
    ASSERT_EQ(got.gradients.size(), want.gradients.size());
    for (auto const& [name, gradient] : want.gradients) {
        ASSERT_EQ(got.gradients.count(name), 1U) << name;
        EXPECT_TRUE(got.gradients.at(name) == gradient)
            << "gradients of " << name << " differ by " << distance(got.gradients.at(name), gradient) << " of "
            << norm(gradient);
    }
}

void expect_close(StepResult const& got, StepResult const& want, double tolerance) {
    EXPECT_NEAR(got.loss, want.loss, tolerance * std::abs(want.loss));
    EXPECT_LE(distance(got.logits, want.logits), tolerance * norm(want.logits));
    ASSERT_EQ(got.gradients.size(), want.gradients.size());
    double total = 0;
    for (auto const& [name, gradient] : want.gradients) { total = std::hypot(total, norm(gradient)); }
    for (auto const& [name, gradient] : want.gradients) {
        ASSERT_EQ(got.gradients.count(name), 1U) << name;
        // a bias before a normalisation has no influence: its gradient is rounding, measured by the whole gradient
        double const scale = std::max(norm(gradient), 1e-6 * total);
        EXPECT_LE(distance(got.gradients.at(name), gradient), tolerance * scale) << name;
    }
}

}  // namespace aureole::test
