#include "app/network.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "app/layers.hpp"
#include "core/error.hpp"
#include "core/graph/differentiate.hpp"
#include "core/graph/fuse.hpp"
#include "core/graph/recompute.hpp"
#include "core/metrics/confusion.hpp"
#include "core/models/amoebanet.hpp"
#include "core/models/resnet.hpp"
#include "core/models/unet.hpp"
#include "core/ops/bce_with_logits.hpp"
#include "core/ops/dice.hpp"
#include "core/ops/softmax_cross_entropy.hpp"
#include "parallel/stages/cut.hpp"

namespace aureole {

namespace {

UNetOptions unet_options(ModelSpec const& model) {
    UNetOptions options;
    options.dimensions = model.dimensions == 3 ? Dimensions::three : Dimensions::two;
    options.base = model.base;
    options.levels = model.levels;
    options.classes = model.classes;
    options.norm = static_cast<UNetOptions::Norm>(model.norm);
    options.norm_groups = model.norm_groups;
    options.up = static_cast<UNetOptions::Up>(model.up);
    return options;
}

ValueId build_model(NetworkBuilder& net, ValueId x, Deck const& deck) {
    ModelSpec const& model = deck.model;
    try {
        switch (model.kind) {
            case ModelSpec::Kind::resnet: return resnet(net, x, model.depth, model.classes);
            case ModelSpec::Kind::resnet_cifar:
                return resnet_cifar(net, x, {model.depth, model.version, model.width, model.classes});
            case ModelSpec::Kind::amoebanet: return amoebanet(net, x, {model.cells, model.filters, model.classes});
            case ModelSpec::Kind::unet: return unet(net, x, unet_options(model));
            case ModelSpec::Kind::layers: break;
        }
    } catch (Error const& error) {
        throw Error(error.code(), fmt::format("{}: {}", deck.where("model"), error.what()));
    }
    auto const dimensions = deck.image.size.size() == 3 ? Dimensions::three : Dimensions::two;
    return build_layers(net, x, dimensions, model.layers);
}

bool wants_classes(TrainSpec const& train, Shape const& logits) {
    for (LossSpec const& loss : train.loss) {
        if (loss.kind == LossSpec::Kind::softmax_cross_entropy) { return true; }
        if (loss.kind == LossSpec::Kind::dice && logits.c > 1) { return true; }
    }
    return false;
}

/// A softmax of one value is always 1: its loss is 0 and its gradient too, whatever the labels.
void require_trainable(Deck const& deck, Shape const& logits) {
    for (LossSpec const& loss : deck.train.loss) {
        if (loss.kind != LossSpec::Kind::softmax_cross_entropy || logits.c > 1) { continue; }
        fail(
            ExitCode::bad_deck,
            "{}: train.loss is softmax_cross_entropy, but the network's result has 1 channel (the softmax of one value "
            "is always 1: nothing could be learnt): give the last layer 2 channels or more, one for each class, or "
            "take the loss bce_with_logits",
            deck.where("train.loss"));
    }
}

/// What the labels of one sample must be, given the network's result.
SampleSpec sample_spec(Deck const& deck, Shape const& logits) {
    SampleSpec sample;
    sample.x = deck.image.shape();
    sample.y = logits;
    sample.y.n = 1;
    sample.ignore_label = deck.ignored_label();
    if (wants_classes(deck.train, logits)) {
        sample.labels = SampleSpec::Labels::classes;
        sample.y.c = 1;
        sample.classes = logits.c;
    } else {
        sample.labels = SampleSpec::Labels::values;
        sample.probabilities = true;  // every loss over values is one of probabilities
    }
    return sample;
}

OperatorPtr make_loss(LossSpec const& spec, LossAttributes const& loss) {
    switch (spec.kind) {
        case LossSpec::Kind::softmax_cross_entropy:
            return std::make_shared<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttributes{loss, spec.label_smoothing});
        case LossSpec::Kind::bce_with_logits:
            return std::make_shared<BceWithLogits>(BceWithLogitsAttributes{loss, spec.positive_weight});
        case LossSpec::Kind::dice: return std::make_shared<Dice>(DiceAttributes{loss, spec.smooth});
    }
    fail(ExitCode::internal, "unknown loss");
}

char const* loss_name(LossSpec::Kind kind) {
    switch (kind) {
        case LossSpec::Kind::softmax_cross_entropy: return "softmax_cross_entropy";
        case LossSpec::Kind::bce_with_logits: return "bce_with_logits";
        case LossSpec::Kind::dice: return "dice";
    }
    return "loss";
}

void add_losses(NetworkBuilder& net, Deck const& deck, Network& network) {
    double const gradient_scale = 1.0 / static_cast<double>(deck.train.micro_batches);
    int number = 0;
    for (LossSpec const& loss : deck.train.loss) {
        std::string const name =
            fmt::format("loss.{}{}", loss_name(loss.kind), number++ == 0 ? "" : std::to_string(number));
        LossAttributes const attributes{loss.weight, gradient_scale, deck.ignored_label()};
        ValueId const id = net.emit(name, make_loss(loss, attributes), {network.logits, network.labels});
        net.graph().value(id).role = Role::loss;
        network.losses.push_back(id);
    }
}

struct MetricName {
    Metric metric;
    char const* name;
};

constexpr std::array<MetricName, 7> metric_names{{{Metric::accuracy, "accuracy"},
                                                  {Metric::auroc, "auroc"},
                                                  {Metric::auprc, "auprc"},
                                                  {Metric::best_f1, "best_f1"},
                                                  {Metric::f1, "f1"},
                                                  {Metric::iou, "iou"},
                                                  {Metric::dice, "dice"}}};

/// Classes up to which an evaluation says a metric of each.
constexpr Index most_classes_shown = 32;

void check_scores(Shape const& logits, Shape const& labels) {
    require(logits.c == 1, ExitCode::bad_deck,
            "auroc, auprc and best_f1 with {} output channels (they compare the scores of one class with all others): "
            "use a network with one output channel, or other metrics",
            logits.c);
    require(logits == labels, ExitCode::bad_deck,
            "auroc, auprc and best_f1: labels {} do not fit logits {} (one label per pixel is expected): predict at "
            "the resolution of the labels, or use other metrics",
            to_string(labels), to_string(logits));
}

void add_metrics(NetworkBuilder& net, Deck const& deck, Mode mode, Network& network) {
    Shape const logits = net.shape(network.logits);
    std::string const counter = mode == Mode::train ? "metrics.train.confusion" : "metrics.eval.confusion";
    for (Metric const metric : deck.train.metrics) {
        std::string const name = std::find_if(metric_names.begin(), metric_names.end(), [&](MetricName const& each) {
                                     return each.metric == metric;
                                 })->name;
        if (needs_scores(metric)) {
            if (mode == Mode::train) { continue; }
            check_scores(logits, net.shape(network.labels));
            network.metrics.push_back({name, metric, ""});
            continue;
        }
        if (net.graph().find(counter) == none) {
            ValueId const state = net.state(counter, metric_confusion_shape(logits), DType::f64, 0);
            auto const op = std::make_shared<MetricConfusion>(MetricConfusionAttributes{deck.ignored_label()});
            net.graph().add_node(counter + ".count", op, {network.logits, network.labels, state});
        }
        network.metrics.push_back({name, metric, counter});
        Index const classes = std::max<Index>(logits.c, 2);
        if (mode == Mode::train || metric == Metric::accuracy || classes > most_classes_shown) { continue; }
        for (Index k = 0; k < classes; ++k) {
            network.metrics.push_back({fmt::format("{}_{}", name, k), metric, counter, k});
        }
    }
}

}  // namespace

