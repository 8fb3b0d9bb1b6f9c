#include <fmt/format.h>

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

PlannedKernel plan_kernel(KernelRequest const& request, KernelChoice choice) {
    std::string refusals;
    for (Implementation const& row : implementations_of(request.op->kind(), choice)) {
        std::string refusal;
        if (auto kernel = row.make(request, refusal)) { return {row.library, std::move(kernel)}; }
        refusals += fmt::format("; {}: {}", row.library, refusal);
    }
    fail(ExitCode::internal, "no kernel for operator {} on {}{}", request.op->kind(),
         request.outputs.empty() ? "?" : name_of(request.outputs[0].dtype), refusals);
}

}  // namespace aureole
