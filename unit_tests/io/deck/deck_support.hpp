#pragma once
#include <string>
#include <vector>

#include "io/deck/deck.hpp"

namespace aureole::test {

/// A small deck without faults; line numbers in tests refer to its text with replacements.
[[nodiscard]] std::string good_deck();
/// The good deck with one piece of its text replaced; the piece must be there.
[[nodiscard]] std::string with(std::string const& piece, std::string const& replacement);
[[nodiscard]] Deck parse(std::string const& text, std::vector<std::string> const& overrides = {});
/// The lines of the error that parsing the text throws; empty if it throws none. The exit code must be that of a bad
/// deck.
[[nodiscard]] std::vector<std::string> faults(std::string const& text, std::vector<std::string> const& overrides = {});
/// The only fault of the text; "" if there is none, all of them if there are several.
[[nodiscard]] std::string fault(std::string const& text, std::vector<std::string> const& overrides = {});
/// The only fault after a replacement in the good deck.
[[nodiscard]] std::string fault_with(std::string const& piece, std::string const& replacement);

}  // namespace aureole::test
