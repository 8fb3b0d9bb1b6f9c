// The functions of CUDA's driver library that Kokkos calls, found at run time. A program that is linked to libcuda.so.1
// does not even start where there is no driver: on a laptop or a login node, where `check` and `plan` are run.
#include <cuda.h>
#include <dlfcn.h>

namespace {

void* driver_function(char const* name) {
    static void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
    return library == nullptr ? nullptr : dlsym(library, name);
}

template <class... Parameters, class... Arguments>
CUresult call(CUresult (*)(Parameters...), char const* name, Arguments... arguments) {
    auto* const function = reinterpret_cast<CUresult (*)(Parameters...)>(driver_function(name));
    return function == nullptr ? CUDA_ERROR_NOT_INITIALIZED : function(arguments...);
}

}  // namespace

// cuda.h renames functions that have a second version: the text after `#` is the name that the library exports.
#define AUREOLE_TEXT_OF(name) #name
#define AUREOLE_EXPORTED_NAME(name) AUREOLE_TEXT_OF(name)

extern "C" {

CUresult CUDAAPI cuCtxGetDevice(CUdevice* device) {
    return call(cuCtxGetDevice, AUREOLE_EXPORTED_NAME(cuCtxGetDevice), device);
}
CUresult CUDAAPI cuCtxPushCurrent(CUcontext context) {
    return call(cuCtxPushCurrent, AUREOLE_EXPORTED_NAME(cuCtxPushCurrent), context);
}
CUresult CUDAAPI cuCtxPopCurrent(CUcontext* context) {
    return call(cuCtxPopCurrent, AUREOLE_EXPORTED_NAME(cuCtxPopCurrent), context);
}
CUresult CUDAAPI cuStreamGetCtx(CUstream stream, CUcontext* context) {
    return call(cuStreamGetCtx, AUREOLE_EXPORTED_NAME(cuStreamGetCtx), stream, context);
}

}  // extern "C"
