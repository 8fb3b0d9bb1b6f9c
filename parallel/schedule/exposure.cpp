#include "parallel/schedule/exposure.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace aureole {

namespace {

/// An operator's n-th run in a step, in one group of rows.
using Occurrence = std::tuple<std::string, int, int>;

/// Where rows meet: when each of them has done its part.
class Meetings {
  public:
    void add(OperatorEvent const& event, Occurrence const& occurrence) {
        auto const begun = sent_.find({event.row, occurrence});
        double const ready = begun == sent_.end() ? event.start : begun->second;
        ready_[occurrence].emplace_back(event.row, ready);
    }
    void add_sent(int row, Occurrence const& occurrence, double time) { sent_[{row, occurrence}] = time; }

    /// Seconds of an event before the last other row was ready.
    [[nodiscard]] double late(OperatorEvent const& event, Occurrence const& occurrence) const {
        double last = event.start;
        for (auto const& [row, ready] : ready_.at(occurrence)) {
            if (row != event.row) { last = std::max(last, ready); }
        }
        return std::min(last, event.end) - event.start;
    }

  private:
    std::map<std::pair<int, Occurrence>, double> sent_;
    std::map<Occurrence, std::vector<std::pair<int, double>>> ready_;
};

/// The operator that waits for what this one sends; itself if it sends nothing ahead.
std::string partner_of(std::string const& name) {
    std::string_view const suffix = ".begin";
    bool const sends = name.size() > suffix.size() && name.ends_with(suffix);
    return sends ? name.substr(0, name.size() - suffix.size()) : name;
}

}  // namespace

Exposure exposure_of(std::span<OperatorEvent const> operators) {
    if (operators.empty()) { return {}; }
    std::map<std::pair<int, std::string>, int> runs;
    std::vector<Occurrence> occurrences;
    Meetings meetings;
    int rows = 0;
    double first = std::numeric_limits<double>::max(), last = 0;
    for (OperatorEvent const& event : operators) {
        occurrences.emplace_back(partner_of(event.name), runs[{event.row, event.name}]++, event.group);
        if (std::get<0>(occurrences.back()) != event.name) {
            meetings.add_sent(event.row, occurrences.back(), event.end);
        }
        rows = std::max(rows, event.row + 1);
        first = std::min(first, event.start);
        last = std::max(last, event.end);
    }
    auto const waits = [&](std::size_t i) {
        return operators[i].kind != OperatorEvent::Kind::compute && std::get<0>(occurrences[i]) == operators[i].name;
    };
    for (std::size_t i = 0; i < operators.size(); ++i) {
        if (waits(i)) { meetings.add(operators[i], occurrences[i]); }
    }
    Exposure seconds;
    for (std::size_t i = 0; i < operators.size(); ++i) {
        if (operators[i].kind == OperatorEvent::Kind::compute) { continue; }
        double const late = waits(i) ? meetings.late(operators[i], occurrences[i]) : 0;
        seconds.late += late;
        seconds.messages += operators[i].end - operators[i].start - late;
    }
    double const all = rows * (last - first);
    return all > 0 ? Exposure{seconds.late / all, seconds.messages / all} : Exposure{};
}

}  // namespace aureole
