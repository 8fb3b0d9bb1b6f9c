#pragma once
#include "core/models/network_builder.hpp"
#include "io/deck/deck.hpp"

namespace aureole {

/// A metric of the deck and the counters from which it is computed.
struct MetricSource {
    std::string name;  ///< "accuracy" ...
    Metric metric = Metric::accuracy;
    std::string counter;  ///< name of the state value; empty: computed from the scores of an evaluation
    Index of_class = -1;  ///< the value of one class; -1: one number for all
};

/// The graph of a deck in one mode, with the values that the run needs to find in it.
struct Network {
    Graph graph;
    ValueId input = none, labels = none, logits = none;
    std::vector<ValueId> losses;  ///< their sum is the loss
    std::vector<MetricSource> metrics;
    SampleSpec sample;  ///< what one sample of the data must be
};

/// Whether a metric is computed from the scores of all labels of an evaluation.
[[nodiscard]] bool needs_scores(Metric metric);
/// Whether any of the network's metrics is.
[[nodiscard]] bool needs_scores(Network const& network);

/// Activation type of a run.
[[nodiscard]] DType activation_type(TrainSpec::Precision precision);

/// Builds model, losses and metrics of the deck over `samples` samples (a micro-batch). Training graphs are fused,
/// differentiated and rewritten for recomputation; values whose names match a glob of `keep` survive all that.
/// In training only metrics that are cheap to read are counted. `first_units` of stages: what crosses between them is
/// not recomputed.
[[nodiscard]] Network build_network(Deck const& deck, Mode mode, Index samples,
                                    std::vector<std::string> const& keep = {},
                                    std::vector<int> const& first_units = {0});

/// Values of the graph's forward pass whose names match one of the globs (`*`, `?`).
[[nodiscard]] std::vector<ValueId> matching_values(Graph const& graph, std::vector<std::string> const& globs);

}  // namespace aureole
