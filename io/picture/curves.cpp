#include "io/picture/curves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>

#include "core/error.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "io/split.hpp"

namespace aureole {

namespace {

constexpr double panel_width = 420, panel_height = 240, margin = 56;

struct Curve {
    std::vector<std::pair<double, double>> points;  ///< (step, value), finite values only
};

struct Panel {
    std::string name;
    Curve train, eval;
};

void add_point(Curve& curve, Index step, double value) {
    if (std::isfinite(value)) { curve.points.emplace_back(static_cast<double>(step), value); }
}

std::vector<Panel> panels_of(std::vector<LogRecord> const& records) {
    std::vector<Panel> panels{{"loss", {}, {}}};
    auto const panel = [&](std::string const& name) -> Panel& {
        auto const found = std::find_if(panels.begin(), panels.end(), [&](Panel const& p) { return p.name == name; });
        if (found != panels.end()) { return *found; }
        panels.push_back({name, {}, {}});
        return panels.back();
    };
    for (LogRecord const& record : records) {
        auto const curve = [&](Panel& p) -> Curve& { return record.kind == LogRecord::Kind::train ? p.train : p.eval; };
        add_point(curve(panel("loss")), record.step, record.loss);
        for (auto const& [name, value] : record.metrics) { add_point(curve(panel(name)), record.step, value); }
    }
    return panels;
}

struct Frame {
    double left, top, x_lo, x_hi, y_lo, y_hi;
    [[nodiscard]] double x(double value) const { return left + (value - x_lo) / (x_hi - x_lo) * panel_width; }
    [[nodiscard]] double y(double value) const { return top + (y_hi - value) / (y_hi - y_lo) * panel_height; }
};

Frame frame_of(Panel const& panel, double left, double top) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Frame frame{left, top, infinity, -infinity, infinity, -infinity};
    for (Curve const* curve : {&panel.train, &panel.eval}) {
        for (auto const& [x, y] : curve->points) {
            frame.x_lo = std::min(frame.x_lo, x);
            frame.x_hi = std::max(frame.x_hi, x);
            frame.y_lo = std::min(frame.y_lo, y);
            frame.y_hi = std::max(frame.y_hi, y);
        }
    }
    if (!(frame.x_lo < frame.x_hi)) { frame.x_hi = frame.x_lo + 1; }
    if (!(frame.y_lo < frame.y_hi)) { frame.y_hi = frame.y_lo + 1e-9 + std::abs(frame.y_lo) * 0.01; }
    return frame;
}

std::string polyline(Curve const& curve, Frame const& frame, char const* colour, bool marks) {
    std::string svg = fmt::format(R"(<polyline fill="none" stroke="{}" stroke-width="1.5" points=")", colour);
    for (auto const& [x, y] : curve.points) { svg += fmt::format("{:.1f},{:.1f} ", frame.x(x), frame.y(y)); }
    svg += "\"/>\n";
    if (!marks) { return svg; }
    for (auto const& [x, y] : curve.points) {
        svg += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>)"
                           "\n",
                           frame.x(x), frame.y(y), colour);
    }
    return svg;
}

std::string draw(Panel const& panel, double left, double top) {
    if (panel.train.points.empty() && panel.eval.points.empty()) { return ""; }
    Frame const f = frame_of(panel, left, top);
    std::string svg = fmt::format(
        R"(<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="#999"/><text x="{}" y="{}" font-weight="bold">{}</text>)"
        "\n",
        left, top, panel_width, panel_height, left, top - 8, panel.name);
    for (int i = 0; i <= 4; ++i) {
        double const share = i / 4.0;
        double const y = f.y_lo + share * (f.y_hi - f.y_lo), x = f.x_lo + share * (f.x_hi - f.x_lo);
        svg += fmt::format(R"(<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" stroke="#ddd"/>)", left,
                           left + panel_width, f.y(y), f.y(y));
        svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="end">{:.3g}</text>)", left - 5, f.y(y) + 4, y);
        svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{:.0f}</text>)"
                           "\n",
                           f.x(x), top + panel_height + 16, x);
    }
    return svg + polyline(panel.train, f, "#3b75af", false) + polyline(panel.eval, f, "#d1495b", true);
}

