#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor/dtype.hpp"

namespace aureole::deck {

/// "12", "-3", "1e6": a whole number that fits 64 bits.
[[nodiscard]] std::optional<Index> parse_integer(std::string_view text);
/// "0.1", "1e-3", "1/255": a finite number.
[[nodiscard]] std::optional<double> parse_real(std::string_view text);
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);
/// "40 GiB", "1.5 GB", "4096": bytes.
[[nodiscard]] std::optional<Index> parse_bytes(std::string_view text);
/// "2 h", "30 min", "1 h 30 min", "90": seconds.
[[nodiscard]] std::optional<Index> parse_duration(std::string_view text);

/// The shortest text that reads back to the same number, with a sign of being real ("1.0").
[[nodiscard]] std::string write_real(double value);
/// "40 GiB" if that is exact, otherwise the plain number.
[[nodiscard]] std::string write_bytes(Index bytes);
/// "2 h" if that is exact, otherwise minutes or seconds.
[[nodiscard]] std::string write_duration(Index seconds);

/// The candidate nearest in spelling, if one is near enough to be meant.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& candidates);
/// "; did you mean 'x'?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::vector<std::string> const& candidates);
/// "a, b, c"
[[nodiscard]] std::string join(std::vector<std::string> const& words, std::string_view separator = ", ");

}  // namespace aureole::deck
