#include "parallel/schedule/operation.hpp"

#include <fmt/core.h>

#include <array>

namespace aureole {

namespace {

struct Naming {
    std::string_view name, code;
};

constexpr std::array<Naming, 11> namings{{{"forward", "F"},
                                          {"backward", "B"},
                                          {"input gradient", "I"},
                                          {"weight gradient", "W"},
                                          {"send activation", "SEND_F"},
                                          {"receive activation", "RECV_F"},
                                          {"send gradient", "SEND_B"},
                                          {"receive gradient", "RECV_B"},
                                          {"reduce", "REDUCE"},
                                          {"update", "UPDATE"},
                                          {"flip", "FLIP"}}};

}  // namespace

std::string_view name_of(Op op) { return namings.at(static_cast<std::size_t>(op)).name; }

std::string_view code_of(Op op) { return namings.at(static_cast<std::size_t>(op)).code; }

std::string notation(Instruction const& instruction) {
    Op const op = instruction.op;
    std::string text = fmt::format("{}{}", instruction.stage, code_of(op));
    if (has_micro_batch(op)) { text += std::to_string(instruction.micro_batch); }
    if (is_message(op)) { text += fmt::format(" {} {}", is_send(op) ? "to" : "from", instruction.peer); }
    if (instruction.pipe > 0) { text += fmt::format(" of pipe {}", instruction.pipe); }
    return text;
}

}  // namespace aureole
