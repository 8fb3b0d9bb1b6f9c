// The grid never changes the result: a deck's first steps on its grid against the same steps on one rank.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "app/outputs.hpp"
#include "app/ranks.hpp"
#include "app/trainer.hpp"
#include "app/verbs.hpp"
#include "core/optim/update.hpp"
#include "core/tensor/arena.hpp"
#include "core/tensor/philox.hpp"
#include "io/deck/parse.hpp"
#include "io/log/console.hpp"
#include "io/log/progress.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

/// Largest departure that the numerics contract allows, of the norm of a tensor.
double tolerance_of(TrainSpec::Precision precision) {
    switch (precision) {
        case TrainSpec::Precision::f64: return 1e-10;
        case TrainSpec::Precision::f32: return 1e-4;
        case TrainSpec::Precision::bf16: return 2e-2;
    }
    return 0;
}

/// What is compared, in the order of the computation.
enum class Compared : std::uint8_t { value, gradient, parameter };

/// How a tensor on the grid differs from that of one rank.
struct Departure {
    std::string what;
    Compared kind = Compared::value;
    double largest = 0;   ///< absolute
    double relative = 0;  ///< |difference| / |one rank's|, Euclidean
    std::array<Index, axis_count> place{};
    int rank = 0;  ///< that owns the place
    bool departs = false;
    std::vector<double> error;  ///< absolute, of the whole tensor; kept for the one that is drawn
    Shape shape;
};

double norm(std::vector<double> const& values) {
    double sum = 0;
    for (double const value : values) { sum += value * value; }
    return std::sqrt(sum);
}

std::array<Index, axis_count> place_of(std::size_t index, Shape const& shape) {
    std::array<Index, axis_count> place{};
    auto rest = static_cast<Index>(index);
    for (std::size_t axis = axis_count; axis-- > 0;) {
        place[axis] = rest % shape.extents()[axis];
        rest /= shape.extents()[axis];
    }
    return place;
}

constexpr double infinity = std::numeric_limits<double>::infinity();

/// |got - want| / |want|, Euclidean; a norm below `floor` counts as that.
double relative_error(std::vector<double> const& got, std::vector<double> const& want, double floor) {
    double sum = 0;
    for (std::size_t i = 0; i < want.size(); ++i) { sum += (got[i] - want[i]) * (got[i] - want[i]); }
    return std::sqrt(sum) / std::max({norm(want), floor, 1e-300});
}

/// What cancels to zero is rounding of numbers of order one.
double floor_of_values(Shape const& shape) { return 1e-3 * std::sqrt(static_cast<double>(shape.volume())); }

/// Small gradients are sums of large terms that cancel: their rounding is measured by the whole gradient.
double floor_of_gradients(double total) { return 1e-2 * total; }

class Verification {
  public:
    Verification(Deck deck, VerifyCommand const& command, Comm const* comm)
        : command_(command), comm_(comm), deck_(std::move(deck)), tolerance_(tolerance_of(deck_.train.precision)) {
        int const rank = comm_ == nullptr ? 0 : comm_->rank();
        tiled_ = plan_run(deck_, true, rank);
        tiled_.comm = comm_;
        open_data(tiled_, DataUse::check);
        if (rank == 0) { one_.emplace(plan_one_rank(deck_)); }
        if (!command_.break_halo.empty()) { break_halo(); }
        auto const seed = static_cast<std::uint64_t>(deck_.train.seed);
        tiled_.engine->allocate(seed, comm_);
        if (one_) { one_->engine->allocate(seed); }
        tiled_labels_.emplace(tiled_, tiled_.train_loader);
        if (one_) { one_labels_.emplace(*one_, one_->train_loader); }
    }

