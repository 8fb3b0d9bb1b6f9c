#include "unit_tests/io/deck/deck_support.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "core/error.hpp"
#include "io/deck/parse.hpp"

namespace aureole::test {

std::string good_deck() {
    return R"(name: small
model: {name: resnet_cifar, depth: 20, classes: 10}
image: {size: [32, 32], channels: 3}
data:
  train: {kind: synthetic, samples: 64}
  eval: {kind: synthetic, samples: 16}
train:
  batch: 8
  steps: 100
  optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
)";
}

std::string with(std::string const& piece, std::string const& replacement) {
    std::string text = good_deck();
    auto const at = text.find(piece);
    if (at == std::string::npos) {
        ADD_FAILURE() << "the good deck does not contain '" << piece << "'";
        return text;
    }
    return text.replace(at, piece.size(), replacement);
}

Deck parse(std::string const& text, std::vector<std::string> const& overrides) {
    return parse_deck(text, "deck.yaml", overrides);
}

std::vector<std::string> faults(std::string const& text, std::vector<std::string> const& overrides) {
    std::vector<std::string> lines;
    try {
        (void)parse(text, overrides);
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), ExitCode::bad_deck);
        std::istringstream stream(error.what());
        for (std::string line; std::getline(stream, line);) { lines.push_back(line); }
    }
    return lines;
}

std::string fault(std::string const& text, std::vector<std::string> const& overrides) {
    std::string all;
    for (auto const& line : faults(text, overrides)) { all += (all.empty() ? "" : "\n") + line; }
    return all;
}

std::string fault_with(std::string const& piece, std::string const& replacement) {
    return fault(with(piece, replacement));
}

}  // namespace aureole::test