bool needs_scores(Metric metric) {
    return metric == Metric::auroc || metric == Metric::auprc || metric == Metric::best_f1;
}

bool needs_scores(Network const& network) {
    return std::any_of(network.metrics.begin(), network.metrics.end(),
                       [](MetricSource const& source) { return needs_scores(source.metric); });
}

DType activation_type(TrainSpec::Precision precision) {
    switch (precision) {
        case TrainSpec::Precision::f32: return DType::f32;
        case TrainSpec::Precision::bf16: return DType::bf16;
        case TrainSpec::Precision::f64: return DType::f64;
    }
    return DType::f32;
}

std::vector<ValueId> matching_values(Graph const& graph, std::vector<std::string> const& globs) {
    std::vector<ValueId> found;
    for (Node const& node : graph.nodes()) {
        if (node.phase != Phase::forward || node.outputs.empty()) { continue; }
        for (std::string const& glob : globs) {
            if (fnmatch(glob.c_str(), graph.value(node.outputs[0]).name.c_str(), 0) == 0) {
                found.push_back(node.outputs[0]);
                break;
            }
        }
    }
    return found;
}

Network build_network(Deck const& deck, Mode mode, Index samples, std::vector<std::string> const& keep,
                      std::vector<int> const& first_units) {
    Network network;
    BuilderOptions options;
    options.mode = mode;
    options.dtype = activation_type(deck.train.precision);
    options.samples_per_norm = deck.train.norm_batch.value_or(0);
    NetworkBuilder net(network.graph, options);

    Shape image = deck.image.shape();
    image.n = samples;
    ValueId const x = net.image(image);
    network.input = network.graph.find("input");
    network.logits = build_model(net, x, deck);
    require_trainable(deck, net.shape(network.logits));
    network.sample = sample_spec(deck, net.shape(network.logits));
    Shape labels = network.sample.y;
    labels.n = samples;
    bool const classes = network.sample.labels == SampleSpec::Labels::classes;
    network.labels = net.labels(labels, classes ? DType::i32 : DType::f32);
    add_losses(net, deck, network);
    add_metrics(net, deck, mode, network);

    std::vector<ValueId> kept = matching_values(network.graph, keep);
    kept.push_back(network.logits);
    fuse(network.graph, kept);
    if (mode == Mode::train) {
        differentiate(network.graph, {}, first_units);
        for (ValueId const id : crossing_activations(network.graph, first_units)) { kept.push_back(id); }
        recompute(network.graph, static_cast<RecomputeMode>(deck.memory.recompute), kept);
    }
    return network;
}

}  // namespace aureole
