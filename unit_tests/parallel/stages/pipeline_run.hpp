#pragma once
#include <map>
#include <optional>

#include "parallel/engine/engine.hpp"
#include "parallel/schedule/generate.hpp"
#include "unit_tests/parallel/stages/networks.hpp"

namespace aureole::test {

/// Relative, of loss and tensors' norms.
inline constexpr double f64_tolerance = 1e-10;

[[nodiscard]] Comm const& world();

struct NamedNetwork {
    char const* name;
    NetworkSpec spec;
};
/// ResNet-20, a U-Net with skips over all stages, AmoebaNet with two tensors between stages; small images, f64.
[[nodiscard]] std::vector<NamedNetwork> networks();

[[nodiscard]] TileGrid tiles(Index rows, Index columns = 1);

/// How a network is spread over ranks.
struct Spread {
    std::vector<TileGrid> rows;  ///< tiles of every row
    ScheduleKind kind = ScheduleKind::one_f_one_b;
    int chunks = 1;
    int replicas = 1;
    int micro_batches = 1;            ///< over all replicas
    std::optional<Schedule> table{};  ///< instead of one of `kind`

    [[nodiscard]] int ranks() const {
        int ranks = 0;
        for (TileGrid const& tiles : rows) { ranks += tiles.ranks(); }
        return ranks * replicas;
    }
    [[nodiscard]] int stages() const { return static_cast<int>(rows.size()) * chunks; }
};

[[nodiscard]] std::string to_string(Spread const& spread);

struct Outcome {
    double loss = 0;
    std::map<std::string, std::vector<double>> tensors;  ///< gradients and running statistics known to this rank
};

/// How parameters are updated.
struct Updating {
    OptimizerSettings optimizer;
    bool shard = false;
    bool keep_gradients = true;
};

/// "gradient", "optimizer/momentum"; nothing for parameters and running statistics.
[[nodiscard]] std::string group_of(std::string const& name);

/// A network on this process's part of a grid, or alone without a communicator; images by number of the micro-batch.
class Trained {
  public:
    Trained(NetworkSpec spec, Spread const& spread, Comm const* comm, Updating const& updating = {});

    /// A batch without an update.
    Outcome run();
    /// Batches with an update after each. Gradients are those of the last batch, parameters, running statistics and
    /// slots those after the last update; slots that are shared only on the first rank of their stage.
    Outcome train(Index steps);
    [[nodiscard]] double gradient_norm() const { return gradient_norm_; }
    [[nodiscard]] Engine const& engine() const { return *engine_; }
    [[nodiscard]] std::size_t predicted() const { return predicted_; }

  private:
    static constexpr double learning_rate = 0.01;
    NetworkSpec spec_;
    bool keeps_gradients_;
    Index step_ = 0;
    double gradient_norm_ = 0;
    std::optional<Engine> engine_;
    ValueId input_ = none, labels_ = none;
    Shape label_shape_;
    Index classes_ = 2;
    std::size_t predicted_ = 0;

    [[nodiscard]] std::vector<int> cuts(int stages) const;
    void place(EngineSpec& engine, Graph const& graph, Spread const& spread) const;
};

[[nodiscard]] double norm(std::vector<double> const& values);
/// To f64_tolerance, in what this rank knows.
void expect_equal(Outcome const& got, Outcome const& want);
/// What a rank allocates is what was predicted, use by use.
void expect_planned(Trained const& trained);
void expect_equals_one_rank(NamedNetwork const& network, Spread const& spread);

}  // namespace aureole::test
