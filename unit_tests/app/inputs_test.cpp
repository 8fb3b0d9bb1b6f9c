// Every deck in inputs/ runs two steps on one rank, on synthetic samples of its shape, smaller images and at most
// 64 filters.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "io/deck/parse.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

std::filesystem::path inputs_folder() {
    char const* const root = std::getenv("AUREOLE_SOURCE_DIR");
    return std::filesystem::path(root != nullptr ? root : ".") / "inputs";
}

std::vector<std::filesystem::path> decks() {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(inputs_folder(), error)) {
        if (entry.path().extension() == ".yaml") { found.push_back(entry.path()); }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> overrides_for(std::filesystem::path const& path) {
    std::vector<std::string> overrides{"data.train={kind: synthetic, samples: 4}"};
    Deck const deck = read_deck(path.string(), overrides);
    overrides.insert(overrides.end(), {"train.schedule=constant", "train.steps=2", "train.epochs=null", "train.batch=2",
                                       "train.log_every=1", "train.micro_batches=1", "parallel={}"});
    if (deck.model.kind == ModelSpec::Kind::amoebanet && deck.model.filters > 64) {
        overrides.emplace_back("model.filters=64");
    }
    if (deck.data.eval) {
        overrides.emplace_back("data.eval={kind: synthetic, samples: 4}");
        overrides.emplace_back("train.eval_batches=1");
    }
    std::string size = "image.size=[";
    for (Index const extent : deck.image.size) {
        size += (size.back() == '[' ? "" : ",") + std::to_string(std::min<Index>(extent, 64));
    }
    overrides.push_back(size + "]");
    return overrides;
}

TEST(Inputs, ThereAreDecks) { EXPECT_GE(decks().size(), 6U) << inputs_folder(); }

TEST(Inputs, EveryDeckRunsTwoSteps) {
    for (std::filesystem::path const& path : decks()) {
        SCOPED_TRACE(path.string());
        Workplace const place;
        std::vector<std::string> arguments{"run", path.string(), "output.folder=run"};
        std::vector<std::string> const overrides = overrides_for(path);
        arguments.insert(arguments.end(), overrides.begin(), overrides.end());
        Finished const finished = place.aureole(arguments);
        expect_code(finished, ExitCode::success);
        EXPECT_TRUE(finished.says("step 2/2")) << finished.output;
    }
}

}  // namespace
}  // namespace aureole::test