    bool run() {
        Loader tiled_data(tiled_.train_loader);
        std::optional<Loader> one_data;
        if (one_) { one_data.emplace(one_->train_loader); }
        std::optional<Progress> progress;
        if (one_) { progress.emplace("comparing", command_.steps, "steps"); }
        for (Index step = 0; step < command_.steps; ++step) {
            if (one_) { remember_state(); }
            double const got = run_step(tiled_, *tiled_labels_, tiled_data.next(), step);
            Batch const* const batch = one_ ? &one_data->next() : nullptr;
            double const want = one_ ? run_step(*one_, *one_labels_, *batch, step) : 0;
            compare_values();
            if (one_) { compare(Compared::value, "loss", {got}, {want}, {}); }
            compare_gradients();
            update(tiled_, step);
            if (one_) { update(*one_, step); }
            compare_parameters();
            if (one_) { judge(*batch, step); }
            if (!command_.compound) { begin_again_together(); }
            if (one_) { report(step + 1); }
            if (progress) { progress->update(step + 1); }
            if (stop()) { break; }
        }
        bool equal = first_ == none_found;
        if (comm_ != nullptr) { equal = comm_->all(equal); }
        if (one_) {
            progress.reset();
            draw();
            say("{}", equal ? fmt::format("equal: {} values of {} steps on {} and on one rank differ by at "
                                          "most {:.2e} of their norms (allowed {:.0e}{})\n",
                                          compared_, command_.steps, to_string(tiled_.pipeline.grid), worst_,
                                          tolerance_, rounding_text())
                            : "the grid changes the result" + hint() + "\n");
        }
        return equal;
    }

  private:
    static constexpr std::size_t none_found = static_cast<std::size_t>(-1);

    VerifyCommand const& command_;
    Comm const* comm_;
    Deck deck_;
    double tolerance_;
    RunPlan tiled_;
    std::optional<RunPlan> one_;  ///< on rank 0
    std::optional<LabelCounter> tiled_labels_, one_labels_;
    std::optional<RunPlan> exact_;                      ///< in f64 on rank 0, once it is needed
    std::map<std::string, std::vector<double>> state_;  ///< of one rank before this step
    std::map<std::string, double> rounding_;  ///< what it makes of one rank's results in this step, relative to f64
    double most_rounding_ = 0;                ///< of all steps
    std::size_t rounded_ = 0;                 ///< departures that are rounding's
    std::vector<Departure> departures_;       ///< of this step
    std::size_t first_ = none_found;
    std::size_t compared_ = 0;
    double worst_ = 0;
    double gradient_norm_ = 0;    ///< of one rank in this step
    std::set<std::string> idle_;  ///< parameters without influence: what an optimizer makes of rounding is not compared
    std::map<std::string, std::vector<std::size_t>> turned_;  ///< by parameter: elements, see note_turned()
    std::optional<Departure> drawn_;

    [[nodiscard]] std::string hint() const {
        if (deck_.train.precision == TrainSpec::Precision::f64) { return ""; }
        return ", or a number that rounding alone turns: --precision f64 tells";
    }

    [[nodiscard]] static RunPlan plan_one_rank(Deck deck) {
        deck.parallel = {};
        // in one part, so that a mean of the means of parts would show; running statistics are updated for every part
        if (deck.train.micro_batches > 1) {
            Deck whole = deck;
            whole.train.micro_batches = 1;
            RunPlan plan = plan_run(std::move(whole), true);
            if (!has_running_statistics(plan)) {
                open_data(plan, DataUse::check);
                return plan;
            }
        }
        RunPlan plan = plan_run(std::move(deck), true);
        open_data(plan, DataUse::check);
        return plan;
    }

    [[nodiscard]] static bool has_running_statistics(RunPlan const& plan) {
        std::vector<Persistent> const& entries = plan.engine->persistent().entries();
        return std::any_of(entries.begin(), entries.end(), [](Persistent const& entry) {
            return entry.kind == Persistent::Kind::state && entry.name.rfind("metrics.", 0) != 0;
        });
    }

    void break_halo() {
        bool const found = tiled_.engine->break_exchange(command_.break_halo);
        require(
            found, ExitCode::bad_deck,
            "--break-halo: the value '{}' is not exchanged on this grid: `aureole info --grid` lists those that are",
            command_.break_halo);
    }

