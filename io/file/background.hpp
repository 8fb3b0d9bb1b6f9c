#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace aureole {

/// One piece of work at a time on a thread of its own, such as writing to a disk.
class Background {
  public:
    Background() = default;
    Background(Background const&) = delete;
    Background& operator=(Background const&) = delete;
    /// Waits.
    ~Background();

    /// Begins; what was begun before has been waited for.
    void begin(std::function<void()> work);
    [[nodiscard]] bool is_running() const { return running_; }
    /// Waits for the work, if any: what the exception said that it ended with, if it did.
    [[nodiscard]] std::optional<std::string> wait();

  private:
    std::thread thread_;
    std::atomic<bool> running_ = false;
    std::optional<std::string> failure_;
};

}  // namespace aureole
