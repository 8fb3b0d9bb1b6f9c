#include "parallel/schedule/trace.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace aureole {

namespace {

std::string escaped(std::string_view text) {
    std::string safe;
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            safe += '\\';
            safe += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            safe += fmt::format("\\u{:04x}", static_cast<int>(c));
        } else {
            safe += c;
        }
    }
    return safe;
}

constexpr double microseconds = 1e6;

std::string_view name_of(OperatorEvent::Kind kind) {
    switch (kind) {
        case OperatorEvent::Kind::exchange: return "exchange";
        case OperatorEvent::Kind::reduction: return "reduction";
        default: return "compute";
    }
}

std::string label_of(Event const& event) {
    int const number = has_micro_batch(event.op) ? event.micro_batch : event.stage;
    return fmt::format("{} {}", code_of(event.op), number);
}

class Trace {
  public:
    std::string write(std::span<Event const> events, std::span<OperatorEvent const> operators, std::string_view title) {
        json_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
        name("process_name", 0, title);
        int rows = 0;
        for (Event const& event : events) { rows = std::max(rows, event.row + 1); }
        for (OperatorEvent const& event : operators) { rows = std::max(rows, event.row + 1); }
        for (int row = 0; row < rows; ++row) { name("thread_name", row, fmt::format("rank {}", row)); }
        for (std::size_t i = 0; i < events.size(); ++i) { add(events[i], i); }
        for (OperatorEvent const& event : operators) { add(event); }
        json_ += "\n]}\n";
        return std::move(json_);
    }

  private:
    std::string json_;
    bool is_first_ = true;

    void begin() {
        json_ += is_first_ ? "\n" : ",\n";
        is_first_ = false;
    }

    void name(std::string_view what, int thread, std::string_view text) {
        begin();
        fmt::format_to(std::back_inserter(json_), R"({{"name":"{}","ph":"M","pid":0,"tid":{},"args":{{"name":"{}"}}}})",
                       what, thread, escaped(text));
    }

    void add(OperatorEvent const& event) {
        begin();
        fmt::format_to(std::back_inserter(json_),
                       R"({{"name":"{}","cat":"{}","ph":"X","ts":{:.3f},"dur":{:.3f},"pid":0,"tid":{}}})",
                       escaped(event.name), name_of(event.kind), event.start * microseconds,
                       (event.end - event.start) * microseconds, event.row);
    }

    void add(Event const& event, std::size_t number) {
        double const start = event.start * microseconds, length = (event.end - event.start) * microseconds;
        if (event.op == Op::reduce) {
            write_one(event, start, "b", fmt::format(R"("id":{},)", number));
            write_one(event, start + length, "e", fmt::format(R"("id":{},)", number));
        } else {
            write_one(event, start, "X", fmt::format(R"("dur":{:.3f},)", length));
        }
    }

    void write_one(Event const& event, double time, std::string_view phase, std::string const& more) {
        begin();
        fmt::format_to(std::back_inserter(json_),
                       R"({{"name":"{}","cat":"{}","ph":"{}","ts":{:.3f},{}"pid":0,"tid":{},)"
                       R"("args":{{"pipe":{},"stage":{},"micro_batch":{}}}}})",
                       label_of(event), name_of(event.op), phase, time, more, event.row, event.pipe, event.stage,
                       event.micro_batch);
    }
};

}  // namespace

std::string write_trace(std::span<Event const> events, std::span<OperatorEvent const> operators,
                        std::string_view title) {
    return Trace().write(events, operators, title);
}

}  // namespace aureole
