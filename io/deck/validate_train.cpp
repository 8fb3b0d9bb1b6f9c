#include <algorithm>
#include <set>

#include "io/deck/rules.hpp"

namespace aureole::deck {
namespace {

void check_batch(Rules& rules) {
    TrainSpec const& train = rules.deck().train;
    if (!rules.readable({"train.batch", "train.micro_batches"}) || train.micro_batches < 1) { return; }
    if (train.batch % train.micro_batches != 0) {
        rules.fail("train.micro_batches",
                   "train.micro_batches is {} (it does not divide train.batch, {}): choose a divisor",
                   train.micro_batches, train.batch);
        return;
    }
    Index const micro_batch = train.batch / train.micro_batches;
    if (rules.readable({"train.norm_batch"}) && train.norm_batch && micro_batch % *train.norm_batch != 0) {
        rules.fail("train.norm_batch",
                   "train.norm_batch is {} (it does not divide a micro-batch of {} samples): choose a divisor",
                   *train.norm_batch, micro_batch);
    }
}

void check_length(Rules& rules) {
    TrainSpec const& train = rules.deck().train;
    if (!rules.readable({"train.steps", "train.epochs"})) { return; }
    if (!train.steps && !train.epochs) {
        rules.fail("train",
                   "train has neither steps nor epochs (the run would have no end): add 'steps: ...' or 'epochs: ...'");
    }
    Index const warmup = train.schedule.warmup_steps;
    if (rules.readable({"train.schedule.warmup_steps"}) && train.steps && warmup > *train.steps) {
        rules.fail("train.schedule.warmup_steps", "train.schedule.warmup_steps is {} (train.steps is {}): choose fewer",
                   warmup, *train.steps);
    }
}

void check_schedule(Rules& rules) {
    TrainSpec const& train = rules.deck().train;
    auto const& milestones = train.schedule.milestones;
    if (rules.readable({"train.schedule.milestones"})) {
        bool const has_fraction = std::any_of(milestones.begin(), milestones.end(), [](double m) { return m < 1; });
        bool const has_step = std::any_of(milestones.begin(), milestones.end(), [](double m) { return m >= 1; });
        bool const is_rising =
            std::adjacent_find(milestones.begin(), milestones.end(), std::greater_equal<>()) == milestones.end();
        if (!is_rising || (has_fraction && has_step)) {
            rules.fail("train.schedule.milestones",
                       "train.schedule.milestones do not rise (each must be later than the one before, "
                       "all of them steps or all of them fractions below 1): reorder them");
        }
        if (rules.readable({"train.steps"}) && train.steps && !milestones.empty() &&
            milestones.back() > static_cast<double>(*train.steps)) {
            rules.fail("train.schedule.milestones",
                       "a milestone of train.schedule is {} (train.steps is {}): choose an earlier "
                       "step, or a fraction of the run below 1",
                       milestones.back(), *train.steps);
        }
    }
    bool const is_readable = rules.readable({"train.schedule.final_lr", "train.optimizer.lr"});
    if (is_readable && train.schedule.final_lr > train.optimizer.lr) {
        rules.fail("train.schedule.final_lr",
                   "train.schedule.final_lr is {} (train.optimizer.lr is {}, and the rate falls): choose "
                   "a smaller one",
                   train.schedule.final_lr, train.optimizer.lr);
    }
}

void check_loss(Rules& rules) {
    auto const& losses = rules.deck().train.loss;
    auto const has = [&](LossSpec::Kind kind) {
        return std::any_of(losses.begin(), losses.end(), [&](LossSpec const& loss) { return loss.kind == kind; });
    };
    bool const is_mixed = has(LossSpec::Kind::softmax_cross_entropy) && has(LossSpec::Kind::bce_with_logits);
    if (rules.readable({"train.loss"}) && is_mixed) {
        rules.fail("train.loss",
                   "train.loss has softmax_cross_entropy and bce_with_logits (one takes a class per sample or "
                   "pixel, the other a value per output): keep one of them");
    }
}

void check_ignored_label(Rules& rules) {
    Deck const& deck = rules.deck();
    std::optional<Index> const ignored = deck.ignored_label();
    if (!rules.readable({"train.loss", "data.ignore_label"})) { return; }
    for (LossSpec const& loss : deck.train.loss) {
        if (!loss.ignore_index || loss.ignore_index == ignored) { continue; }
        rules.fail("train.loss",
                   "train.loss.ignore_index is {} ({} is {}, and both name the label that does not count): keep one",
                   *loss.ignore_index, deck.data.ignore_label ? "data.ignore_label" : "that of another loss", *ignored);
        return;
    }
}

void check_optimizer(Rules& rules) {
    OptimizerSpec const& optimizer = rules.deck().train.optimizer;
    if (rules.readable({"train.optimizer"}) && optimizer.nesterov && optimizer.momentum == 0) {
        rules.fail("train.optimizer.nesterov",
                   "train.optimizer.nesterov is true (momentum is 0, so it has no effect): give a "
                   "momentum, such as 0.9, or remove it");
    }
}

bool has_curve_metric(std::vector<Metric> const& metrics) {
    return std::any_of(metrics.begin(), metrics.end(), [](Metric metric) {
        return metric == Metric::auroc || metric == Metric::auprc || metric == Metric::best_f1;
    });
}

void check_evaluation(Rules& rules) {
    Deck const& deck = rules.deck();
    if (rules.readable({"data.eval"}) && !deck.data.eval) {
        for (auto const* key : {"train.metrics", "train.eval_every", "train.eval_batches"}) {
            // accuracy and its like are counted in training too; curves need an evaluation
            bool const is_used = (std::string_view(key) == "train.metrics" && has_curve_metric(deck.train.metrics)) ||
                                 (std::string_view(key) == "train.eval_every" && deck.train.eval_every > 0) ||
                                 (std::string_view(key) == "train.eval_batches" && deck.train.eval_batches);
            if (is_used && rules.readable({key})) {
                rules.fail(key, "{} is given (there are no samples to evaluate on): add data.eval, or remove it", key);
            }
        }
    }
    std::set<Metric> const different(deck.train.metrics.begin(), deck.train.metrics.end());
    if (rules.readable({"train.metrics"}) && different.size() != deck.train.metrics.size()) {
        rules.fail("train.metrics", "train.metrics names a metric twice (each is computed once): remove one");
    }
}

}  // namespace

void check_train(Rules& rules) {
    check_batch(rules);
    check_length(rules);
    check_schedule(rules);
    check_loss(rules);
    check_ignored_label(rules);
    check_optimizer(rules);
    check_evaluation(rules);
    InitSpec const& init = rules.deck().train.init;
    if (rules.readable({"train.init"}) && init.file.empty() && !init.map.empty()) {
        rules.fail("train.init.map",
                   "train.init.map is given without a file (it names datasets of that file): add train.init.file");
    }
}

}  // namespace aureole::deck
