#include "io/log/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "io/log/console.hpp"

namespace aureole {

Progress::Progress(std::string label, std::int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      begin_(Clock::now()),
      printed_(begin_),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    if (done_ == 0) { return; }
    print();
    if (terminal_) { print_error("\n"); }
}

void Progress::update(std::int64_t done) {
    done_ = done;
    auto const now = Clock::now();
    auto const pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10000);
    if (now - printed_ < pause) { return; }
    printed_ = now;
    print();
}

void Progress::print() {
    double const seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    double const share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 0;
    std::string const left =
        share > 0 && share < 1 ? duration_text(seconds / share - seconds) + " to go" : duration_text(seconds);
    print_error(fmt::format("{}{}: {}/{} {} ({:.0f}%), {}{}", terminal_ ? "\r\033[K" : "", label_, done_, total_, unit_,
                            100 * share, left, terminal_ ? "" : "\n"));
}

std::string duration_text(double seconds) {
    if (seconds < 100) { return fmt::format("{:.1f} s", seconds); }
    auto const whole = static_cast<std::int64_t>(seconds + 0.5);
    if (whole < 3600) { return fmt::format("{} min {:02} s", whole / 60, whole % 60); }
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(double bytes) {
    constexpr std::array<char const*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

}  // namespace aureole
