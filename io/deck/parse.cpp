#include "io/deck/parse.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "core/error.hpp"
#include "io/deck/bind.hpp"
#include "io/deck/overrides.hpp"
#include "io/deck/sections.hpp"
#include "io/deck/validate.hpp"
#include "io/deck/yaml_tree.hpp"
#include "io/file/link.hpp"

namespace aureole {
namespace {

using deck::Problem;
using deck::Reader;
using deck::Tree;

/// One line per fault, in the order of the deck, those of the command line last.
[[noreturn]] void report(std::vector<Problem> problems) {
    constexpr std::size_t most = 100;
    std::stable_sort(problems.begin(), problems.end(), [](Problem const& a, Problem const& b) {
        auto const key = [](Place const& place) { return std::tuple(place.line == 0, place.line, place.column); };
        return key(a.place) < key(b.place);
    });
    std::string message;
    for (std::size_t i = 0; i < std::min(most, problems.size()); ++i) {
        message += fmt::format("{}{}: {}", i == 0 ? "" : "\n", to_string(problems[i].place), problems[i].text);
    }
    if (problems.size() > most) { message += fmt::format("\n... and {} more faults", problems.size() - most); }
    throw Error(ExitCode::bad_deck, message);
}

/// A name for a run whose deck has none.
std::string stem_of(std::string const& file_name) {
    std::string stem = std::filesystem::path(file_name).stem().string();
    for (char& c : stem) {
        bool const is_plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!is_plain) { c = '_'; }
    }
    return stem.empty() ? "run" : stem;
}

/// Defaults that depend on other values.
void resolve(Deck& deck) {
    if (!deck.places.contains("name")) { deck.name = stem_of(deck.file); }
    if (deck.model.dimensions == 0) { deck.model.dimensions = static_cast<Index>(deck.image.size.size()); }
    if (deck.output.folder.empty()) { deck.output.folder = "runs/" + deck.name; }
    if (deck.train.checkpoint.folder.empty()) { deck.train.checkpoint.folder = deck.output.folder + "/checkpoints"; }
}

}  // namespace

Deck parse_deck(std::string const& text, std::string const& file_name, std::vector<std::string> const& overrides) {
    Deck deck;
    deck.file = file_name;
    Reader reader(std::filesystem::path(file_name).parent_path().string());
    auto& problems = reader.problems();
    Tree root = deck::parse_yaml(text, file_name, problems);
    bool const is_broken = root.kind == Tree::Kind::null && !problems.empty();
    if (is_broken) { report(problems); }
    if (root.kind == Tree::Kind::null) { root.place = {file_name, 1, 1}; }
    for (auto const& text_of_override : overrides) { deck::apply_override(text_of_override, root, problems); }
    reader.read_section(deck::deck_schema(), root, &deck);
    deck.places = reader.places();
    resolve(deck);
    auto const broken_rules = deck::validate(deck, reader.unreadable());
    problems.insert(problems.end(), broken_rules.begin(), broken_rules.end());
    if (!problems.empty()) { report(problems); }
    return deck;
}

Deck read_deck(std::string const& path, std::vector<std::string> const& overrides) {
    std::error_code ignored;
    require(!std::filesystem::is_directory(path, ignored), ExitCode::bad_deck,
            "{} is a folder (a deck is a YAML file): give a file name", path);
    std::ifstream stream(path, std::ios::binary);
    if (!stream.is_open()) { require_link_target(path, ExitCode::bad_deck); }
    require(stream.is_open(), ExitCode::bad_deck, "{} cannot be read ({}): give the file name of a deck", path,
            std::strerror(errno));
    std::string text(deck::YamlLimits{}.bytes + 1, '\0');  // one more than parse_yaml accepts
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return parse_deck(text, path, overrides);
}

std::string dump_deck(Deck const& deck) { return to_yaml(write_section(deck::deck_schema(), &deck)); }

}  // namespace aureole
