#include "unit_tests/parallel/tiling/tiled_graph.hpp"

#include <cmath>
#include <limits>

#include "core/graph/differentiate.hpp"
#include "core/graph/fuse.hpp"
#include "core/ops/bce_with_logits.hpp"
#include "parallel/program/draw.hpp"
#include "unit_tests/support/device_buffer.hpp"
#include "unit_tests/support/windows.hpp"

namespace aureole::test {

namespace {

Shape draw_image(Random& random) {
    bool const deep = random.below(3) == 0;
    Shape image{random.between(1, 3), deep ? random.between(2, 5) : 1, random.between(1, 11), random.between(1, 11),
                random.between(1, 5)};
    if (image.pixels_per_sample() == 1) { image.h = 5; }
    return image;
}

std::vector<double> input_values(GraphInput const& input, Value const& value) {
    std::vector<double> values;
    std::uint64_t const key = stream_of(value.name);
    for (Index i = 0; i < value.type.shape.volume(); ++i) {
        double const uniform = static_cast<double>(Philox::at(key, static_cast<std::uint64_t>(i)).word[1]) * 0x1p-32;
        double const range = input.hi - input.lo + (input.whole_numbers ? 1 : 0);
        double const drawn = input.lo + uniform * range;
        values.push_back(input.whole_numbers ? std::floor(drawn) : drawn);
    }
    return values;
}

std::vector<double> part_of(std::vector<double> const& whole, Shape const& shape, Box const& part) {
    std::vector<double> values;
    for_positions(part, [&](auto const& at) { values.push_back(whole[place_in(Box::whole(shape), at)]); });
    return values;
}

double norm(std::vector<double> const& values) {
    double sum = 0;
    for (double const value : values) { sum += value * value; }
    return std::sqrt(sum);
}

bool is_gradient(std::string const& name) { return name.find("gradient ") == 0; }

}  // namespace

GraphMaker::GraphMaker(TestGraph& test, Random& random_numbers)
    : random(random_numbers),
      image(draw_image(random_numbers)),
      three_dimensional(image.d > 1),
      net(test.graph, {Mode::train, DType::f64, 0}),
      test_(test) {}

ValueId GraphMaker::real_input(std::string const& name, Shape const& shape, DType dtype, double lo, double hi) {
    ValueId const id = net.graph().add_value({name, {dtype, shape}, Role::input, none, {}, true});
    test_.inputs.push_back({id, lo, hi, false});
    return id;
}

ValueId GraphMaker::source_of(Shape const& shape) {
    Shape from = shape;
    Index const kind = random.below(4);
    if (kind > 0) { from.c = random.between(1, 3); }
    ValueId const x = real_input(next("image"), from, DType::f64, -1, 1);
    test_.images.push_back(x);
    if (kind == 0) { return x; }
    Dimensions const dimensions = shape.d > 1 ? Dimensions::three : Dimensions::two;
    Windows const window = kind == 3 ? aureole::windows(dimensions, 3, 1, 1) : Windows{};
    return net.conv(next("before"), x, {window, shape.c, 1, random.coin(), false});
}

ValueId GraphMaker::source(Index channels) {
    Shape shape = image;
    shape.c = channels;
    return source_of(shape);
}

ValueId GraphMaker::quantized_source() {
    ValueId const x = net.graph().add_value({next("image"), {DType::f64, image}, Role::input, none, {}, true});
    test_.inputs.push_back({x, -2, 2, true});
    test_.images.push_back(x);
    return x;
}

ValueId GraphMaker::labels(Shape const& shape, DType dtype, Index first, Index last) {
    ValueId const id = net.graph().add_value({next("labels"), {dtype, shape}, Role::input, none, {}, true});
    test_.inputs.push_back({id, static_cast<double>(first), static_cast<double>(last), true});
    return id;
}

ValueId GraphMaker::parameter(std::string const& name, Shape const& shape) {
    return net.parameter(name, shape, {Initializer::Kind::uniform, -1, 1});
}

void GraphMaker::add_loss(OperatorPtr op, std::vector<ValueId> inputs) {
    ValueId const loss = net.emit(next("loss"), std::move(op), std::move(inputs));
    net.graph().value(loss).role = Role::loss;
    test_.losses.push_back(loss);
}

Windows GraphMaker::windows(bool for_pooling) {
    for (;;) {
        Windows windows;
        std::array<Index, 3> const extents{image.d, image.h, image.w};
        bool fits = true;
        for (std::size_t axis = three_dimensional ? 0 : 1; axis < 3; ++axis) {
            Window& window = windows[axis];
            window = {random.between(1, 4), random.between(1, 3), 0, 0, random.below(3) == 0 ? 2 : 1};
            Index const most = for_pooling ? window.reach() - 1 : window.reach() + 1;
            window.pad_lo = random.between(0, most);
            window.pad_hi = random.coin() ? window.pad_lo : random.between(0, most);
            fits = fits && window.output_extent(extents[axis]) > 0 &&
                   (!for_pooling || every_window_reads(window, extents[axis]));
        }
        if (fits) { return windows; }
    }
}

ActivationAttributes GraphMaker::activation() {
    return {random.of(std::vector{ActivationKind::relu, ActivationKind::leaky_relu, ActivationKind::gelu_erf,
                                  ActivationKind::gelu_tanh, ActivationKind::sigmoid}),
            0.1};
}

Index GraphMaker::divisor(Index count) {
    for (;;) {
        Index const candidate = random.between(1, count);
        if (count % candidate == 0) { return candidate; }
    }
}

TestGraph make_graph(Make const& make, std::uint64_t seed, Shape* image) {
    TestGraph test;
    Random random(seed);
    GraphMaker maker(test, random);
    if (image != nullptr) { *image = maker.image; }
    test.output = make(maker);
    if (test.losses.empty()) {
        ValueId const targets = maker.real_input("targets", maker.shape(test.output), DType::f64, 0, 1);
        maker.add_loss(std::make_shared<BceWithLogits>(BceWithLogitsAttributes{}), {test.output, targets});
    }
    for (std::size_t i = 0; i < test.graph.values().size(); ++i) {
        Value& value = test.graph.value(static_cast<ValueId>(i));
        if (value.role == Role::parameter && value.initializer.kind == Initializer::Kind::constant) {
            value.initializer = {Initializer::Kind::uniform, 0.5, 1.5};
        }
    }
    if (random.coin()) { fuse(test.graph, {test.output}); }
    test.image_gradients = differentiate(test.graph, test.images);
    return test;
}

namespace {

ProgramOptions program_options(TestGraph const& test) {
    ProgramOptions options;
    options.kernels = KernelChoice::native;
    options.keep = {test.output};
    for (ValueId const id : test.image_gradients) {
        if (id != none) { options.keep.push_back(id); }
    }
    return options;
}

PersistentLayout persistent_of(Program const& program) {
    PersistentLayout layout(program.red_zone());
    program.add_persistent(layout);
    return layout;
}

}  // namespace

GraphRunner::GraphRunner(TestGraph graph) : GraphRunner(graph, whole(graph.graph), nullptr) {}

GraphRunner::GraphRunner(TestGraph graph, TileGrid const& grid, Comm const& comm, TilingOptions const& options)
    : GraphRunner(graph, tile(graph.graph, grid, comm.rank(), options), &comm) {}

GraphRunner::GraphRunner(TestGraph graph, LocalGraph local, Comm const* comm)
    : test_(std::move(graph)),
      comm_(comm),
      program_(std::move(local), program_options(test_)),
      layout_(persistent_of(program_)),
      arena_(filled_arena(layout_.bytes() + program_.transient_bytes())) {
    program_.bind(arena_, layout_, {layout_.bytes()}, comm);
    for (Persistent const& entry : layout_.entries()) {
        draw(arena_.tensor(entry.offset, entry.spec.dtype, entry.spec.local()), entry.initializer,
             mix(1, stream_of(entry.name)));
    }
}

void GraphRunner::run(RunContext const& context, AfterStep const& after) {
    for (GraphInput const& input : test_.inputs) {
        TensorSpec const spec = program_.spec(input.id);
        write_values(part_of(input_values(input, program_.graph().value(input.id)), spec.global, spec.box),
                     program_.tensor(input.id));
    }
    if (!after) {
        program_.run(context);
        return;
    }
    for (std::size_t i = 0; i < program_.steps().size(); ++i) {
        program_.run_step(i, context);
        after(program_.graph().node(program_.steps()[i].node));
    }
}

GraphResult GraphRunner::result() const {
    GraphResult result;
    Graph const& graph = program_.graph();
    auto const add = [&](std::string const& name, ValueId id) {
        result[name] = {read_values(program_.tensor(id)), program_.spec(id)};
    };
    auto const sum = [&](PartialValue& value) {
        if (comm_ != nullptr) { comm_->sum(value.values.data(), static_cast<int>(value.values.size())); }
    };
    add("output", test_.output);
    for (ValueId const id : test_.losses) { add("loss " + graph.value(id).name, id); }
    for (std::size_t i = 0; i < test_.images.size(); ++i) {
        if (test_.image_gradients[i] == none) { continue; }
        add("gradient of " + graph.value(test_.images[i]).name, test_.image_gradients[i]);
    }
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        auto const id = static_cast<ValueId>(i);
        ValueId const gradient = graph.gradient_of(id);
        if (gradient != none) {
            std::string const name = "gradient of " + graph.value(id).name;
            add(name, gradient);
            if (program_.local().partial_gradients.count(gradient) != 0) { sum(result[name]); }
        }
        if (graph.value(id).role == Role::state) {
            std::string const name = "state " + graph.value(id).name;
            add(name, id);
            if (program_.local().partial_states.count(graph.value(id).name) != 0) { sum(result[name]); }
        }
    }
    return result;
}

