#include "parallel/schedule/validate.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "parallel/schedule/inspection.hpp"

namespace aureole {

namespace {

struct Found {
    std::vector<std::string> order, memory;
};

Found find(Schedule const& schedule, std::span<Link const> links, Limits const& limits) {
    LinkTable const table(schedule.stages > 0 ? schedule.stages : 0, links);
    Found found;
    if (!check_shape(schedule, table, found.order)) { return found; }
    Inspection inspection = inspect(schedule, table, limits);
    check_completeness(inspection);
    check_flow(inspection);
    check_messages(inspection);
    check_progress(inspection);
    check_weights(inspection);
    check_slots(inspection);
    found.order = std::move(inspection.found);
    inspection.found.clear();
    check_memory(inspection);
    found.memory = std::move(inspection.found);
    return found;
}

[[noreturn]] void fail_with(ExitCode code, Schedule const& schedule, std::vector<std::string> const& found) {
    constexpr std::size_t shown = 5;
    std::string list;
    for (std::size_t i = 0; i < std::min(shown, found.size()); ++i) { list += "\n  " + found[i]; }
    if (found.size() > shown) { list += fmt::format("\n  and {} more", found.size() - shown); }
    fail(code, "schedule '{}' cannot run ({} faults): change it{}", schedule.name, found.size(), list);
}

}  // namespace

std::vector<std::string> faults(Schedule const& schedule, std::span<Link const> links, Limits const& limits) {
    Found found = find(schedule, links, limits);
    found.order.insert(found.order.end(), found.memory.begin(), found.memory.end());
    return found.order;
}

void require_valid(Schedule const& schedule, std::span<Link const> links, Limits const& limits) {
    Found const found = find(schedule, links, limits);
    if (!found.order.empty()) { fail_with(ExitCode::bad_deck, schedule, found.order); }
    if (!found.memory.empty()) { fail_with(ExitCode::does_not_fit, schedule, found.memory); }
}

}  // namespace aureole
