#!/usr/bin/env python3
"""What a GPU is and what it reaches, as JSON: by PyTorch, and by cuDNN's own description of the device.

    gpu_facts.py --output device.json [--description FILE]

Copy rate (bytes read and written per second), rate of an 8192 x 8192 x 8192 product in bf16, memory, versions. The
description is what cuDNN needs to choose engines on machines without a device (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR).
--description reads one from a file instead of from the device, which shows without a device that cuDNN takes and returns it.
"""
import argparse
import ctypes
import glob
import json
import os
import platform
import sys

# cudnn_graph.h
DEVICEPROP_DESCRIPTOR = 38
ATTR_DEVICE_ID, ATTR_JSON = 2700, 2702
TYPE_INT32, TYPE_CHAR = 23, 24


def find_cudnn():
    """The cuDNN that PyTorch brings, or one that the loader or the CUDA toolkit knows."""
    found = [os.path.join(folder, "nvidia", "cudnn", "lib", "libcudnn.so.9") for folder in sys.path]
    found += ["libcudnn.so.9"] + glob.glob("/usr/local/cuda/lib64/libcudnn.so.9")
    for path in found:
        if os.path.isabs(path) and not os.path.exists(path):
            continue
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    raise OSError("libcudnn.so.9 was not found")


def describe_by_cudnn(given=None):
    """cuDNN's description of device 0, or what it makes of the one given."""
    cudnn = find_cudnn()
    cudnn.cudnnGetErrorString.restype = ctypes.c_char_p

    def check(status, what):
        if status != 0:
            raise OSError("cuDNN: %s: %s" % (what, cudnn.cudnnGetErrorString(status).decode()))

    descriptor = ctypes.c_void_p()
    check(cudnn.cudnnBackendCreateDescriptor(DEVICEPROP_DESCRIPTOR, ctypes.byref(descriptor)), "create")
    try:
        if given is None:
            device = ctypes.c_int32(0)
            check(cudnn.cudnnBackendSetAttribute(descriptor, ATTR_DEVICE_ID, TYPE_INT32, ctypes.c_int64(1),
                                                 ctypes.byref(device)), "set the device")
        else:
            text = given.encode() + b"\0"
            check(cudnn.cudnnBackendSetAttribute(descriptor, ATTR_JSON, TYPE_CHAR, ctypes.c_int64(len(text)), text),
                  "set the description")
        check(cudnn.cudnnBackendFinalize(descriptor), "finalize")
        size = ctypes.c_int64(0)
        check(cudnn.cudnnBackendGetAttribute(descriptor, ATTR_JSON, TYPE_CHAR, ctypes.c_int64(0), ctypes.byref(size),
                                             None), "size of the description")
        buffer = ctypes.create_string_buffer(size.value + 1)
        check(cudnn.cudnnBackendGetAttribute(descriptor, ATTR_JSON, TYPE_CHAR, size, ctypes.byref(size), buffer),
              "read the description")
        return json.loads(buffer.value.decode())
    finally:
        cudnn.cudnnBackendDestroyDescriptor(descriptor)


def seconds_of(torch, work, repeats):
    """Median of single runs, timed on the device."""
    seconds = []
    for _ in range(repeats + 2):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        seconds.append(begin.elapsed_time(end) / 1e3)
    return sorted(seconds[2:])[repeats // 2]


def measure(facts):
    import torch
    facts["pytorch"] = torch.__version__
    if not torch.cuda.is_available():
        facts["device"] = None
        return
    properties = torch.cuda.get_device_properties(0)
    free, total = torch.cuda.mem_get_info(0)
    facts.update(device=properties.name, compute_capability="%d.%d" % (properties.major, properties.minor),
                 multiprocessors=properties.multi_processor_count, memory_bytes=total, free_bytes=free,
                 cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())
    source = torch.empty(1 << 30, dtype=torch.float32, device="cuda").uniform_()
    target = torch.empty_like(source)
    facts["copy_bytes_per_second"] = 2 * 4 * source.numel() / seconds_of(torch, lambda: target.copy_(source), 9)
    del source, target
    n = 8192
    a, b = (torch.randn(n, n, device="cuda").bfloat16() for _ in range(2))
    c = torch.empty_like(a)
    facts["bf16_product_flops"] = 2.0 * n ** 3 / seconds_of(torch, lambda: torch.matmul(a, b, out=c), 9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True)
    parser.add_argument("--description", help="a device's description by cuDNN, as a JSON file")
    arguments = parser.parse_args()
    facts = {"machine": platform.platform(), "python": platform.python_version(), "failures": []}

    def attempt(what, work):
        try:
            work()
        except Exception as error:  # one missing fact must not cost the others
            facts["failures"].append("%s: %s" % (what, error))
        with open(arguments.output, "w") as file:
            json.dump(facts, file, indent=1)

    def description():
        given = open(arguments.description).read() if arguments.description else None
        facts["description_by_cudnn"] = describe_by_cudnn(given)

    attempt("PyTorch", lambda: measure(facts))
    attempt("cuDNN's description", description)
    for failure in facts["failures"]:
        print(failure)
    for key in ("device", "memory_bytes", "free_bytes", "copy_bytes_per_second", "bf16_product_flops", "pytorch", "cudnn"):
        if key in facts:
            print("%s: %s" % (key, facts[key]))
    print("cuDNN's description: %s" % ("kept" if "description_by_cudnn" in facts else "none"))
    if facts["failures"] or not facts.get("device"):
        sys.exit(1)


if __name__ == "__main__":
    main()
