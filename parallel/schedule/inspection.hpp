#pragma once
#include <fmt/core.h>

#include "parallel/schedule/links.hpp"
#include "parallel/schedule/operation.hpp"
#include "parallel/schedule/validate.hpp"

namespace aureole {

/// What the parts of the validator share. `check_shape` comes first: the others rely on numbers in range.
struct Inspection {
    Schedule const& schedule;
    LinkTable const& links;
    Limits const& limits;
    WorkIndex index;
    int steps;                 ///< most updates of a stage, at least one
    std::vector<int> pipe_of;  ///< by micro-batch; -1: none
    std::vector<std::string> found;

    template <class... Args>
    void report(fmt::format_string<Args...> format, Args&&... args) {
        found.push_back(fmt::format(format, std::forward<Args>(args)...));
    }
    /// Of one instruction: where it is, what it is, what is wrong with it.
    template <class... Args>
    void report_at(int row, std::size_t position, fmt::format_string<Args...> format, Args&&... args) {
        report("row {}, position {} ({}): {}", row, position, notation(schedule.rows[as_size(row)][position]),
               fmt::format(format, std::forward<Args>(args)...));
    }
    [[nodiscard]] int pipes() const { return static_cast<int>(schedule.placement.size()); }
    [[nodiscard]] int first_of(int step) const { return step * schedule.micro_batches; }
    /// Calls `visit(row, position, instruction)` for all instructions.
    template <class Visit>
    void for_each(Visit const& visit) const {
        for (int row = 0; row < schedule.ranks; ++row) {
            std::vector<Instruction> const& list = schedule.rows[as_size(row)];
            for (std::size_t i = 0; i < list.size(); ++i) { visit(row, i, list[i]); }
        }
    }
};

/// Whether the frame of a schedule makes sense; appends to `found`.
[[nodiscard]] bool check_shape(Schedule const& schedule, LinkTable const& links, std::vector<std::string>& found);
[[nodiscard]] Inspection inspect(Schedule const& schedule, LinkTable const& links, Limits const& limits);
void check_completeness(Inspection& inspection);
void check_flow(Inspection& inspection);
void check_messages(Inspection& inspection);
void check_progress(Inspection& inspection);
void check_weights(Inspection& inspection);
void check_slots(Inspection& inspection);
void check_memory(Inspection& inspection);

}  // namespace aureole
