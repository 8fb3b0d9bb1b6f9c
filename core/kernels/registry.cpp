#include <fmt/format.h>

#include <algorithm>

#include "core/config.hpp"
#include "core/error.hpp"
#include "core/kernels/kernel.hpp"
#include "core/kernels/native/table.hpp"
#if AUREOLE_ONEDNN
#include "core/kernels/onednn/table.hpp"
#endif

namespace aureole {

std::vector<Implementation> implementations_of(std::string_view kind, [[maybe_unused]] KernelChoice choice) {
    std::vector<Implementation> found;
    auto const take = [&](std::vector<Implementation> const& table) {
        for (Implementation const& row : table) {
            if (row.kind == kind) { found.push_back(row); }
        }
    };
#if AUREOLE_ONEDNN
    if (choice == KernelChoice::automatic) { take(onednn::implementations()); }
#endif
    take(native::implementations());
    return found;
}

bool KernelRequest::has_strided() const {
    auto const is_strided = [](TensorSpec const& spec) { return spec.within.has_value(); };
    return std::any_of(inputs.begin(), inputs.end(), is_strided) ||
           std::any_of(outputs.begin(), outputs.end(), is_strided);
}

std::optional<PlannedKernel> find_kernel(KernelRequest const& request, KernelChoice choice, std::string& refusals) {
    for (Implementation const& row : implementations_of(request.op->kind(), choice)) {
        std::string refusal;
        if (request.has_strided() && !row.strided) {
            refusal = "takes dense tensors only";
        } else if (auto kernel = row.make(request, refusal)) {
            return PlannedKernel{row.library, std::move(kernel)};
        }
        refusals += fmt::format("; {}: {}", row.library, refusal);
    }
    return {};
}

PlannedKernel plan_kernel(KernelRequest const& request, KernelChoice choice) {
    std::string refusals;
    if (auto planned = find_kernel(request, choice, refusals)) { return std::move(*planned); }
    fail(ExitCode::internal, "no kernel for operator {} on {}{}", request.op->kind(),
         request.outputs.empty() ? "?" : name_of(request.outputs[0].dtype), refusals);
}

}  // namespace aureole
