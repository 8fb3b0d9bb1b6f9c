#pragma once
#include <string_view>
#include <vector>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

enum class ScheduleKind : std::uint8_t {
    layer,                ///< one micro-batch after another, all the way forward and back: layer parallelism
    gpipe,                ///< all forwards, then all backwards (Huang et al. 2019)
    one_f_one_b,          ///< backwards as early as they can be (PipeDream-Flush: Narayanan et al. 2021)
    overlap_one_f_one_b,  ///< the same with twice the warm-up, which hides the time of messages
    interleaved,          ///< several stages on each rank, in groups of as many micro-batches as ranks (Narayanan 2021)
    breadth_first,        ///< several stages on each rank, all micro-batches on each (Lamy-Poirier 2023)
    zb_h1,                ///< input gradients first, weight gradients where a rank would wait (Qi et al. 2024)
};

/// "layer", "gpipe", "1f1b", "1f1b-overlap", "interleaved", "breadth-first", "zb-h1", in the order of the enum.
[[nodiscard]] std::vector<std::string_view> const& schedule_names();
[[nodiscard]] std::string_view name_of(ScheduleKind kind);
[[nodiscard]] ScheduleKind schedule_kind(std::string_view name);
/// Whether ranks can hold more than one stage.
[[nodiscard]] constexpr bool has_chunks(ScheduleKind kind) {
    return kind == ScheduleKind::interleaved || kind == ScheduleKind::breadth_first;
}

struct ScheduleRequest {
    ScheduleKind kind = ScheduleKind::one_f_one_b;
    int ranks = 1;
    int chunks = 1;  ///< stages per rank: interleaved and breadth-first
    int micro_batches = 1;
};

/// The order of computation on every rank; stage k lies on rank k modulo ranks. Every stage's reduce and update follow
/// the work of their row. Messages and slots come with `lower`.
[[nodiscard]] Schedule generate(ScheduleRequest const& request);

/// A schedule with no instructions yet.
[[nodiscard]] Schedule empty_schedule(std::string_view name, int ranks, int stages, int micro_batches);
/// Ends every row with reduce and update of its stages, last stage first: that is how backwards end.
void append_updates(Schedule& schedule);

}  // namespace aureole
