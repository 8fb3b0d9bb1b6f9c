#pragma once
#include "parallel/schedule/links.hpp"

namespace aureole {

/// Rows that may be able to go on, each at most once: what an event simulation works off.
class RowQueue {
  public:
    explicit RowQueue(int rows) : is_queued_(as_size(rows), false) {
        for (int row = 0; row < rows; ++row) { wake(row); }
    }
    void wake(int row) {
        if (is_queued_[as_size(row)]) { return; }
        is_queued_[as_size(row)] = true;
        rows_.push_back(row);
    }
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    [[nodiscard]] int take() {
        int const row = rows_.back();
        rows_.pop_back();
        is_queued_[as_size(row)] = false;
        return row;
    }

  private:
    std::vector<int> rows_;
    std::vector<bool> is_queued_;
};

}  // namespace aureole
