#include "app/score_store.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>

#include "app/ranks.hpp"
#include "core/ops/loss.hpp"
#include "core/tensor/arena.hpp"

namespace aureole {

namespace {

/// Labels of one score.
struct EqualScores {
    double score = 0, positives = 0, negatives = 0;
};

/// Scores of one rank, from the highest to the lowest.
class Descending {
  public:
    Descending() = default;
    Descending(Descending const&) = delete;
    Descending& operator=(Descending const&) = delete;
    virtual ~Descending() = default;
    [[nodiscard]] virtual std::optional<EqualScores> next() = 0;
};

/// Two sorted lists on this rank.
template <class T>
class LocalScores : public Descending {
  public:
    LocalScores(std::span<T const> positives, std::span<T const> negatives)
        : positives_(positives), negatives_(negatives) {}
    [[nodiscard]] std::optional<EqualScores> next() override {
        if (positives_.empty() && negatives_.empty()) { return {}; }
        bool const positive = negatives_.empty() || (!positives_.empty() && positives_[0] >= negatives_[0]);
        T const score = positive ? positives_[0] : negatives_[0];
        return EqualScores{static_cast<double>(score), take(positives_, score), take(negatives_, score)};
    }

  private:
    std::span<T const> positives_, negatives_;

    static double take(std::span<T const>& from, T score) {
        std::size_t count = 0;
        while (count < from.size() && from[count] == score) { ++count; }
        from = from.subspan(count);
        return static_cast<double>(count);
    }
};

/// Messages have this many entries, but for the last one, which has fewer.
constexpr std::size_t entries_per_message = 4096;

/// What another rank sends.
class RemoteScores : public Descending {
  public:
    RemoteScores(Comm const& comm, int rank) : comm_(comm), rank_(rank) {}
    [[nodiscard]] std::optional<EqualScores> next() override {
        if (next_ == entries_.size()) {
            if (!entries_.empty() && entries_.size() < entries_per_message) { return {}; }
            std::uint64_t count = 0;
            comm_.receive(&count, sizeof(count), rank_);
            if (count == 0) {
                entries_.clear();
                return {};
            }
            entries_.resize(count);
            comm_.receive(entries_.data(), count * sizeof(EqualScores), rank_);
            next_ = 0;
        }
        return entries_[next_++];
    }

