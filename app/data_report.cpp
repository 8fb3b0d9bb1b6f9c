#include "app/data_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.hpp"
#include "io/data/class_names.hpp"
#include "io/data/inspection.hpp"
#include "io/data/normalization.hpp"
#include "io/data/statistics.hpp"
#include "io/log/console.hpp"
#include "io/log/progress.hpp"

namespace aureole {

namespace {

using Labels = SampleSpec::Labels;

constexpr std::size_t most_rows = 64;        // channels or classes in a table
constexpr std::ptrdiff_t most_messages = 3;  // of one kind

/// "3 samples", "1 sample"
std::string count_of(std::int64_t count, char const* thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string share_of(std::int64_t part, std::int64_t whole) {
    return fmt::format("{:.2f}%", whole == 0 ? 0.0 : 100 * static_cast<double>(part) / static_cast<double>(whole));
}

/// "(28, 28, 1)"; volumes "(16, 28, 28, 1)"
std::string extents_of(Shape const& shape) {
    return shape.d == 1 ? fmt::format("({}, {}, {})", shape.h, shape.w, shape.c)
                        : fmt::format("({}, {}, {}, {})", shape.d, shape.h, shape.w, shape.c);
}

/// The values of labels that are no class: ", stored as 7 (1 time), 9 (2 times)"
std::string stored_labels(DataFindings const& findings) {
    constexpr std::size_t most = 10;
    std::vector<std::string> values;
    for (auto const& [value, count] : findings.outside) {
        if (values.size() == most) {
            values.emplace_back("...");
            break;
        }
        values.push_back(fmt::format("{} ({})", static_cast<double>(value), count_of(count, "time")));
    }
    return values.empty() ? "" : fmt::format(", stored as {}", fmt::join(values, ", "));
}

/// One of the two data sets of a deck.
struct DataSplit {
    char const* name;  ///< "train" or "eval"
    bool is_training;
    SourceSpec const& source;
    std::unique_ptr<DataInspection> inspection;  ///< none: cannot be opened
};

/// Prints one split after the other and counts what is wrong.
class Report {
  public:
    explicit Report(RunPlan const& plan)
        : plan_(plan),
          sample_(plan.train.sample),
          has_saved_(plan.deck.data.loader.normalize.kind == NormalizeSpec::Kind::dataset &&
                     std::filesystem::exists(statistics_file(plan.deck))) {}

    void read(DataSplit& split);
    void compare(DataSplit const& train, DataSplit const& eval);
    void end() const;

  private:
    template <class... Args>
    void refuse(fmt::format_string<Args...> format, Args&&... args) {
        ++refused_;
        say("  refused: {}\n", fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    void warn(fmt::format_string<Args...> format, Args&&... args) {
        ++warnings_;
        say("  warning: {}\n", fmt::format(format, std::forward<Args>(args)...));
    }

    bool open(DataSplit& split);
    void print_head(DataSplit const& split) const;
    [[nodiscard]] NormalizationFigures figures_used() const;
    void print_channels(DataFindings const& findings, NormalizationFigures const* used) const;
    void print_notes() const;
    void print_labels(DataSplit const& split) const;
    void print_classes(DataSplit const& split) const;
    [[nodiscard]] std::string name_of_bad(BadValue::Kind kind) const;
    void judge_bad_values(DataFindings const& findings);
    void judge_storage(DataSplit const& split);
    void judge_labels(DataSplit const& split);
    void judge_images(DataSplit const& split);
    void judge_range(DataFindings const& findings, NormalizationFigures const* used);
    void judge_figures(DataFindings const& findings, NormalizationFigures const& used);
    void judge_copies(DataSplit const& split);

    RunPlan const& plan_;
    SampleSpec const& sample_;
    bool has_saved_;                      ///< statistics of an earlier run, which a resumed one takes
    std::optional<Statistics> measured_;  ///< of the training data
    int refused_ = 0, warnings_ = 0;
};

bool Report::open(DataSplit& split) {
    auto const seed = static_cast<std::uint64_t>(plan_.deck.train.seed) + (split.is_training ? 0 : 1);
    try {
        split.inspection = std::make_unique<DataInspection>(split.source, sample_, plan_.deck.data.loader, seed);
        return true;
    } catch (Error const& error) {
        if (error.code() == ExitCode::internal) { throw; }
        say("\ndata.{}\n", split.name);
        refuse("{}", error.what());
        return false;
    }
}

void Report::read(DataSplit& split) {
    if (!open(split)) { return; }
    {
        Progress progress(fmt::format("reading data.{}", split.name), split.inspection->dataset().samples(), "samples");
        split.inspection->read([&](std::int64_t done) { progress.update(done); });
    }
    DataFindings const& findings = split.inspection->findings();
    print_head(split);
    print_labels(split);
    judge_images(split);
    judge_storage(split);
    judge_bad_values(findings);
    judge_labels(split);
    judge_copies(split);
}

void Report::print_head(DataSplit const& split) const {
    Dataset const& dataset = split.inspection->dataset();
    DataFindings const& findings = split.inspection->findings();
    bool const synthetic = split.source.kind == SourceSpec::Kind::synthetic;
    say("\ndata.{}: {}, {}\n", split.name, count_of(dataset.samples(), "sample"),
        synthetic ? "synthetic" : count_of(static_cast<std::int64_t>(findings.files), "file"));
    say("  images  {}{} {}\n", synthetic ? "" : "'" + split.source.x + "', ", extents_of(dataset.x_shape()),
        findings.image_type);
    if (sample_.labels == Labels::none) { return; }
    Shape const y = dataset.y_shape();
    std::string const what = sample_.labels == Labels::classes ? "class" : "target";
    say("  labels  {}{} {}\n", synthetic ? "" : "'" + split.source.y + "', ",
        y.pixels_per_sample() == 1 && y.c == 1 ? fmt::format("one {} per image", what) : extents_of(y),
        findings.label_type);
}

void Report::print_classes(DataSplit const& split) const {
    DataFindings const& findings = split.inspection->findings();
    std::vector<std::string> const names = class_names(split.source);
    say("  {:>7}  {:<20}{:>14}{:>9}\n", "class", "", "labels", "share");
    for (std::size_t i = 0; i < std::min(findings.classes.size(), most_rows); ++i) {
        say("  {:>7}  {:<20}{:>14}{:>9}\n", i, i < names.size() ? names[i] : "", findings.classes[i],
            share_of(findings.classes[i], findings.labels));
    }
    if (findings.classes.size() > most_rows) { say("  and {} classes more\n", findings.classes.size() - most_rows); }
}

void Report::print_labels(DataSplit const& split) const {
    DataFindings const& findings = split.inspection->findings();
    if (sample_.labels == Labels::none) { return; }
    if (sample_.labels == Labels::classes) {
        print_classes(split);
    } else {
        say("  targets: 0 {}, 1 {}, between {}\n", share_of(findings.zeros, findings.labels),
            share_of(findings.ones, findings.labels), share_of(findings.between, findings.labels));
    }
    if (!sample_.ignore_label) { return; }
    say("  ignored (label {}): {}, {}\n", *sample_.ignore_label, findings.ignored,
        share_of(findings.ignored, findings.labels));
}

/// The figures that normalisation subtracts and divides by, if there are any. Throws if they do not fit the channels.
NormalizationFigures Report::figures_used() const {
    NormalizeSpec const& spec = plan_.deck.data.loader.normalize;
    if (spec.kind != NormalizeSpec::Kind::dataset) { return figures_of(spec, sample_.x.c); }
    if (!has_saved_ && !measured_) { return {}; }
    Statistics const statistics = has_saved_ ? load_statistics(statistics_file(plan_.deck)) : *measured_;
    return figures_of(spec, sample_.x.c, &statistics);
}

void Report::print_channels(DataFindings const& findings, NormalizationFigures const* used) const {
    Statistics const &stored = findings.stored, &prepared = findings.prepared;
    say("  {:>7}{:>13}{:>13}{:>13}{:>13}{:>13}{:>13}\n", "channel", "least", "most", "mean", "deviation", "mean used",
        "dev. used");
    for (std::size_t c = 0; c < std::min(stored.mean.size(), most_rows); ++c) {
        say("  {:>7}{:>13.6g}{:>13.6g}{:>13.6g}{:>13.6g}{:>13}{:>13}\n", c, stored.minimum[c], stored.maximum[c],
            prepared.mean[c], prepared.deviation[c], used != nullptr ? fmt::format("{:.6g}", used->mean[c]) : "-",
            used != nullptr ? fmt::format("{:.6g}", used->deviation[c]) : "-");
    }
    if (stored.mean.size() > most_rows) { say("  and {} channels more\n", stored.mean.size() - most_rows); }
}

/// What the figures of the table are.
void Report::print_notes() const {
    using Kind = NormalizeSpec::Kind;
    NormalizeSpec const& spec = plan_.deck.data.loader.normalize;
    bool const changes = spec.factor != 1 || spec.offset != 0 || spec.log || spec.clip_lo || spec.clip_hi;
    if (changes && spec.kind != Kind::none) {
        say("  (mean and deviation after clip, log, factor and offset of data.normalize)\n");
    }
    if (spec.kind == Kind::sample) { say("  (data.normalize takes those of each sample by itself)\n"); }
    if (spec.kind != Kind::dataset) { return; }
    say("  (used: {})\n", has_saved_
                              ? fmt::format("as saved in '{}', if the run is resumed", statistics_file(plan_.deck))
                              : "as measured in data.train");
}

void Report::judge_images(DataSplit const& split) {
    DataFindings const& findings = split.inspection->findings();
    if (findings.stored.count == 0) { return; }
    if (split.is_training) { measured_ = findings.prepared; }
    NormalizationFigures const figures = figures_used();
    NormalizationFigures const* const used = figures.mean.empty() ? nullptr : &figures;
    print_channels(findings, used);
    print_notes();
    if (plan_.deck.data.loader.normalize.kind != NormalizeSpec::Kind::sample) { judge_range(findings, used); }
    if (split.is_training && used != nullptr) { judge_figures(findings, *used); }
}

/// Finite values can become infinite when they are normalised: the extremes of a channel do so first.
void Report::judge_range(DataFindings const& findings, NormalizationFigures const* used) {
    Statistics const& prepared = findings.prepared;
    for (std::size_t c = 0; c < prepared.mean.size(); ++c) {
        double const mean = used == nullptr ? 0 : used->mean[c];
        double const deviation = used == nullptr || used->deviation[c] == 0 ? 1 : used->deviation[c];
        for (double const value : {prepared.minimum[c], prepared.maximum[c]}) {
            if (std::isfinite(static_cast<float>((value - mean) / deviation))) { continue; }
            refuse(
                "channel {} has values that f32 does not hold once they are normalised ({:.6g} after data.normalize's "
                "factor and offset): correct data.normalize in the deck",
                c, value);
            break;
        }
    }
}

/// Figures that an earlier run has measured are to agree exactly, but for rounding.
void Report::judge_figures(DataFindings const& findings, NormalizationFigures const& used) {
    Statistics const& prepared = findings.prepared;
    bool const saved = has_saved_;
    double const most = saved ? 1e-6 : 1, ratio = saved ? 1 + 1e-6 : 3;
    for (std::size_t c = 0; c < prepared.mean.size(); ++c) {
        double const divisor = used.deviation[c] == 0 ? 1 : used.deviation[c];
        double const mean = (prepared.mean[c] - used.mean[c]) / divisor, deviation = prepared.deviation[c] / divisor;
        bool const constant = prepared.deviation[c] == 0;
        if (std::abs(mean) <= most && (constant || (deviation <= ratio && deviation >= 1 / ratio))) { continue; }
        warn("channel {} has mean {:.3g} and deviation {:.3g} once normalised, instead of 0 and 1: {}", c, mean,
             deviation,
             saved ? "the saved statistics are of other data, delete their file to measure anew"
                   : "compare the figures of data.normalize with those measured");
    }
}

void Report::judge_storage(DataSplit const& split) {
    std::vector<std::string> const& messages = split.inspection->findings().absent_storage;
    for (std::string const& message : messages) {
        if (&message - messages.data() == most_messages) {
            say("           and so for {} files more\n", static_cast<std::ptrdiff_t>(messages.size()) - most_messages);
            break;
        }
        if (split.source.fill == FillRule::error) {
            refuse("{}", message);
        } else {
            warn("passed by data.{}.fill: {}", split.name, message);
        }
    }
}

/// What a kind of bad values is, for messages.
std::string Report::name_of_bad(BadValue::Kind kind) const {
    switch (kind) {
        case BadValue::Kind::not_finite: return "NaN or infinity";
        case BadValue::Kind::inexact: return "integers of 2^53 and more, which f64 does not hold,";
        case BadValue::Kind::absent: return "fill values (_FillValue or missing_value)";
        case BadValue::Kind::absent_label: return "fill values (_FillValue or missing_value) among the labels";
        case BadValue::Kind::label: break;
    }
    return sample_.labels == Labels::values ? "targets outside 0 to 1"
                                            : fmt::format("labels outside the classes 0 to {}", sample_.classes - 1);
}

void Report::judge_bad_values(DataFindings const& findings) {
    for (std::size_t i = 0; i < BadValue::kinds; ++i) {
        auto const kind = static_cast<BadValue::Kind>(i);
        Found const& found = findings.bad[i];
        if (found.samples == 0) { continue; }
        refuse("{} in {} ({}{}): {}{}", name_of_bad(kind), count_of(found.samples, "sample"),
               count_of(found.values, "value"), kind == BadValue::Kind::label ? stored_labels(findings) : "",
               fmt::join(found.first, "; "),
               found.samples > static_cast<std::int64_t>(found.first.size()) ? "; ..." : "");
    }
    if (findings.unreadable.samples > 0) {
        refuse("{} cannot be read: {}", count_of(findings.unreadable.samples, "sample"),
               fmt::join(findings.unreadable.first, "; "));
    }
    if (findings.constant.samples > 0) {
        warn("{} (all pixels are equal): {}", count_of(findings.constant.samples, "constant image"),
             fmt::join(findings.constant.first, "; "));
    }
}

void Report::judge_labels(DataSplit const& split) {
    DataFindings const& findings = split.inspection->findings();
    std::vector<std::size_t> absent;
    for (std::size_t i = 0; i < findings.classes.size(); ++i) {
        bool const is_ignored = sample_.ignore_label && *sample_.ignore_label == static_cast<std::int64_t>(i);
        if (findings.classes[i] == 0 && !is_ignored) { absent.push_back(i); }
    }
    if (!absent.empty()) {
        std::size_t const shown = std::min<std::size_t>(10, absent.size());
        warn("no label is of class {}{}",
             fmt::join(absent.begin(), absent.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
             shown < absent.size() ? fmt::format(" and {} more", absent.size() - shown) : "");
    }
    if (findings.nothing_counts.samples > 0) {
        warn("all labels of {} are ignored: {}", count_of(findings.nothing_counts.samples, "sample"),
             fmt::join(findings.nothing_counts.first, "; "));
    }
}

void Report::judge_copies(DataSplit const& split) {
    Copies const copies = find_copies(split.inspection->keys());
    if (copies.samples == 0) { return; }
    std::vector<std::string> pairs;
    for (Copies::Pair const& pair : copies.first) {
        pairs.push_back(fmt::format("{} = {}", split.inspection->dataset().place(pair.copy), pair.original));
    }
    warn("{} equal to an earlier one{}: {}", count_of(copies.samples, "image"),
         copies.other_labels > 0 ? fmt::format(", {} of them with other labels", copies.other_labels) : "",
         fmt::join(pairs, "; "));
}

void Report::compare(DataSplit const& train, DataSplit const& eval) {
    say("\ndata.train and data.eval\n");
    try {
        require_same_class_names(train.source, eval.source);
    } catch (Error const& error) { refuse("{}", error.what()); }
    if (train.inspection && eval.inspection) {
        Copies const copies = find_copies(train.inspection->keys(), eval.inspection->keys());
        std::vector<std::string> pairs;
        for (Copies::Pair const& pair : copies.first) {
            pairs.push_back(fmt::format("{} = {} of data.train", eval.inspection->dataset().place(pair.copy),
                                        train.inspection->dataset().place(pair.original)));
        }
        if (copies.samples > 0) {
            warn("data.eval has {} that data.train has too, so that evaluations flatter: {}",
                 count_of(copies.samples, "image"), fmt::join(pairs, "; "));
        } else {
            say("  no image is in both\n");
        }
    }
}

void Report::end() const {
    say("\ndata: {}, {}\n\n",
        refused_ == 0 ? "nothing that training refuses" : count_of(refused_, "fault") + " that training refuses",
        count_of(warnings_, "warning"));
    require(refused_ == 0, ExitCode::bad_deck,
            "training would refuse the data ({}, told above as 'refused'): correct the files, or what the deck says of "
            "them",
            count_of(refused_, "fault"));
}

}  // namespace

void report_data(RunPlan const& plan) {
    DataSpec const& data = plan.deck.data;
    Report report(plan);
    DataSplit train{"train", true, data.train, nullptr};
    report.read(train);
    if (data.eval) {
        DataSplit eval{"eval", false, *data.eval, nullptr};
        report.read(eval);
        report.compare(train, eval);
    }
    report.end();
}

}  // namespace aureole