Difference largest_difference(GraphResult const& got, GraphResult const& want) {
    if (got.size() != want.size()) { return {std::numeric_limits<double>::infinity(), "number of results"}; }
    double gradients = 0;
    for (auto const& [name, value] : want) {
        if (is_gradient(name)) { gradients = std::hypot(gradients, norm(value.values)); }
    }
    Difference largest;
    for (auto const& [name, whole] : want) {
        if (got.count(name) == 0) { return {std::numeric_limits<double>::infinity(), name}; }
        PartialValue const& part = got.at(name);
        std::vector<double> difference = part.values;
        std::vector<double> const expected = part_of(whole.values, whole.spec.global, part.spec.box);
        if (difference.size() != expected.size()) { return {std::numeric_limits<double>::infinity(), name}; }
        for (std::size_t i = 0; i < difference.size(); ++i) { difference[i] -= expected[i]; }
        double const scale = std::max(norm(whole.values), is_gradient(name) ? 0.1 * gradients : 0);
        double const distance = norm(difference);
        double const relative = distance == 0 ? 0 : distance / scale;
        if (!(relative <= largest.relative)) { largest = {relative, name}; }  // NaN is the largest
        if (std::isnan(relative)) { break; }
    }
    return largest;
}

}  // namespace aureole::test
