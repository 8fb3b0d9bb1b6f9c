#include "app/data_report.hpp"
#include "app/fit.hpp"
#include "app/verbs.hpp"
#include "io/deck/parse.hpp"
#include "io/log/console.hpp"

namespace aureole {

ExitCode check_verb(Command const& command) {
    Deck const deck = read_deck(command.deck, command.overrides);
    if (command.resolved) { say("{}\n", dump_deck(deck)); }
    RunPlan plan = plan_run(deck, false);
    if (command.read_data) { report_data(plan); }
    if (!command.no_data) { open_data(plan, DataUse::check); }
    say("{}{}", memory_table(plan), warning_of_memory(plan));
    require_fits(plan);
    if (command.no_data) {
        say("{}: good, but for its data, which were not opened\n", command.deck);
    } else {
        say("{}: good, {} steps\n", command.deck, steps_of(plan));
    }
    return ExitCode::success;
}

}  // namespace aureole
