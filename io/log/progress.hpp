#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace aureole {

/// "label: done/total unit (share), time to go" on the standard error: one line that renews itself on a terminal, a
/// line every ten seconds otherwise.
class Progress {
  public:
    Progress(std::string label, std::int64_t total, std::string unit);
    ~Progress();
    Progress(Progress const&) = delete;
    Progress& operator=(Progress const&) = delete;
    void update(std::int64_t done);

  private:
    using Clock = std::chrono::steady_clock;
    std::string label_, unit_;
    std::int64_t total_, done_ = 0;
    Clock::time_point begin_, printed_;
    bool terminal_;
    void print();
};

/// "1 h 02 min", "3 min 20 s", "12.3 s"
[[nodiscard]] std::string duration_text(double seconds);
/// "3.2 GiB", "640 KiB", "17 B"
[[nodiscard]] std::string bytes_text(double bytes);

}  // namespace aureole
