#pragma once
#include <random>

#include "parallel/schedule/generate.hpp"
#include "parallel/schedule/schedule.hpp"

namespace aureole::test {

/// Numbers for random schedules: a seed gives the same on every machine.
class Dice {
  public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    /// Uniform in [first, last], both included.
    [[nodiscard]] int between(int first, int last) {
        return first + static_cast<int>(engine_() % static_cast<unsigned>(last - first + 1));
    }

  private:
    std::mt19937 engine_;
};

/// Any kind that there is, up to 6 ranks, 4 stages on each and 12 micro-batches.
[[nodiscard]] ScheduleRequest random_request(Dice& dice);
/// A chain and up to three skips.
[[nodiscard]] std::vector<Link> random_links(Dice& dice, int stages);
/// An order of computation such as a person might write: stage k on row k modulo `rows`, work in any order that its
/// needs allow, backward passes whole or parted into input and weight gradients. Forward passes of a stage ascend.
[[nodiscard]] Schedule random_table(Dice& dice, int rows, int chunks, int micro_batches);
/// For messages of failing tests.
[[nodiscard]] std::string describe(ScheduleRequest const& request, std::vector<Link> const& links);

}  // namespace aureole::test