  private:
    Comm const& comm_;
    int rank_;
    std::vector<EqualScores> entries_;
    std::size_t next_ = 0;
};

void send_all(Descending& scores, Comm const& comm) {
    std::vector<EqualScores> entries;
    std::uint64_t count = entries_per_message;
    while (count == entries_per_message) {
        entries.clear();
        while (entries.size() < entries_per_message) {
            std::optional<EqualScores> const entry = scores.next();
            if (!entry) { break; }
            entries.push_back(*entry);
        }
        count = entries.size();
        comm.send(&count, sizeof(count), 0);
        if (count > 0) { comm.send(entries.data(), count * sizeof(EqualScores), 0); }
    }
}

/// Equal scores of different ranks are one threshold.
void merge(std::vector<std::unique_ptr<Descending>> const& ranks, ThresholdScores& sums) {
    using Entry = std::pair<EqualScores, Descending*>;
    auto const lower = [](Entry const& a, Entry const& b) { return a.first.score < b.first.score; };
    std::priority_queue<Entry, std::vector<Entry>, decltype(lower)> queue(lower);
    auto const refill = [&](Descending* rank) {
        if (auto const entry = rank->next()) { queue.emplace(*entry, rank); }
    };
    for (auto const& rank : ranks) { refill(rank.get()); }
    while (!queue.empty()) {
        EqualScores equal{queue.top().first.score, 0, 0};
        while (!queue.empty() && queue.top().first.score == equal.score) {
            auto const [entry, rank] = queue.top();
            queue.pop();
            equal.positives += entry.positives;
            equal.negatives += entry.negatives;
            refill(rank);
        }
        sums.add(equal.score, equal.positives, equal.negatives);
    }
}

/// Every replica evaluates the same samples.
bool keeps_scores(RunPlan const& plan) { return needs_scores(plan.eval) && plan.engine->place().replica == 0; }

Index capacity(RunPlan const& plan) {
    Box const box = owned_labels(plan, plan.eval_loader);
    if (!keeps_scores(plan) || box.empty()) { return 0; }
    Extent const labels = Extent(micro_batches_of_evaluation(plan)) * box.shape().volume();
    constexpr Index widest = sizeof(double);
    return (labels * widest).value("the bytes of an evaluation's scores") / widest;
}

bool is_double(RunPlan const& plan) { return plan.deck.train.precision == TrainSpec::Precision::f64; }

}  // namespace

ScoreStore::ScoreStore(RunPlan const& plan) : plan_(plan), labels_(plan.eval_loader.y_read()) {
    auto const count = static_cast<std::size_t>(capacity(plan));
    if (is_double(plan)) {
        scores_ = std::vector<double>(count);
    } else {
        scores_ = std::vector<float>(count);
    }
}

std::size_t ScoreStore::bytes(RunPlan const& plan) {
    return static_cast<std::size_t>(capacity(plan)) * (is_double(plan) ? sizeof(double) : sizeof(float));
}

void ScoreStore::clear() { positives_ = negatives_ = 0; }

void ScoreStore::add(Batch const& batch) {
    if (capacity(plan_) == 0) { return; }
    Part const logits = eval_part(*plan_.engine, plan_.eval.logits);
    Box const box = intersection(logits.spec.box, owned_labels(plan_, plan_.eval_loader));
    if (box.empty() || logits.tensor.data == nullptr) { return; }
    std::vector<double> const values = read_values(logits.tensor);
    std::optional<Index> const ignored = plan_.eval.sample.ignore_label;
    bool const classes = !batch.classes.empty();
    double const ignored_value = label_in(classes ? DType::i32 : DType::f32, ignored.value_or(0));
    auto const index = [](Box const& of, Index n, Index d, Index h, Index w) {
        Shape const shape = of.shape();
        Index const row = ((n - of.lo[0]) * shape.d + d - of.lo[1]) * shape.h + h - of.lo[2];
        return static_cast<std::size_t>(row * shape.w + w - of.lo[3]);
    };
    auto const keep = [&](auto& scores, double value, bool positive) {
        using T = typename std::remove_reference_t<decltype(scores)>::value_type;
        // NaN is the lowest score, and -0 is 0
        T const score = std::isnan(value) ? -std::numeric_limits<T>::infinity() : static_cast<T>(value) + T{0};
        if (positive) {
            scores[positives_++] = score;
        } else {
            scores[scores.size() - ++negatives_] = score;
        }
    };
    auto const add_all = [&](auto& scores) {
        for (Index n = box.lo[0]; n < std::min<Index>(box.hi[0], batch.valid); ++n) {
            for (Index d = box.lo[1]; d < box.hi[1]; ++d) {
                for (Index h = box.lo[2]; h < box.hi[2]; ++h) {
                    for (Index w = box.lo[3]; w < box.hi[3]; ++w) {
                        std::size_t const at = index(labels_, n, d, h, w);
                        double const label = classes ? batch.classes[at] : static_cast<double>(batch.values[at]);
                        if (ignored && label == ignored_value) { continue; }
                        keep(scores, values[index(logits.spec.box, n, d, h, w)], label > 0.5);
                    }
                }
            }
        }
    };
    std::visit(add_all, scores_);
}

ThresholdScores ScoreStore::compare() {
    std::array<double, 2> totals{static_cast<double>(positives_), static_cast<double>(negatives_)};
    if (plan_.comm != nullptr) { plan_.comm->sum(totals.data(), 2); }
    ThresholdScores sums(totals[0], totals[1]);
    std::vector<std::unique_ptr<Descending>> ranks;
    auto const sort_here = [&](auto& scores) {
        using T = typename std::remove_reference_t<decltype(scores)>::value_type;
        auto const first_negative = scores.end() - static_cast<std::ptrdiff_t>(negatives_);
        std::sort(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(positives_), std::greater<>());
        std::sort(first_negative, scores.end(), std::greater<>());
        std::span<T const> const all(scores);
        ranks.push_back(std::make_unique<LocalScores<T>>(all.first(positives_), all.last(negatives_)));
    };
    std::visit(sort_here, scores_);
    if (plan_.comm != nullptr && plan_.comm->rank() != 0) {
        send_all(*ranks[0], *plan_.comm);
        return sums;
    }
    int const others = plan_.comm == nullptr ? 0 : plan_.comm->size() - 1;
    for (int rank = 1; rank <= others; ++rank) { ranks.push_back(std::make_unique<RemoteScores>(*plan_.comm, rank)); }
    merge(ranks, sums);
    return sums;
}

}  // namespace aureole