    /// `perturb`: called after each program's input and labels have been filled.
    [[nodiscard]] double run_step(RunPlan& plan, LabelCounter const& labels, Batch const& batch, Index step,
                                  std::function<void(Tensor const&)> const& perturb = {}) const {
        RunContext context;
        context.seed = static_cast<std::uint64_t>(deck_.train.seed);
        context.step = static_cast<std::uint64_t>(step);
        set_counts(context, labels.count(batch), plan.deck.train.micro_batches);
        Engine::Load const load = loader_of(plan, batch);
        if (!perturb) { return plan.engine->run_batch(context, load); }
        return plan.engine->run_batch(context, [&](Program const& program, int frame, Index micro_batch) {
            load(program, frame, micro_batch);
            perturb(program.tensor(plan.train.input, frame));
        });
    }
    void update(RunPlan& plan, Index step) const {
        static_cast<void>(plan.engine->update(deck_.train.optimizer.lr, step));
    }

    /// In the order in which they are computed.
    void compare_values() {
        for (std::size_t i = 0; i < tiled_.dumped.size(); ++i) {
            Part const part = train_part(*tiled_.engine, tiled_.dumped[i]);
            std::vector<double> const got = gather(comm_, part);
            if (!one_) { continue; }
            Program const& whole = one_->engine->train();
            Value const& value = whole.graph().value(one_->dumped[i]);
            if (value.role == Role::loss && one_->micro_samples != tiled_.micro_samples) { continue; }
            // the grid keeps those of the last micro-batch
            std::vector<double> want = read_values(whole.tensor(one_->dumped[i]));
            want.erase(want.begin(), want.end() - static_cast<std::ptrdiff_t>(got.size()));
            compare(Compared::value, value.name, got, want, part.spec.global, floor_of_values(part.spec.global));
        }
    }

    /// From the last layer to the first.
    void compare_gradients() {
        std::map<std::string, std::vector<double>> all;
        collect(
            comm_, *tiled_.engine, [](Persistent const& entry) { return entry.kind == Persistent::Kind::gradient; },
            [&](Persistent const& entry, std::vector<double> const& values) { all[entry.name] = values; });
        if (!one_) { return; }
        double const total = gradient_norm_ = gradient_norm(*one_);
        std::vector<Persistent> const trained = trained_parameters(*one_);
        for (auto entry = trained.rbegin(); entry != trained.rend(); ++entry) {
            std::vector<double> const want = read_values(one_->engine->gradient(entry->name));
            if (norm(want) <= idle_share() * total) { idle_.insert(entry->name); }
            note_turned(entry->name, want);
            compare(Compared::gradient, gradient_text(entry->name), all.at(Program::gradient_name(entry->name)), want,
                    entry->spec.global, floor_of_gradients(total));
        }
    }

    [[nodiscard]] static std::vector<Persistent> trained_parameters(RunPlan const& plan) {
        std::vector<Persistent> trained;
        PersistentLayout const& layout = plan.engine->persistent();
        for (Persistent const& entry : layout.entries()) {
            bool const has_gradient = layout.contains(Program::gradient_name(entry.name));
            if (entry.kind == Persistent::Kind::parameter && has_gradient) { trained.push_back(entry); }
        }
        return trained;
    }

    /// Below this share of the whole gradient's norm a parameter's gradient is nothing but rounding: that of a bias
    /// before a normalisation, which has no influence.
    [[nodiscard]] double idle_share() const {
        switch (deck_.train.precision) {
            case TrainSpec::Precision::f64: return 1e-9;
            case TrainSpec::Precision::f32: return 1e-4;
            case TrainSpec::Precision::bf16: return 1e-2;
        }
        return 0;
    }

    [[nodiscard]] static double gradient_norm(RunPlan const& plan) {
        double total = 0;
        for (Persistent const& entry : trained_parameters(plan)) {
            total = std::hypot(total, norm(read_values(plan.engine->gradient(entry.name))));
        }
        return total;
    }