/// Of a cell of a log: numbers below the smallest normal one, NaN and infinity too. None of any other text.
std::optional<double> number_of(std::string const& cell) {
    char* end = nullptr;
    double const number = std::strtod(cell.c_str(), &end);
    return end != cell.c_str() && *end == '\0' ? std::optional(number) : std::nullopt;
}

/// Columns of a log by their names.
struct LogColumns {
    std::vector<std::string> names;
    std::vector<bool> is_metric;

    explicit LogColumns(std::string const& header) : names(split(header, ',')) {
        std::vector<std::string> const fixed = split(log_columns, ',');
        for (std::string const& name : names) {
            is_metric.push_back(std::find(fixed.begin(), fixed.end(), name) == fixed.end());
        }
    }
    [[nodiscard]] std::string cell(std::vector<std::string> const& cells, std::string const& name) const {
        auto const at = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
        return at < cells.size() ? cells[at] : "";
    }
};

/// None of a line that is damaged.
std::optional<LogRecord> record_of(LogColumns const& columns, std::string const& line) {
    std::vector<std::string> const cells = split(line, ',');
    std::string const kind = columns.cell(cells, "kind");
    auto const step = number_of(columns.cell(cells, "step")), epoch = number_of(columns.cell(cells, "epoch")),
               loss = number_of(columns.cell(cells, "loss"));
    if (cells.size() != columns.names.size() || (kind != "train" && kind != "eval")) { return std::nullopt; }
    if (!step || !epoch || !loss) { return std::nullopt; }
    LogRecord record;
    record.kind = kind == "eval" ? LogRecord::Kind::eval : LogRecord::Kind::train;
    record.step = static_cast<Index>(std::fmin(std::fmax(*step, 0), 0x1p53));
    record.epoch = *epoch;
    record.loss = *loss;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!columns.is_metric[i] || cells[i].empty()) { continue; }
        auto const metric = number_of(cells[i]);
        if (!metric) { return std::nullopt; }
        record.metrics.emplace_back(columns.names[i], *metric);
    }
    return record;
}

}  // namespace

std::vector<LogRecord> read_run_log(std::string const& csv_path) {
    std::ifstream file(csv_path);
    require(file.good(), ExitCode::data_error, "cannot read '{}': give the folder of a run", csv_path);
    std::string line;
    std::getline(file, line);
    LogColumns const columns(line);
    std::vector<LogRecord> records;
    Index damaged = 0;
    while (std::getline(file, line)) {
        std::optional<LogRecord> record = record_of(columns, line);
        if (record) {
            records.push_back(std::move(*record));
        } else {
            ++damaged;
        }
    }
    if (damaged > 0) { warn("damaged lines of '{}' are left out of the curves: {}", csv_path, damaged); }
    return records;
}

void write_curves(std::string const& svg_path, std::string const& title, std::vector<LogRecord> const& records) {
    std::vector<Panel> const panels = panels_of(records);
    double const step = panel_width + 2 * margin;
    double const width = step * static_cast<double>(panels.size()), height = panel_height + 2 * margin + 20;
    std::string svg = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" font-family="sans-serif" font-size="11">)"
        R"(<rect width="{0:.0f}" height="{1:.0f}" fill="white"/>)"
        "\n",
        width, height);
    svg += fmt::format(R"(<text x="{}" y="20" font-size="14">{}</text>)"
                       "\n",
                       margin, title);
    svg += fmt::format(R"(<text x="{}" y="{}">steps; training <tspan fill="#3b75af">&#9632;</tspan>, evaluation )"
                       R"(<tspan fill="#d1495b">&#9632;</tspan></text>)"
                       "\n",
                       margin, height - 12);
    for (std::size_t i = 0; i < panels.size(); ++i) {
        svg += draw(panels[i], margin + static_cast<double>(i) * step, margin);
    }
    write_file(svg_path, svg + "</svg>\n");
}

}  // namespace aureole
