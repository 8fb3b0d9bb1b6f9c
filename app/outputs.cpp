#include "app/outputs.hpp"

#include "io/file/file_list.hpp"
#include "io/file/new_file.hpp"

namespace aureole {

namespace {

/// Files that are read for a deck, as far as their names are in it.
std::vector<std::string> inputs_of(Deck const& deck) {
    std::vector<std::string> inputs{deck.file, deck.train.init.file, deck.train.resume, deck.parallel.schedule_file};
    auto const add = [&](SourceSpec const& source) {
        for (auto const* const files : {&source.files, &source.y_files}) {
            for (std::string const& pattern : *files) {
                std::vector<std::string> const found = match_pattern(pattern);
                inputs.insert(inputs.end(), found.begin(), found.end());
            }
        }
    };
    if (deck.data.train.kind == SourceSpec::Kind::hdf5) { add(deck.data.train); }
    if (deck.data.eval && deck.data.eval->kind == SourceSpec::Kind::hdf5) { add(*deck.data.eval); }
    return inputs;
}

}  // namespace

void require_outputs(Deck const& deck, std::vector<std::string> const& paths) {
    for (std::string const& path : paths) {
        if (path.empty()) { continue; }
        require_output(path);
        require_apart(path, inputs_of(deck));
    }
}

}  // namespace aureole
