#include "io/log/run_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/log/earlier_log.hpp"

namespace aureole {

namespace {

char const* name_of(LogRecord::Kind kind) { return kind == LogRecord::Kind::train ? "train" : "eval"; }

/// JSON knows no NaN and no infinity.
std::string json_number(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : "null"; }

std::string header_of(std::vector<std::string> const& metrics) {
    std::string header = log_columns;
    for (std::string const& metric : metrics) { header += "," + metric; }
    return header;
}

}  // namespace

RunLog::RunLog(std::string const& folder, std::vector<std::string> metrics, Index first_step)
    : metrics_(std::move(metrics)),
      csv_(continue_csv(folder, header_of(metrics_), first_step)),
      json_(continue_json(folder, first_step)) {}

void RunLog::write(LogRecord const& r) {
    std::string csv = fmt::format("{},{},{:.6g},{:.9g},{:.9g},{:.6g},{:.6g},{:.4g},{}", name_of(r.kind), r.step,
                                  r.epoch, r.loss, r.learning_rate, r.samples_per_second, r.seconds, r.data_share,
                                  r.gradient_norm ? fmt::format("{:.9g}", *r.gradient_norm) : "");
    std::string json = fmt::format(
        R"({{"kind":"{}","step":{},"epoch":{},"loss":{},"learning_rate":{},"samples_per_second":{},"seconds":{},)"
        R"("data_share":{},"gradient_norm":{})",
        name_of(r.kind), r.step, json_number(r.epoch), json_number(r.loss), json_number(r.learning_rate),
        json_number(r.samples_per_second), json_number(r.seconds), json_number(r.data_share),
        r.gradient_norm ? json_number(*r.gradient_norm) : "null");
    for (std::string const& metric : metrics_) {
        auto const found =
            std::find_if(r.metrics.begin(), r.metrics.end(), [&](auto const& m) { return m.first == metric; });
        csv += ",";
        if (found == r.metrics.end()) { continue; }
        csv += fmt::format("{:.9g}", found->second);
        json += fmt::format(",\"{}\":{}", metric, json_number(found->second));
    }
    csv_.append(csv + "\n");
    json_.append(json + "}\n");
}

std::string values_text(LogRecord const& record) {
    std::string text = fmt::format("loss {:<9.5g}", record.loss);
    for (auto const& [name, value] : record.metrics) { text += fmt::format(" {} {:.4f}", name, value); }
    return text;
}

}  // namespace aureole
