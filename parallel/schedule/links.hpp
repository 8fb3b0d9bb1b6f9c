#pragma once
#include <span>
#include <vector>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

[[nodiscard]] constexpr std::size_t as_size(int number) { return static_cast<std::size_t>(number); }

/// Every stage's output goes to the next stage.
[[nodiscard]] std::vector<Link> chain(int stages);

/// Links by the stages at their ends, nearest first. Refuses links that go backwards, occur twice or name no stage.
class LinkTable {
  public:
    LinkTable(int stages, std::span<Link const> links);

    [[nodiscard]] int count() const { return static_cast<int>(links_.size()); }
    [[nodiscard]] Link const& operator[](int link) const { return links_[as_size(link)]; }
    /// Links that end at a stage: what its forward waits for.
    [[nodiscard]] std::vector<int> const& into(int stage) const { return into_[as_size(stage)]; }
    /// Links that begin at a stage: what its backward waits for.
    [[nodiscard]] std::vector<int> const& out_of(int stage) const { return out_of_[as_size(stage)]; }
    /// The link between two stages, -1 if there is none.
    [[nodiscard]] int find(int from, int to) const;
    /// The link that a message runs along, -1 if there is none.
    [[nodiscard]] int link_of(Instruction const& message) const;

  private:
    std::vector<Link> links_;
    std::vector<std::vector<int>> into_, out_of_;
};

/// Dense numbers for the work of a schedule, so that tables of it are plain vectors.
class WorkIndex {
  public:
    WorkIndex(Schedule const& schedule, int links);

    [[nodiscard]] int batches() const { return static_cast<int>(batches_); }  ///< of all steps of the schedule
    [[nodiscard]] std::size_t stage_count() const { return pipes_ * stages_; }
    [[nodiscard]] std::size_t work_count() const { return stage_count() * batches_; }
    [[nodiscard]] std::size_t message_count() const { return 2 * pipes_ * links_ * batches_; }

    [[nodiscard]] std::size_t stage(int pipe, int stage) const { return as_size(pipe) * stages_ + as_size(stage); }
    [[nodiscard]] std::size_t stage(Instruction const& one) const { return stage(one.pipe, one.stage); }
    [[nodiscard]] std::size_t work(int pipe, int stage, int micro_batch) const {
        return this->stage(pipe, stage) * batches_ + as_size(micro_batch);
    }
    [[nodiscard]] std::size_t work(Instruction const& one) const { return work(one.pipe, one.stage, one.micro_batch); }
    /// The same number for a message's send and its receive.
    [[nodiscard]] std::size_t message(Instruction const& one, int link) const;

  private:
    std::size_t pipes_, stages_, links_, batches_;
};

}  // namespace aureole
