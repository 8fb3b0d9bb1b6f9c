#include "app/fit.hpp"
#include "app/outputs.hpp"
#include "app/ranks.hpp"
#include "app/run_folder.hpp"
#include "app/trainer.hpp"
#include "app/verbs.hpp"
#include "io/deck/parse.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "io/log/progress.hpp"

namespace aureole {

ExitCode run_verb(Command const& command, Comm const* comm) {
    Deck deck = read_deck(command.deck, command.overrides);
    require_ranks(deck, comm == nullptr ? 1 : comm->size());
    set_up_messages(deck.parallel);
    if (command.dump) { deck.output.dump.file = *command.dump; }
    bool const dump = !deck.output.dump.file.empty();
    int const rank = comm == nullptr ? 0 : comm->rank();
    if (rank == 0) { require_outputs(deck, {deck.output.dump.file, command.trace.value_or("")}); }
    require_same_deck(deck, comm);
    std::optional<RunFolder> folder;
    std::vector<std::string> checkpoints;
    if (!command.profile) {
        folder.emplace(deck, comm);
        checkpoints = folder->checkpoints();
        take_over_checkpoint(deck, checkpoints, comm);
    }
    DataUse const use = checkpoints.empty() ? DataUse::start : DataUse::resume;
    RunPlan plan = plan_run(std::move(deck), dump, rank);
    plan.comm = comm;
    plan.checkpoints = std::move(checkpoints);
    open_data(plan, use);
    std::size_t const largest = largest_total(plan);
    if (rank == 0) {
        say("{}", memory_table(plan));
        if (comm != nullptr) {
            say("  largest total of all ranks        {:>12}\n", bytes_text(static_cast<double>(largest)));
        }
    }
    require_fits(plan);
    Trainer trainer(plan, command.profile ? Trainer::Purpose::profile : Trainer::Purpose::run,
                    command.trace.value_or(""));
    if (command.profile) {
        std::string const table = trainer.profile();
        if (rank == 0) { say("{}", table); }
        return ExitCode::success;
    }
    return trainer.run();
}

}  // namespace aureole
