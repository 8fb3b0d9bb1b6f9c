#include "core/kernels/onednn/choice.hpp"

#include "core/kernels/onednn/geometry.hpp"

namespace aureole::onednn {

bool supports(DType dtype, std::string& refusal) {
    if (dtype != DType::f32 && dtype != DType::bf16) {
        refusal = fmt::format("no {}", name_of(dtype));
    } else if (dtype == DType::bf16 && !has_bf16()) {
        refusal = "this processor does not multiply bf16";
    }
    return refusal.empty();
}

}  // namespace aureole::onednn