    /// AdamW divides a gradient by its own size: of an element whose gradient is small beside those of its parameter,
    /// as small as their rounding, the update has the size of any other, and a sign that rounding chooses.
    void note_turned(std::string const& parameter, std::vector<double> const& gradient) {
        std::vector<std::size_t>& turned = turned_[parameter];
        turned.clear();
        bool const divides = deck_.train.optimizer.kind == OptimizerSpec::Kind::adamw;
        if (!divides || deck_.train.precision == TrainSpec::Precision::f64) { return; }
        double const small =
            tolerance_of(TrainSpec::Precision::bf16) * norm(gradient) / std::sqrt(static_cast<double>(gradient.size()));
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            if (std::abs(gradient[i]) <= small) { turned.push_back(i); }
        }
    }

    void compare_parameters() {
        collect(comm_, *tiled_.engine, is_updated, [&](Persistent const& entry, std::vector<double> got) {
            if (is_idle(entry)) { return; }
            std::vector<double> const want =
                read_values(one_->engine->tensor(one_->engine->persistent().find(entry.name)));
            if (auto const found = turned_.find(entry.name); found != turned_.end()) {
                for (std::size_t const i : found->second) { got[i] = want[i]; }
            }
            compare(Compared::parameter, updated_text(entry.name), got, want, entry.spec.global,
                    floor_of_updated(entry));
        });
    }
    [[nodiscard]] static bool is_updated(Persistent const& entry) {
        bool const counter = entry.name.rfind("metrics.", 0) == 0;
        return entry.kind != Persistent::Kind::gradient && !counter;
    }
    /// A parameter without influence, or its slot: the last part of a slot's name is its parameter's.
    [[nodiscard]] bool is_idle(Persistent const& entry) const {
        return idle_.count(entry.name.substr(entry.name.rfind('/') + 1)) != 0;
    }

    /// What an optimizer keeps is made of gradients, or of their squares, and rounded in less than f64 as they are.
    [[nodiscard]] double floor_of_updated(Persistent const& entry) const {
        bool const exact = deck_.train.precision == TrainSpec::Precision::f64;
        if (entry.kind != Persistent::Kind::slot || exact) { return 0; }
        double const floor = floor_of_gradients(gradient_norm_);
        OptimizerSpec const& optimizer = deck_.train.optimizer;
        if (entry.name.starts_with(slot_name("first_moment", ""))) { return (1 - optimizer.beta1) * floor; }
        if (entry.name.starts_with(slot_name("second_moment", ""))) { return (1 - optimizer.beta2) * floor * floor; }
        return floor;
    }

    void remember_state() {
        for (Persistent const& entry : one_->engine->persistent().entries()) {
            if (entry.kind == Persistent::Kind::gradient) { continue; }
            state_[entry.name] = read_values(one_->engine->tensor(entry));
        }
    }

    /// Where a number close to another decides (a ReLU, a maximum), rounding turns it, and gradients behind it differ
    /// by more than any tolerance chosen beforehand, on one rank too. So a departure counts if it is larger than four
    /// times what rounding makes of the results of one rank: of values so far in the computation, of any gradient, of
    /// this parameter. The grid may turn what one rank has not: gradients have the tolerance of 16 bits at least.
    void judge(Batch const& batch, Index step) {
        bool const doubtful =
            std::any_of(departures_.begin(), departures_.end(), [](Departure const& each) { return each.departs; });
        rounding_.clear();
        if (doubtful && deck_.train.precision == TrainSpec::Precision::f64) {
            judge_by_noise(batch, step);
        } else if (doubtful) {
            measure_rounding(batch, step);
            std::map<Compared, double> largest;
            for (Departure const& each : departures_) {
                if (each.kind != Compared::gradient) { continue; }
                largest[each.kind] = std::max(largest[each.kind], rounding_[each.what]);
            }
            for (Departure& each : departures_) {
                double rounding = rounding_[each.what];
                if (each.kind != Compared::parameter) {
                    rounding = largest[each.kind] = std::max(largest[each.kind], rounding);
                }
                bool const may_turn = each.kind != Compared::value;
                double const least = may_turn ? tolerance_of(TrainSpec::Precision::bf16) : tolerance_;
                each.departs = !(each.relative <= std::max(least, 4 * rounding));
                rounded_ += !each.departs && !(each.relative <= tolerance_) ? 1 : 0;
                if (each.kind != Compared::parameter) { most_rounding_ = std::max(most_rounding_, rounding); }
            }
        }
        auto const first =
            std::find_if(departures_.begin(), departures_.end(), [](Departure const& each) { return each.departs; });
        if (first != departures_.end()) { first_ = static_cast<std::size_t>(first - departures_.begin()); }
    }

    /// In f64 a result differs by more than the tolerance and is right all the same where what it sums cancels: a mean
    /// behind a normalisation is 0 but for rounding. Such a result changes as much on one rank when parameters and
    /// images change in their last bit; what the grid gets wrong does not.
    void judge_by_noise(Batch const& batch, Index step) {
        constexpr int draws = 3;
        constexpr double more = 16;  // than the largest of so few draws
        for (int draw = 1; draw <= draws; ++draw) { measure_rounding(batch, step, static_cast<std::uint64_t>(draw)); }
        for (Departure& each : departures_) {
            double const noise = rounding_[each.what];
            bool const was_in_doubt = each.departs;
            each.departs = !(each.relative <= std::max(tolerance_, more * noise));
            rounded_ += was_in_doubt && !each.departs ? 1 : 0;
            if (was_in_doubt && !each.departs) { most_rounding_ = std::max(most_rounding_, noise); }
        }
    }

    /// Values moved up or down in their last bit, or left as they are.
    static std::vector<double> perturbed(std::vector<double> values, std::uint64_t key) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            auto const way = static_cast<int>(Philox::at(key, i).word[0] % 3) - 1;
            values[i] += static_cast<double>(way) * std::numeric_limits<double>::epsilon() * values[i];
        }
        return values;
    }

    /// The same step in f64 on one rank, from the same state; `noise`: with its last bits perturbed, by this number.
    void measure_rounding(Batch const& batch, Index step, std::uint64_t noise = 0) {
        if (!exact_) {
            Deck deck = deck_;
            deck.train.precision = TrainSpec::Precision::f64;
            deck.kernels = KernelChoice::native;
            exact_.emplace(plan_one_rank(std::move(deck)));
            exact_->engine->allocate(static_cast<std::uint64_t>(deck_.train.seed));
        }
        for (Persistent const& entry : exact_->engine->persistent().entries()) {
            auto const known = state_.find(entry.name);
            if (known == state_.end()) { continue; }
            bool const moved = noise != 0 && entry.kind == Persistent::Kind::parameter;
            exact_->engine->write(entry,
                                  moved ? perturbed(known->second, mix(noise, stream_of(entry.name))) : known->second);
        }
        std::function<void(Tensor const&)> perturb;
        if (noise != 0) {
            perturb = [noise](Tensor const& input) {
                write_values(perturbed(read_values(input), mix(noise, stream_of("input"))), input);
            };
        }
        static_cast<void>(run_step(*exact_, *one_labels_, batch, step, perturb));
        Program const &rounded = one_->engine->train(), &exact = exact_->engine->train();
        std::map<std::string, ValueId> exact_values;
        for (ValueId const id : exact_->dumped) { exact_values[exact.graph().value(id).name] = id; }
        for (ValueId const id : one_->dumped) {
            Value const& value = rounded.graph().value(id);
            auto const found = exact_values.find(value.name);
            if (found == exact_values.end()) { continue; }
            note_rounding(value.name, read_values(rounded.tensor(id)), read_values(exact.tensor(found->second)),
                          floor_of_values(value.type.shape));
        }
        double const total = gradient_norm(*exact_);
        for (Persistent const& entry : trained_parameters(*one_)) {
            note_rounding(gradient_text(entry.name), read_values(one_->engine->gradient(entry.name)),
                          read_values(exact_->engine->gradient(entry.name)), floor_of_gradients(total));
        }
        update(*exact_, step);
        PersistentLayout const& layout = exact_->engine->persistent();
        for (Persistent const& entry : one_->engine->persistent().entries()) {
            if (!is_updated(entry) || is_idle(entry) || !layout.contains(entry.name)) { continue; }
            note_rounding(updated_text(entry.name), read_values(one_->engine->tensor(entry)),
                          read_values(exact_->engine->tensor(layout.find(entry.name))), floor_of_updated(entry));
        }
    }
    void note_rounding(std::string const& what, std::vector<double> const& rounded, std::vector<double> const& exact,
                       double floor) {
        rounding_[what] = std::max(rounding_[what], relative_error(rounded, exact, floor));
    }
    [[nodiscard]] std::string rounding_text() const {
        if (rounded_ == 0) { return ""; }
        bool const exact = deck_.train.precision == TrainSpec::Precision::f64;
        return fmt::format("; {} by more, as rounding does: one rank itself {} by up to {:.1e}", rounded_,
                           exact ? "changes with the last bits of parameters and images" : "departs from f64",
                           most_rounding_);
    }
    static std::string gradient_text(std::string const& parameter) { return "gradient of " + parameter; }
    static std::string updated_text(std::string const& entry) { return "updated " + entry; }

    /// Rounding grows from step to step, on one rank too: each step begins from the state of one rank.
    void begin_again_together() {
        if (comm_ == nullptr) { return; }
        std::vector<Persistent> entries;
        if (one_) { entries = one_->engine->persistent().entries(); }
        auto count = static_cast<std::int64_t>(entries.size());
        comm_->broadcast(&count, sizeof(count));
        for (std::int64_t i = 0; i < count; ++i) {
            std::string name = one_ ? entries[static_cast<std::size_t>(i)].name : "";
            std::vector<double> values;
            if (one_) { values = read_values(one_->engine->tensor(entries[static_cast<std::size_t>(i)])); }
            broadcast(name, values);
            PersistentLayout const& mine = tiled_.engine->persistent();
            if (!mine.contains(name) || mine.find(name).kind == Persistent::Kind::gradient) { continue; }
            tiled_.engine->write(mine.find(name), values);
        }
    }

    /// From rank 0.
    void broadcast(std::string& name, std::vector<double>& values) const {
        std::array<std::int64_t, 2> sizes{static_cast<std::int64_t>(name.size()),
                                          static_cast<std::int64_t>(values.size())};
        comm_->broadcast(sizes.data(), sizeof(sizes));
        name.resize(static_cast<std::size_t>(sizes[0]));
        values.resize(static_cast<std::size_t>(sizes[1]));
        comm_->broadcast(name.data(), name.size());
        comm_->broadcast(values.data(), values.size() * sizeof(double));
    }

    void compare(Compared kind, std::string what, std::vector<double> const& got, std::vector<double> const& want,
                 Shape const& shape, double floor = 0) {
        Departure departure;
        departure.kind = kind;
        departure.what = std::move(what);
        departure.shape = shape;
        departure.error.resize(want.size());
        std::size_t at = 0;
        for (std::size_t i = 0; i < want.size(); ++i) {
            double const error = std::abs(got[i] - want[i]);
            // what is no number is as far off as can be  NOLINTNEXTLINE(bugprone-narrowing-conversions)
            departure.error[i] = std::isnan(error) ? infinity : error;
            if (departure.error[i] > departure.error[at]) { at = i; }
        }
        departure.largest = want.empty() ? 0 : departure.error[at];
        departure.relative = std::abs(relative_error(got, want, floor));  // the sign of NaN
        departure.departs = !(departure.relative <= tolerance_);
        departure.place = place_of(at, shape);
        departure.rank = owner(departure.place, shape);
        worst_ = std::max(worst_, std::isnan(departure.relative) ? infinity : departure.relative);
        ++compared_;
        bool const image = shape.h > 1 && shape.n == shape_of_batch();
        if (departure.departs && image && !drawn_) { drawn_ = departure; }
        if (image && !drawn_.has_value() && !command_.seams.empty()) { last_image_ = departure; }
        departure.error.clear();
        departures_.push_back(std::move(departure));
    }
    std::optional<Departure> last_image_;

    [[nodiscard]] Index shape_of_batch() const { return tiled_.micro_samples; }

    [[nodiscard]] int owner(std::array<Index, axis_count> const& place, Shape const& shape) const {
        TileGrid const grid = tiles_of_stage(deck_, 0);
        for (int rank = 0; rank < grid.ranks(); ++rank) {
            Box const tile = grid.tile(rank, shape);
            bool inside = true;
            for (std::size_t i = 0; i < axis_count; ++i) {
                inside = inside && place[i] >= tile.lo[i] && place[i] < tile.hi[i];
            }
            if (inside) { return rank; }
        }
        return 0;
    }

    /// The first values that depart, in the order of the computation.
    void report(Index step) {
        say("step {}: {} values compared, largest relative difference {:.2e}\n", step, departures_.size(), worst_);
        Index shown = 0;
        for (Departure const& each : departures_) {
            if (!each.departs) { continue; }
            if (shown == 0) {
                say("  {:<44}{:>12}{:>12}  {}\n", "departs", "largest", "relative", "where (n, d, h, w, c)");
            }
            if (++shown > 10) { break; }
            say("  {:<44}{:>12.3e}{:>12.3e}  ({}) on rank {}\n", each.what, each.largest, each.relative,
                fmt::join(each.place, ", "), each.rank);
        }
        if (first_ != none_found) { say("first to depart: {}\n", departures_[first_].what); }
        departures_.clear();
    }

    [[nodiscard]] bool stop() const {
        bool const found = first_ != none_found;
        return comm_ == nullptr ? found : comm_->max(found ? 1 : 0) > 0;
    }

    /// The error of one image, black: none, white: the largest; tile borders are marked.
    void draw() const {
        if (command_.seams.empty()) { return; }
        Departure const* const chosen = drawn_ ? &*drawn_ : last_image_ ? &*last_image_ : nullptr;
        require(chosen != nullptr, ExitCode::bad_deck, "--seams: no image was compared: ask for an activation");
        write_png(command_.seams, seam_picture(*chosen));
        say("{}: error of {}, largest {:.3e}\n", command_.seams, chosen->what, chosen->largest);
    }
    [[nodiscard]] Picture seam_picture(Departure const& departure) const;
};

