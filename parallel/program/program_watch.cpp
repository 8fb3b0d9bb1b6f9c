#include "parallel/program/program_watch.hpp"

#include <fmt/core.h>

namespace aureole {

namespace {

void note(std::vector<std::vector<std::size_t>>& by_step, NodeId step, std::size_t block) {
    auto const at = static_cast<std::size_t>(step);
    if (by_step.size() <= at) { by_step.resize(at + 1); }
    by_step[at].push_back(block);
}

std::size_t offset_of(ProgramWatch::Block const& block, int frame) {
    return block.offset + static_cast<std::size_t>(frame) * block.frame_step;
}

}  // namespace

void ProgramWatch::add(Block block) {
    if (block.lifetime.bytes == 0) { return; }
    note(opened_, block.lifetime.first, blocks_.size());
    note(closed_, block.lifetime.last, blocks_.size());
    blocks_.push_back(std::move(block));
}

void ProgramWatch::before(std::size_t step, int frame) const {
    if (step >= opened_.size()) { return; }
    for (std::size_t const at : opened_[step]) {
        Block const& block = blocks_[at];
        guard_.open(offset_of(block, frame), block.lifetime.bytes, block.name, block.contents);
    }
}

void ProgramWatch::after(std::size_t step, int frame, std::string_view name, std::string_view kind,
                         std::string_view library) const {
    guard_.check([&] { return fmt::format("{} ({}, {})", name, kind, library); });
    if (step >= closed_.size()) { return; }
    for (std::size_t const at : closed_[step]) { guard_.close(offset_of(blocks_[at], frame)); }
}

}  // namespace aureole
