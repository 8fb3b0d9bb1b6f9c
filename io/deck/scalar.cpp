#include "io/deck/scalar.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

namespace aureole::deck {
namespace {

constexpr Index exact_in_double = Index{1} << 53;  // quantities with units are read through double
constexpr double integer_limit = 9.2e18;           // a little below 2^63, exactly comparable

struct Unit {
    std::string_view name;
    Index factor;
};

constexpr std::array<Unit, 13> byte_units{{{"", 1},
                                           {"B", 1},
                                           {"KiB", Index{1} << 10},
                                           {"MiB", Index{1} << 20},
                                           {"GiB", Index{1} << 30},
                                           {"TiB", Index{1} << 40},
                                           {"PiB", Index{1} << 50},
                                           {"kB", 1'000},
                                           {"KB", 1'000},
                                           {"MB", 1'000'000},
                                           {"GB", 1'000'000'000},
                                           {"TB", 1'000'000'000'000},
                                           {"PB", 1'000'000'000'000'000}}};

constexpr std::array<Unit, 11> time_units{{{"", 1},
                                           {"s", 1},
                                           {"sec", 1},
                                           {"seconds", 1},
                                           {"min", 60},
                                           {"minutes", 60},
                                           {"h", 3600},
                                           {"hours", 3600},
                                           {"d", 86400},
                                           {"days", 86400},
                                           {"day", 86400}}};

std::optional<double> parse_plain_real(std::string_view text) {
    if (text.starts_with('+') && !text.starts_with("+-")) { text.remove_prefix(1); }  // from_chars takes no plus
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) { return std::nullopt; }
    return value;
}

std::optional<Index> to_index(double value) {
    if (std::abs(value) > integer_limit || value != std::floor(value)) { return std::nullopt; }
    return static_cast<Index>(value);
}

void skip_spaces(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) { text.remove_prefix(1); }
}

std::string_view take_while(std::string_view& text, bool (*accept)(char)) {
    auto const end = std::find_if_not(text.begin(), text.end(), accept);
    auto const taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
}

/// One "number unit" from the front of the text.
std::optional<double> take_quantity(std::string_view& text, std::span<Unit const> units) {
    auto const number = take_while(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    skip_spaces(text);
    auto const name = take_while(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
    skip_spaces(text);
    auto const value = parse_plain_real(number);
    auto const unit = std::find_if(units.begin(), units.end(), [&](Unit const& u) { return u.name == name; });
    if (!value || unit == units.end()) { return std::nullopt; }
    return *value * static_cast<double>(unit->factor);
}

/// Writes with the largest of the named units that divides the value.
std::string write_quantity(Index value, std::span<Unit const> units, std::initializer_list<std::string_view> names) {
    for (auto const name : names) {
        auto const unit = std::find_if(units.begin(), units.end(), [&](Unit const& u) { return u.name == name; });
        if (value > 0 && value < exact_in_double && value % unit->factor == 0) {
            return fmt::format("{} {}", value / unit->factor, name);
        }
    }
    return std::to_string(value);
}

/// Number of insertions, deletions, substitutions and swaps of neighbours (restricted Damerau-Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) { last[j] = j; }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::optional<Index> parse_integer(std::string_view text) {
    if (text.starts_with('+') && !text.starts_with("+-")) { text.remove_prefix(1); }
    Index value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) { return value; }
    if (text.find_first_of("eE.") == std::string_view::npos) { return std::nullopt; }
    auto const real = parse_plain_real(text);
    return real ? to_index(*real) : std::nullopt;
}

std::optional<double> parse_real(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) { return parse_plain_real(text); }
    auto const above = parse_plain_real(text.substr(0, slash)), below = parse_plain_real(text.substr(slash + 1));
    if (!above || !below || *below == 0 || !std::isfinite(*above / *below)) { return std::nullopt; }
    return *above / *below;
}

std::optional<bool> parse_boolean(std::string_view text) {
    if (text == "true" || text == "True" || text == "TRUE") { return true; }
    if (text == "false" || text == "False" || text == "FALSE") { return false; }
    return std::nullopt;
}

std::optional<Index> parse_bytes(std::string_view text) {
    if (auto const plain = parse_integer(text)) { return plain; }
    auto const value = take_quantity(text, byte_units);
    if (!value || !text.empty()) { return std::nullopt; }
    return to_index(std::round(*value));
}

std::optional<Index> parse_duration(std::string_view text) {
    if (auto const plain = parse_integer(text)) { return plain; }
    double sum = 0;
    do {
        auto const part = take_quantity(text, time_units);
        if (!part) { return std::nullopt; }
        sum += *part;
    } while (!text.empty());
    return to_index(std::round(sum));
}

std::string write_real(double value) {
    std::string text = fmt::format("{}", value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string write_bytes(Index bytes) { return write_quantity(bytes, byte_units, {"TiB", "GiB", "MiB", "KiB"}); }

std::string write_duration(Index seconds) { return write_quantity(seconds, time_units, {"h", "min", "s"}); }

std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& candidates) {
    constexpr std::size_t longest = 64;
    if (word.size() > longest) { return std::nullopt; }
    std::optional<std::string> best;
    std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 2)) + 1;
    for (auto const& candidate : candidates) {
        bool const is_part =
            word.size() >= 3 && candidate.starts_with(word);  // "epoch" of "epochs", "conv" of "convolution"
        std::size_t const distance = is_part ? 1 : edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::vector<std::string> const& candidates) {
    auto const found = nearest(word, candidates);
    return found ? fmt::format("; did you mean '{}'?", *found) : std::string();
}

std::string join(std::vector<std::string> const& words, std::string_view separator) {
    std::string out;
    for (auto const& word : words) { out += (out.empty() ? std::string() : std::string(separator)) + word; }
    return out;
}

}  // namespace aureole::deck
