#pragma once
#include <string>
#include <string_view>

#include "parallel/schedule/schedule.hpp"

namespace aureole {

/// F, B, I or W.
[[nodiscard]] constexpr bool is_compute(Op op) { return op <= Op::weight_gradient; }
[[nodiscard]] constexpr bool is_send(Op op) { return op == Op::send_activation || op == Op::send_gradient; }
[[nodiscard]] constexpr bool is_receive(Op op) { return op == Op::receive_activation || op == Op::receive_gradient; }
[[nodiscard]] constexpr bool is_message(Op op) { return is_send(op) || is_receive(op); }
/// Belongs to one micro-batch: work or message.
[[nodiscard]] constexpr bool has_micro_batch(Op op) { return is_compute(op) || is_message(op); }
/// Makes the gradient that stages before wait for.
[[nodiscard]] constexpr bool makes_input_gradient(Op op) { return op == Op::backward || op == Op::input_gradient; }
/// Adds to the gradient of the weights; nothing of its micro-batch is needed afterwards.
[[nodiscard]] constexpr bool makes_weight_gradient(Op op) { return op == Op::backward || op == Op::weight_gradient; }

/// "forward", "send activation", ...
[[nodiscard]] std::string_view name_of(Op op);
/// "F", "SEND_F", ...
[[nodiscard]] std::string_view code_of(Op op);
/// Stage, code and micro-batch as PyTorch writes them: "0F1"; messages name their other end: "0SEND_F1 to 1".
[[nodiscard]] std::string notation(Instruction const& instruction);

}  // namespace aureole
