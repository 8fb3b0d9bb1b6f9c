#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "io/deck/parse.hpp"

namespace {

/// A deck that was accepted must be written and read back to the same values.
void check_round_trip(aureole::Deck const& deck) {
    std::string const once = aureole::dump_deck(deck);
    try {
        if (aureole::dump_deck(aureole::parse_deck(once, "deck.yaml")) == once) { return; }
        std::fprintf(stderr, "the dump reads back to other values:\n%s\n", once.c_str());
    } catch (aureole::Error const& error) {
        std::fprintf(stderr, "the dump is refused: %s\n%s\n", error.what(), once.c_str());
    }
    std::abort();
}

}  // namespace

/// Arbitrary bytes either parse or throw Error. Lines after one that starts with '!' are overrides of what stands
/// above.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string text(data, data + size);
    std::vector<std::string> overrides;
    if (auto const mark = text.find("\n!"); mark != std::string::npos) {
        std::string const rest = text.substr(mark + 2);
        text.resize(mark + 1);
        for (std::size_t at = 0; at < rest.size();) {
            std::size_t const end = std::min(rest.find('\n', at), rest.size());
            overrides.push_back(rest.substr(at, end - at));
            at = end + 1;
        }
    }
    try {
        check_round_trip(aureole::parse_deck(text, "deck.yaml", overrides));
    } catch (aureole::Error const& error) {
        if (error.code() != aureole::ExitCode::bad_deck) { throw; }
    }
    return 0;
}
