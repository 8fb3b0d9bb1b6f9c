#include "io/file/background.hpp"

#include <exception>
#include <utility>

namespace aureole {

Background::~Background() {
    if (thread_.joinable()) { thread_.join(); }
}

void Background::begin(std::function<void()> work) {
    static_cast<void>(wait());
    running_ = true;
    thread_ = std::thread([this, work = std::move(work)] {
        try {
            work();
        } catch (std::exception const& error) { failure_ = error.what(); }
        running_ = false;
    });
}

std::optional<std::string> Background::wait() {
    if (thread_.joinable()) { thread_.join(); }
    return std::exchange(failure_, std::nullopt);
}

}  // namespace aureole
