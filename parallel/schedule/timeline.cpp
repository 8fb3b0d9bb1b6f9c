#include "parallel/schedule/timeline.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <vector>

#include "parallel/schedule/links.hpp"

namespace aureole {

namespace {

/// By Op. Blue, green and orange of Okabe and Ito, who chose them for every kind of colour vision, and their kin.
constexpr std::array<std::string_view, 11> colours{"#56b4e9", "#2fa37a", "#7fcfa9", "#e6a532", "#0b4f80", "#8fa9bd",
                                                   "#0a5c3f", "#9dbfae", "#cc79a7", "#d55e00", "#6b6b6b"};
constexpr double left = 64, legend_top = 36, legend_line = 19, right = 20, strip = 3, gap = 4;

std::string_view colour_of(Op op) { return colours.at(static_cast<std::size_t>(op)); }

/// Half way to white.
std::string paler(std::string_view colour) {
    std::string pale = "#";
    for (std::size_t i = 1; i < colour.size(); i += 2) {
        pale += fmt::format("{:02x}", (std::stoi(std::string(colour.substr(i, 2)), nullptr, 16) + 255) / 2);
    }
    return pale;
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (char const c : text) {
        switch (c) {
            case '&': safe += "&amp;"; break;
            case '<': safe += "&lt;"; break;
            case '>': safe += "&gt;"; break;
            case '"': safe += "&quot;"; break;
            default: safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;  // XML has no other control characters
        }
    }
    return safe;
}

struct Extent {
    int rows = 0;
    double first = 0, last = 0;
    [[nodiscard]] double length() const { return last - first; }
};

Extent extent_of(std::span<Event const> events) {
    if (events.empty()) { return {}; }
    Extent extent{0, std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
    for (Event const& event : events) {
        extent.rows = std::max(extent.rows, event.row + 1);
        extent.first = std::min(extent.first, event.start);
        extent.last = std::max(extent.last, event.end);
    }
    return extent;
}

/// Bars wide enough for their numbers, in a picture that still fits a screen or two.
double plot_width(std::span<Event const> events, Extent const& extent) {
    std::vector<int> bars(as_size(extent.rows), 0);
    for (Event const& event : events) { bars[as_size(event.row)] += is_busy(event.op) ? 1 : 0; }
    int const most = bars.empty() ? 0 : *std::max_element(bars.begin(), bars.end());
    return std::clamp(18. * most, 860., 2800.);
}

/// What numbers on the time axis are multiplied with, and their unit.
struct Unit {
    double factor = 1;
    std::string name;
};

Unit unit_of(TimelineStyle const& style, double length) {
    if (!style.unit.empty()) { return {1, style.unit}; }
    if (length >= 1) { return {1, "s"}; }
    return length >= 1e-3 ? Unit{1e3, "ms"} : Unit{1e6, "us"};
}

/// 1, 2 or 5 times a power of ten, about `count` of them in `length`.
double tick_step(double length, int count) {
    double const rough = length / count;
    double const power = std::pow(10., std::floor(std::log10(rough)));
    for (double const step : {1., 2., 5.}) {
        if (step * power >= rough) { return step * power; }
    }
    return 10 * power;
}

struct LegendEntry {
    double x, y;
    std::string_view fill, name;
};

class Picture {
  public:
    Picture(std::span<Event const> events, TimelineStyle const& style)
        : events_(events),
          style_(style),
          extent_(extent_of(events)),
          width_(plot_width(events, extent_)),
          lane_(extent_.rows > 12 ? 20 : 26),
          scale_(extent_.length() > 0 ? width_ / extent_.length() : 0) {}

    std::string draw() {
        plan_legend();
        begin();
        draw_legend();
        for (int row = 0; row < extent_.rows; ++row) { draw_lane(row); }
        for (Event const& event : events_) { draw_bar(event); }
        draw_axis();
        add("</svg>\n");
        return std::move(svg_);
    }

  private:
    std::span<Event const> events_;
    TimelineStyle const& style_;
    Extent extent_;
    double width_, lane_, scale_, top_ = 0;
    std::vector<LegendEntry> legend_;
    std::string svg_;

    template <class... Args>
    void add(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(svg_), format, std::forward<Args>(args)...);
    }
    [[nodiscard]] double x_of(double time) const { return left + (time - extent_.first) * scale_; }
    [[nodiscard]] double y_of(int row) const { return top_ + row * (lane_ + gap); }

    void begin() {
        double const width = left + width_ + right, height = y_of(extent_.rows) + 46;
        add("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
            "{1:.0f}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#1a1a1a\">\n",
            width, height);
        add("<defs><pattern id=\"idle\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
            "patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#f2f2f2\"/>"
            "<rect width=\"1.5\" height=\"6\" fill=\"#d4d4d4\"/></pattern></defs>\n");
        add("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        add("<text x=\"{:.0f}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{}{}bubble {:.1f} %</text>\n", left,
            escaped(style_.title), style_.title.empty() ? "" : ": ", 100 * bubble_of(events_));
    }

    void plan_legend() {
        std::set<Op> ops;
        for (Event const& event : events_) { ops.insert(event.op); }
        double x = left, y = legend_top;
        auto const place = [&](std::string_view fill, std::string_view name) {
            double const width = 30 + 6.4 * static_cast<double>(name.size());
            if (x + width > left + width_) { x = left, y += legend_line; }
            legend_.push_back({x, y, fill, name});
            x += width;
        };
        for (Op const op : ops) { place(colour_of(op), name_of(op)); }
        place("url(#idle)", "idle");
        top_ = y + 26;
    }

    void draw_legend() {
        for (LegendEntry const& entry : legend_) {
            add("<g class=\"legend\"><rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"12\" height=\"12\" fill=\"{}\"/>"
                "<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"11\">{}</text></g>\n",
                entry.x, entry.y, entry.fill, entry.x + 16, entry.y + 10, entry.name);
        }
    }

    void draw_lane(int row) {
        add("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">rank {}</text>\n", left - 8, y_of(row) + lane_ / 2 + 4,
            row);
        add("<rect class=\"lane\" x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" fill=\"url(#idle)\"/>\n",
            left, y_of(row), width_, lane_);
    }

    void draw_bar(Event const& event) {
        double const width = std::max((event.end - event.start) * scale_, 0.75), x = x_of(event.start);
        double y = y_of(event.row), height = lane_;
        if (!is_busy(event.op)) { height = strip; }
        if (event.op == Op::reduce) { y += lane_ - strip; }
        Instruction const one{event.op, static_cast<std::uint8_t>(event.pipe), static_cast<std::int16_t>(event.stage),
                              event.micro_batch};
        // every other stage of a row is paler, so that they can be told apart
        bool const is_pale = is_compute(event.op) && event.stage / extent_.rows % 2 == 1;
        add("<g class=\"bar\"><title>{}, stage {}{}</title>", name_of(one.op), event.stage,
            has_micro_batch(one.op) ? fmt::format(", micro-batch {}", event.micro_batch) : "");
        add("<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.0f}\" fill=\"{}\"", x, y, width, height,
            is_pale ? paler(colour_of(event.op)) : std::string(colour_of(event.op)));
        if (is_busy(event.op) && width > 4) { add(" stroke=\"#ffffff\" stroke-width=\"0.75\""); }
        add("/>");
        if (is_compute(event.op)) { draw_number(event.micro_batch, x + width / 2, y + lane_ / 2, width); }
        add("</g>\n");
    }

    void draw_number(int number, double x, double y, double width) {
        std::string const text = std::to_string(number);
        double const size = std::min(11., 1.5 * width / static_cast<double>(text.size()));
        if (size < 6) { return; }
        add("<text x=\"{:.2f}\" y=\"{:.1f}\" font-size=\"{:.1f}\" text-anchor=\"middle\">{}</text>", x, y + size * 0.36,
            size, text);
    }

    void draw_axis() {
        Unit const unit = unit_of(style_, extent_.length());
        double const y = y_of(extent_.rows) + 2, length = extent_.length() * unit.factor;
        add("<line x1=\"{:.0f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#1a1a1a\"/>\n", left, y,
            left + width_, y);
        if (length > 0) {
            double const step = tick_step(length, static_cast<int>(width_ / 90));
            for (int i = 0; i * step <= length * (1 + 1e-9); ++i) {
                double const x = left + i * step / length * width_;
                add("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#1a1a1a\"/>", x, y,
                    y + 5);
                add("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" text-anchor=\"middle\">{:g}</text>\n", x, y + 18,
                    i * step);
            }
        }
        add("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" text-anchor=\"middle\">time / {}</text>\n",
            left + width_ / 2, y + 36, escaped(unit.name));
    }
};

}  // namespace

double bubble_of(std::span<Event const> events) {
    Extent const extent = extent_of(events);
    double busy = 0;
    for (Event const& event : events) { busy += is_busy(event.op) ? event.end - event.start : 0; }
    return extent.length() > 0 ? 1 - busy / (extent.rows * extent.length()) : 0;
}

std::string draw_timeline(std::span<Event const> events, TimelineStyle const& style) {
    return Picture(events, style).draw();
}

}  // namespace aureole
