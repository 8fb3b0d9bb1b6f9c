#include "core/kernels/backend_info.hpp"

#include <fmt/format.h>

#include "core/config.hpp"
#include "core/kernels/launch.hpp"
#if AUREOLE_CUDA
#include "core/kernels/cuda/device.hpp"
#endif
#if AUREOLE_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace aureole {

namespace {

#if AUREOLE_ONEDNN
std::string onednn_text() {
    dnnl_version_t const* const version = dnnl_version();
    char const* isa = "generic instructions";
    switch (dnnl_get_effective_cpu_isa()) {
        case dnnl_cpu_isa_sse41: isa = "SSE4.1"; break;
        case dnnl_cpu_isa_avx: isa = "AVX"; break;
        case dnnl_cpu_isa_avx2: isa = "AVX2"; break;
        case dnnl_cpu_isa_avx512_core: isa = "AVX-512"; break;
        case dnnl_cpu_isa_avx512_core_vnni: isa = "AVX-512 with VNNI"; break;
        case dnnl_cpu_isa_avx512_core_bf16: isa = "AVX-512 with bf16"; break;
        default: break;
    }
    return fmt::format("{}.{}.{} ({})", version->major, version->minor, version->patch, isa);
}
#else
std::string onednn_text() { return "not built in"; }
#endif

}  // namespace

std::vector<std::pair<std::string, std::string>> backend_info() {
    std::string const threads = AUREOLE_THREAD_SERIAL_KOKKOS ? ", rows shared by OpenMP" : "";
    std::vector<std::pair<std::string, std::string>> info{
        {"Kokkos", fmt::format("{}.{}.{} ({}{})", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100,
                               KOKKOS_VERSION % 100, Execution::name(), threads)},
        {"oneDNN", onednn_text()},
        {"threads", std::to_string(host_threads())}};
#if AUREOLE_CUDA
    std::vector<std::string> const devices = cuda::describe_devices();
    for (std::string const& device : devices) { info.emplace_back("device", device); }
    if (devices.empty()) { info.emplace_back("device", "none"); }
#endif
    return info;
}

void require_backend() {
#if AUREOLE_CUDA
    cuda::require_device();
#endif
}

}  // namespace aureole
