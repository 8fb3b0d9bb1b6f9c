#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/trainer.hpp"
#include "app/verbs.hpp"
#include "io/deck/parse.hpp"

namespace aureole {

namespace {

/// Several processes would each train on their own and write the same files.
void require_one_process() {
    for (char const* const name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"}) {
        char const* const size = std::getenv(name);
        require(size == nullptr || std::atoi(size) <= 1, ExitCode::bad_deck,
                "started as {} processes ({}), but this version trains on one rank: start it without a launcher, or "
                "with one "
                "process",
                size == nullptr ? "" : size, name);
    }
}

void write_resolved_deck(Deck const& deck) {
    std::error_code error;
    std::filesystem::create_directories(deck.output.folder, error);
    std::ofstream file(deck.output.folder + "/deck.yaml");
    file << dump_deck(deck);
    require(file.good(), ExitCode::data_error, "cannot write into '{}': set output.folder to a folder you can write to",
            deck.output.folder);
}

bool will_resume(Deck const& deck) {
    if (deck.train.resume == "never") { return false; }
    return deck.train.resume != "auto" || CheckpointFolder(deck.train.checkpoint.folder, 1).newest().has_value();
}

}  // namespace

ExitCode run_verb(Command const& command) {
    require_one_process();
    Deck deck = read_deck(command.deck, command.overrides);
    if (command.dump) { deck.output.dump.file = *command.dump; }
    bool const dump = !deck.output.dump.file.empty();
    write_resolved_deck(deck);
    DataUse const use = will_resume(deck) ? DataUse::resume : DataUse::start;
    RunPlan plan = plan_run(std::move(deck), dump);
    open_data(plan, use);
    fmt::print("{}", memory_table(plan));
    require_fits(plan);
    Trainer trainer(plan);
    if (command.profile) {
        fmt::print("{}", trainer.profile());
        return ExitCode::success;
    }
    return trainer.run();
}

}  // namespace aureole
