#include "io/log/earlier_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <vector>

#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "io/split.hpp"

namespace aureole {

namespace {

/// All of a file that will be written again; empty if there is none.
std::string content_of(std::string const& path) {
    require_output(path);
    return read_file(path);
}

/// Lines without their ends; a last one that has no end is left out.
std::vector<std::string> whole_lines(std::string const& content) {
    std::vector<std::string> lines = split(content, '\n');
    lines.pop_back();
    return lines;
}

std::string joined(std::vector<std::string> const& lines) {
    std::string text;
    for (std::string const& line : lines) { text += line + "\n"; }
    return text;
}

/// The step number at the beginning of a text, if there is one; one that is too large is later than all.
std::optional<Index> leading_step(std::string_view text) {
    if (text.empty() || text[0] < '0' || text[0] > '9') { return std::nullopt; }
    Index step = 0;
    bool const counts = std::from_chars(text.data(), text.data() + text.size(), step).ec == std::errc{};
    return counts ? step : std::numeric_limits<Index>::max();
}

std::optional<Index> step_of_json(std::string const& line) {
    static constexpr std::string_view key = "\"step\":";
    auto const at = line.find(key);
    return at == std::string::npos ? std::nullopt : leading_step(std::string_view(line).substr(at + key.size()));
}

struct Parts {
    std::vector<std::string> kept, later;
};

template <class StepOf>
Parts part(std::vector<std::string> const& lines, Index last, StepOf const& step_of) {
    Parts parts;
    for (std::string const& line : lines) {
        bool const later = step_of(line).value_or(last) > last;
        (later ? parts.later : parts.kept).push_back(line);
    }
    return parts;
}

/// Adds lines to the file of those that are superseded, below their header where another one, or none, stands there.
/// Lines that are its end already were added just before the process ended, and had not been removed from the log yet.
void supersede(std::string const& path, std::string const& header, std::vector<std::string> const& later) {
    if (later.empty()) { return; }
    std::vector<std::string> lines = whole_lines(content_of(path));
    if (later.size() <= lines.size() && std::equal(later.rbegin(), later.rend(), lines.rbegin())) { return; }
    auto const heads = [](std::string const& line) { return line.starts_with("kind,"); };
    auto const current = std::find_if(lines.rbegin(), lines.rend(), heads);
    if (!header.empty() && (current == lines.rend() || *current != header)) { lines.push_back(header); }
    lines.insert(lines.end(), later.begin(), later.end());
    write_file(path, joined(lines));
}

std::size_t column_of(std::vector<std::string> const& columns, std::string const& name) {
    return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
}

/// A line below `before` as a line below `after`.
std::string with_columns(std::string const& line, std::vector<std::string> const& before,
                         std::vector<std::string> const& after) {
    std::vector<std::string> const cells = split(line, ',');
    std::string text;
    for (std::string const& name : after) {
        std::size_t const at = column_of(before, name);
        text += (&name == after.data() ? "" : ",") + (at < cells.size() ? cells[at] : "");
    }
    return text;
}

/// Keeps a file under a name that is free, metrics_<step>.csv, or metrics_<step>_2.csv and so on, or that holds the
/// same already.
void keep_aside(std::string const& folder, std::string const& content, Index step) {
    std::string name = fmt::format("metrics_{}.csv", step);
    for (int i = 2; std::filesystem::exists(folder + "/" + name) && content_of(folder + "/" + name) != content; ++i) {
        name = fmt::format("metrics_{}_{}.csv", step, i);
    }
    write_file(folder + "/" + name, content);
    warn(
        "'{0}/metrics.csv' was begun with other columns than this run writes: it is kept as '{0}/{1}', and its lines "
        "up to step {2} go on under the new columns",
        folder, name, step);
}

}  // namespace

std::string continue_csv(std::string const& folder, std::string const& header, Index last) {
    std::string const path = folder + "/metrics.csv", content = content_of(path);
    std::vector<std::string> lines = whole_lines(content);
    std::string const old_header = lines.empty() ? header : lines.front();
    std::vector<std::string> const before = split(old_header, ','), after = split(header, ',');
    if (!lines.empty()) { lines.erase(lines.begin()); }
    Parts parts = part(lines, last, [&](std::string const& line) {
        std::vector<std::string> const cells = split(line, ',');
        std::size_t const at = column_of(before, "step");
        return at < cells.size() ? leading_step(cells[at]) : std::nullopt;
    });
    if (old_header == header) {
        supersede(folder + "/metrics.superseded.csv", header, parts.later);
    } else {
        keep_aside(folder, content, last);
        if (column_of(before, "step") == before.size()) { parts.kept.clear(); }  // it is no log
        for (std::string& line : parts.kept) { line = with_columns(line, before, after); }
    }
    std::string const text = header + "\n" + joined(parts.kept);
    if (text != content) { write_file(path, text); }
    return path;
}

std::string continue_json(std::string const& folder, Index last) {
    std::string const path = folder + "/metrics.jsonl", content = content_of(path);
    Parts const parts = part(whole_lines(content), last, step_of_json);
    supersede(folder + "/metrics.superseded.jsonl", "", parts.later);
    std::string const text = joined(parts.kept);
    if (text != content) { write_file(path, text); }
    return path;
}

}  // namespace aureole
