#include <cstdint>
#include <string>

#include "core/error.hpp"
#include "parallel/schedule/links.hpp"
#include "parallel/schedule/lower.hpp"
#include "parallel/schedule/simulate.hpp"
#include "parallel/schedule/text.hpp"
#include "parallel/schedule/validate.hpp"

/// Arbitrary bytes either are a table that can be lowered, checked, simulated and written, or an Error(bad_deck).
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace aureole;
    try {
        Schedule const order = read_schedule(std::string(data, data + size), "table");
        static_cast<void>(write_schedule(order));
        std::vector<Link> const links = chain(order.stages);
        Schedule const schedule = lower(order, links);
        require_valid(schedule, links);
        static_cast<void>(simulate(schedule, links, uniform_costs(schedule.stages, {1, 1, 1})));
    } catch (Error const& error) {
        if (error.code() != ExitCode::bad_deck) { throw; }
    }
    return 0;
}
