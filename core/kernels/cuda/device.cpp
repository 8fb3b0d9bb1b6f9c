#include "core/kernels/cuda/device.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "core/error.hpp"

namespace aureole::cuda {

namespace {

constexpr double gibibyte = 1024.0 * 1024 * 1024;

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string memory_text(int device) {
    std::size_t free = 0, total = 0;
    if (cudaSetDevice(device) != cudaSuccess || cudaMemGetInfo(&free, &total) != cudaSuccess) { return "busy"; }
    return fmt::format("{:.1f} GiB, {:.1f} GiB free", static_cast<double>(total) / gibibyte,
                       static_cast<double>(free) / gibibyte);
}

}  // namespace

std::vector<std::string> describe_devices() {
    std::vector<std::string> lines;
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) { return lines; }
    for (int device = 0; device < count; ++device) {
        cudaDeviceProp properties{};
        if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) { continue; }
        lines.push_back(fmt::format("{}, compute capability {}.{}, {}", properties.name, properties.major,
                                    properties.minor, memory_text(device)));
    }
    return lines;
}

void require_device() {
    int driver = 0, runtime = 0, count = 0;
    static_cast<void>(cudaDriverGetVersion(&driver));
    static_cast<void>(cudaRuntimeGetVersion(&runtime));
    cudaError_t const status = cudaGetDeviceCount(&count);
    std::string const remedy = "run on a machine with an NVIDIA device, or use a build for the host";
    require(driver > 0, ExitCode::bad_deck,
            "this build of Aureole runs on CUDA devices, and this machine has no CUDA driver (libcuda.so.1): {}",
            remedy);
    require(
        driver / 1000 >= runtime / 1000, ExitCode::bad_deck,
        "the CUDA driver of this machine is for CUDA {} and older, this build needs {}: update the driver, or build "
        "with an older toolkit",
        version_text(driver), version_text(runtime));
    require(status == cudaSuccess && count > 0, ExitCode::bad_deck,
            "this build of Aureole runs on CUDA devices, and there is none that it may use ({}; CUDA_VISIBLE_DEVICES "
            "may hide them): {}",
            status == cudaSuccess ? "no device" : cudaGetErrorString(status), remedy);
}

}  // namespace aureole::cuda
