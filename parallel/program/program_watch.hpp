#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/memory_plan.hpp"
#include "core/tensor/memory_guard.hpp"

namespace aureole {

/// Opens and closes the blocks of a program's memory plan as its steps use them, and checks the red zones after every
/// step.
class ProgramWatch {
  public:
    struct Block {
        Lifetime lifetime;           ///< steps
        std::size_t offset = 0;      ///< in the arena, in frame 0
        std::size_t frame_step = 0;  ///< bytes from one frame to the next; 0: not in a frame
        std::string name;
        MemoryGuard::Contents contents = MemoryGuard::Contents::nan;
    };
    explicit ProgramWatch(MemoryGuard& guard) : guard_(guard) {}
    void add(Block block);

    void before(std::size_t step, int frame) const;
    /// `name`, `kind` and `library` say what the step was.
    void after(std::size_t step, int frame, std::string_view name, std::string_view kind,
               std::string_view library) const;

  private:
    MemoryGuard& guard_;
    std::vector<Block> blocks_;
    std::vector<std::vector<std::size_t>> opened_, closed_;  ///< blocks by step
};

}  // namespace aureole