Picture Verification::seam_picture(Departure const& departure) const {
    Shape const& shape = departure.shape;
    Picture picture(shape.w, shape.h, 3);
    Index const d = departure.place[1], n = departure.place[0];
    TileGrid const grid = tiles_of_stage(deck_, 0);
    for (Index h = 0; h < shape.h; ++h) {
        for (Index w = 0; w < shape.w; ++w) {
            double error = 0;
            Index const pixel = ((n * shape.d + d) * shape.h + h) * shape.w + w;
            for (Index c = 0; c < shape.c; ++c) {
                error = std::max(error, departure.error[static_cast<std::size_t>(pixel * shape.c + c)]);
            }
            // six decades below the largest
            double const level = error <= 0                   ? 0
                                 : error >= departure.largest ? 1
                                                              : 1 + std::log10(error / departure.largest) / 6;
            auto const grey = static_cast<std::uint8_t>(255 * std::clamp(level, 0.0, 1.0));
            std::uint8_t* const to = picture.at(w, h);
            to[0] = to[1] = to[2] = grey;
            for (int rank = 0; rank < grid.ranks(); ++rank) {
                Box const tile = grid.tile(rank, shape);
                bool const border = (h == tile.lo[2] && h > 0 && w >= tile.lo[3] && w < tile.hi[3]) ||
                                    (w == tile.lo[3] && w > 0 && h >= tile.lo[2] && h < tile.hi[2]);
                if (border && grey == 0) { to[0] = 96, to[1] = 0, to[2] = 0; }
            }
        }
    }
    return picture;
}

