#pragma once
#include <string>
#include <vector>

namespace aureole {

/// A value that two decks of the same run do not share.
struct DeckChange {
    std::string key;          ///< "train.optimizer.lr"
    std::string before, now;  ///< as YAML in one line; "(none)" where the key is absent
};

/// What decides over the result of a run and differs between two resolved decks (texts of dump_deck): everything under
/// model, image, data and train, but for what a resumed run may change (data.eval, data.prefetch, data.cache_limit; of
/// train: steps, epochs, metrics, log, evaluation, checkpoint, best, wall time and resume). In the order of `now`.
[[nodiscard]] std::vector<DeckChange> changes_of_run(std::string const& before, std::string const& now);

}  // namespace aureole
