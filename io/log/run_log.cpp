#include "io/log/run_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/error.hpp"
#include "io/split.hpp"

namespace aureole {

namespace {

char const* name_of(LogRecord::Kind kind) { return kind == LogRecord::Kind::train ? "train" : "eval"; }

/// JSON knows no NaN and no infinity.
std::string json_number(double value) { return std::isfinite(value) ? fmt::format("{:.9g}", value) : "null"; }

/// Step number of a line of either file; -1 for the header.
Index step_of(std::string const& line) {
    auto const key = line.find("\"step\":");
    auto const at = key != std::string::npos ? key + 7 : line.find(',') + 1;
    if (at == 0 || at >= line.size() || (line[at] < '0' || line[at] > '9')) { return -1; }
    Index step = 0;
    bool const counts = std::from_chars(line.data() + at, line.data() + line.size(), step).ec == std::errc{};
    return counts ? step : std::numeric_limits<Index>::max();
}

/// Lines of an earlier part of the run that stay: the header and steps up to `last`.
std::string kept_lines(std::string const& path, Index last) {
    std::ifstream file(path);
    std::string kept, line;
    while (std::getline(file, line)) {
        if (step_of(line) <= last) { kept += line + "\n"; }
    }
    return kept;
}

/// Lines of a CSV file with a header, with the columns that `header` names.
std::string with_columns(std::string const& header, std::string const& csv) {
    std::istringstream lines(csv);
    std::string line, text = header + "\n";
    std::getline(lines, line);
    std::vector<std::string> const before = split(line, ','), after = split(header, ',');
    while (std::getline(lines, line)) {
        std::vector<std::string> const cells = split(line, ',');
        for (std::size_t i = 0; i < after.size(); ++i) {
            auto const at =
                static_cast<std::size_t>(std::find(before.begin(), before.end(), after[i]) - before.begin());
            text += (i > 0 ? "," : "") + (at < cells.size() ? cells[at] : "");
        }
        text += "\n";
    }
    return text;
}

/// Keeps a file under a name that is free: metrics_<step>.csv, or metrics_<step>_2.csv and so on.
void keep_aside(std::string const& folder, Index step) {
    std::string name = fmt::format("metrics_{}.csv", step);
    for (int i = 2; std::filesystem::exists(folder + "/" + name); ++i) {
        name = fmt::format("metrics_{}_{}.csv", step, i);
    }
    std::error_code error;
    std::filesystem::copy_file(folder + "/metrics.csv", folder + "/" + name, error);
    require(!error, ExitCode::data_error, "cannot write '{}/{}' ({}): set output.folder to one you can write to",
            folder, name, error.message());
    fmt::print(stderr,
               "aureole: '{0}/metrics.csv' was begun with other columns than this run writes: it is kept as "
               "'{0}/{1}', and its lines go on under the new columns\n",
               folder, name);
}

/// What stays of an earlier part of the run, under the columns of `header`.
std::string csv_before(std::string const& folder, std::string const& header, Index last) {
    std::string kept = last > 0 ? kept_lines(folder + "/metrics.csv", last) : "";
    if (kept.empty()) { return header + "\n"; }
    if (kept.starts_with(header + "\n")) { return kept; }
    keep_aside(folder, last);
    return with_columns(header, kept);
}

}  // namespace

RunLog::RunLog(std::string const& folder, std::vector<std::string> metrics, Index first_step)
    : metrics_(std::move(metrics)) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    require(!error, ExitCode::data_error,
            "cannot create the folder '{}' ({}): set output.folder to one you can write to", folder, error.message());
    auto const open = [&](std::string const& name, std::string const& before) {
        std::string const path = folder + "/" + name;
        FilePtr file(std::fopen(path.c_str(), "w"));
        require(file != nullptr, ExitCode::data_error, "cannot write '{}': set output.folder to one you can write to",
                path);
        std::fputs(before.c_str(), file.get());
        return file;
    };
    std::string header = log_columns;
    for (std::string const& metric : metrics_) { header += "," + metric; }
    csv_ = open("metrics.csv", csv_before(folder, header, first_step));
    json_ = open("metrics.jsonl", first_step > 0 ? kept_lines(folder + "/metrics.jsonl", first_step) : "");
}

void RunLog::write(LogRecord const& r) {
    fmt::print(csv_.get(), "{},{},{:.6g},{:.9g},{:.9g},{:.6g},{:.6g},{:.4g},{}", name_of(r.kind), r.step, r.epoch,
               r.loss, r.learning_rate, r.samples_per_second, r.seconds, r.data_share,
               r.gradient_norm ? fmt::format("{:.9g}", *r.gradient_norm) : "");
    fmt::print(
        json_.get(),
        R"({{"kind":"{}","step":{},"epoch":{},"loss":{},"learning_rate":{},"samples_per_second":{},"seconds":{},)"
        R"("data_share":{},"gradient_norm":{})",
        name_of(r.kind), r.step, json_number(r.epoch), json_number(r.loss), json_number(r.learning_rate),
        json_number(r.samples_per_second), json_number(r.seconds), json_number(r.data_share),
        r.gradient_norm ? json_number(*r.gradient_norm) : "null");
    for (std::string const& metric : metrics_) {
        auto const found =
            std::find_if(r.metrics.begin(), r.metrics.end(), [&](auto const& m) { return m.first == metric; });
        if (found == r.metrics.end()) {
            fmt::print(csv_.get(), ",");
            continue;
        }
        fmt::print(csv_.get(), ",{:.9g}", found->second);
        fmt::print(json_.get(), ",\"{}\":{}", metric, json_number(found->second));
    }
    fmt::print(csv_.get(), "\n");
    fmt::print(json_.get(), "}}\n");
    std::fflush(csv_.get());
    std::fflush(json_.get());
}

std::string values_text(LogRecord const& record) {
    std::string text = fmt::format("loss {:<9.5g}", record.loss);
    for (auto const& [name, value] : record.metrics) { text += fmt::format(" {} {:.4f}", name, value); }
    return text;
}

}  // namespace aureole