TrainSpec::Precision precision_of(std::string const& name, TrainSpec::Precision given) {
    if (name == "f64") { return TrainSpec::Precision::f64; }
    if (name == "f32") { return TrainSpec::Precision::f32; }
    return name == "bf16" ? TrainSpec::Precision::bf16 : given;
}

}  // namespace

ExitCode verify_verb(Command const& command, Comm const* comm) {
    Deck deck = read_deck(command.deck, command.overrides);
    require_ranks(deck, comm == nullptr ? 1 : comm->size());
    set_up_messages(deck.parallel);
    // rank 0 also does the work of all, on which the others wait
    set_wait_limit(static_cast<double>(deck.parallel.timeout) * static_cast<double>(deck.parallel.ranks()));
    deck.train.precision = precision_of(command.verify.precision, deck.train.precision);
    if (deck.train.precision == TrainSpec::Precision::f64) { deck.kernels = KernelChoice::native; }
    deck.data.eval.reset();
    deck.output.dump.activations = command.verify.activations;
    if (deck.output.dump.activations.empty()) { deck.output.dump.activations = {"*"}; }
    if (comm == nullptr || comm->rank() == 0) { require_outputs(deck, {command.verify.seams}); }
    Verification verification(std::move(deck), command.verify, comm);
    return verification.run() ? ExitCode::success : ExitCode::differs;
}

}  // namespace aureole
