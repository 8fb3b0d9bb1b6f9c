#!/usr/bin/env python3
"""Training steps of PyTorch on a GPU: the figures that Aureole's are held against.

    pytorch_on_gpu.py --output pytorch.json [--seconds 240] [--networks resnet50 unet ...] [--device cuda|cpu]
        [--size NETWORK=SIDE ...] [--no-compile] [--no-largest]

ResNet-50, U-Net of base 32, ResNet-110-v2 and the three-dimensional U-Net of base 32, one image, channels last, cuDNN's
search on, in tf32 and under bf16 autocast: median seconds of a step (forward, backward, SGD with momentum), peak memory;
then the largest side that trains in bf16; then the same steps with torch.compile, network by network while time is left.
Every measurement is a process of its own with a time limit; results are written as they come.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts"))

# side of the image, and what sides are multiples of
NETWORKS = {"resnet50": (4096, 64), "unet": (4096, 64), "resnet110": (2048, 64), "unet3d": (256, 16)}
PRECISIONS = ("bf16", "tf32")


def build(name, side):
    import torch
    import pytorch_models as models
    if name == "resnet50":
        return models.ResNet(50, 1000), (1, 3, side, side), torch.zeros(1, dtype=torch.long)
    if name == "resnet110":
        return (models.ResNetCifar(110, 10, version=2, size=(side, side)), (1, 3, side, side),
                torch.zeros(1, dtype=torch.long))
    if name == "unet":
        return models.UNet(2, 3), (1, 3, side, side), torch.zeros((1, side, side), dtype=torch.long)
    return models.UNet(2, 1, axes=3), (1, 1) + (side,) * 3, torch.zeros((1,) + (side,) * 3, dtype=torch.long)


class Trainer:
    """One network on one device, one step at a time."""

    def __init__(self, name, side, precision, device, compiled):
        import torch
        self.torch, self.device, self.bf16 = torch, device, precision == "bf16"
        torch.manual_seed(1)
        network, shape, labels = build(name, side)
        layout = torch.channels_last_3d if len(shape) == 5 else torch.channels_last
        self.network = network.to(device=device, memory_format=layout).train()
        self.x = torch.rand(*shape, device=device).to(memory_format=layout)
        self.labels = labels.to(device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), 1e-4, momentum=0.9)
        self.forward = torch.compile(self.network) if compiled else self.network

    def step(self):
        torch = self.torch
        begin = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            loss = torch.nn.functional.cross_entropy(self.forward(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin


def device_name(device):
    import torch
    return torch.cuda.get_device_name(0) if device == "cuda" else "cpu"


def peak_bytes(device):
    if device == "cuda":
        import torch
        return torch.cuda.max_memory_allocated()
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def prepare(precision):
    import torch
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision in ("tf32", "bf16")
    torch.backends.cudnn.benchmark = True


def free_memory(device):
    if device == "cuda":
        import gc
        import torch
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def measure_step(name, side, precision, device, compiled, steps):
    """One result; {"failure": ...} where it does not fit or does not run."""
    result = dict(network=name, side=side, precision=precision, compiled=compiled)
    try:
        free_memory(device)
        prepare(precision)
        begin = time.perf_counter()
        trainer = Trainer(name, side, precision, device, compiled)
        trainer.step(), trainer.step()
        result["warm_up_seconds"] = time.perf_counter() - begin
        seconds = [trainer.step() for _ in range(steps)]
        result["device"] = device_name(device)
        result.update(step_seconds=seconds, median=statistics.median(seconds), peak_bytes=peak_bytes(device))
    except Exception as error:  # PyTorch has several classes for "out of memory"
        result["failure"] = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return result


def fits(name, side, precision):
    """Memory and time of the first step, or nothing where it does not run; without cuDNN's search, which takes long."""
    import torch
    try:
        free_memory("cuda")
        prepare(precision)
        torch.backends.cudnn.benchmark = False
        seconds = Trainer(name, side, precision, "cuda", False).step()
        return dict(seconds=seconds, peak_bytes=peak_bytes("cuda"))
    except Exception:  # PyTorch has several classes for "out of memory"
        return None


def measure_largest(name, precision):
    """The largest side that trains, by two sizes' memory and then by trial."""
    import torch
    side, unit = NETWORKS[name]
    power = 3 if name == "unet3d" else 2
    small, large = fits(name, side // 4, precision), fits(name, side // 2, precision)
    result = dict(network=name, precision=precision, largest=None, tried=[])
    if not small or not large:
        return dict(result, failure="sizes %d and %d do not run" % (side // 4, side // 2))
    a, b = (side // 4) ** power, (side // 2) ** power
    slope = (large["peak_bytes"] - small["peak_bytes"]) / (b - a)
    room = torch.cuda.mem_get_info()[1] * 0.96 - (large["peak_bytes"] - slope * b)
    guess = int((room / slope) ** (1 / power)) // unit * unit
    result["smallest_that_fails"] = None
    for _ in range(4):
        found = fits(name, guess, precision)
        result["tried"].append(guess)
        if found:
            result.update(largest=guess, peak_bytes=found["peak_bytes"], first_step_seconds=found["seconds"])
            break
        result["smallest_that_fails"] = guess
        guess -= max(unit, int(guess * 0.04) // unit * unit)
    return result


def child(arguments):
    if arguments.child == "largest":
        print(json.dumps(measure_largest(arguments.networks[0], "bf16")), flush=True)
        return
    for precision in PRECISIONS:
        name = arguments.networks[0]
        print(json.dumps(measure_step(name, arguments.sides[name], precision, arguments.device,
                                      arguments.child == "compiled", arguments.steps)), flush=True)


def run_child(arguments, kind, network, limit, results):
    """Adds the results that the child prints before its time is over."""
    side = "%s=%d" % (network, arguments.sides[network])
    command = [sys.executable, os.path.abspath(__file__), "--child", kind, "--networks", network, "--device",
               arguments.device, "--size", side, "--steps", str(arguments.steps), "--output", os.devnull]
    environment = dict(os.environ, PYTORCH_CUDA_ALLOC_CONF="expandable_segments:True",
                       PYTORCH_ALLOC_CONF="expandable_segments:True")
    failure = None
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=limit)
        output = done.stdout
        if done.returncode != 0:
            failure = (done.stderr.strip().splitlines() or ["it ended with %d" % done.returncode])[-1]
    except subprocess.TimeoutExpired as over:
        output = over.stdout.decode() if isinstance(over.stdout, bytes) else over.stdout or ""
        failure = "stopped after %.0f s" % limit
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if failure:
        lines.append(dict(network=network, kind=kind, failure=failure))
    for line in lines:
        results.append(line)
        print(describe(line), flush=True)


def describe(result):
    name = "%-10s" % result["network"]
    if "failure" in result:
        return "%s %s" % (name, result["failure"])
    if "largest" in result:
        return "%s largest side in %s: %s" % (name, result["precision"], result["largest"])
    return "%s %5d px %-5s %-9s %8.4f s %8.2f GiB" % (name, result["side"], result["precision"],
                                                     "compiled" if result["compiled"] else "eager", result["median"],
                                                     result["peak_bytes"] / 2**30)


def table(results):
    """Markdown: a line per network and precision."""
    lines = ["| network | side | type | compile | step, s | peak, GiB | largest side |", "|---|---|---|---|---|---|---|"]
    largest = {(r["network"], r["precision"]): r["largest"] for r in results if r.get("largest")}
    for r in results:
        if "median" in r:
            lines.append("| %s | %d | %s | %s | %.4f | %.2f | %s |" % (
                r["network"], r["side"], r["precision"], "on" if r["compiled"] else "off", r["median"],
                r["peak_bytes"] / 2**30, largest.get((r["network"], r["precision"]), "")))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True)
    parser.add_argument("--table", help="Markdown file for the table")
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--size", nargs="+", default=[], metavar="NETWORK=SIDE")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--no-largest", action="store_true")
    parser.add_argument("--child", choices=["eager", "compiled", "largest"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.sides = {name: side for name, (side, _) in NETWORKS.items()}
    arguments.sides.update((pair.split("=")[0], int(pair.split("=")[1])) for pair in arguments.size)
    if arguments.child:
        child(arguments)
        return
    import torch
    end = time.monotonic() + arguments.seconds
    report = dict(command=" ".join(sys.argv), date=time.strftime("%Y-%m-%d"), pytorch=torch.__version__, results=[],
                  device=None, left_out=[])  # this process must not hold memory of the device itself
    kinds = ["eager"] + ["largest"] * (arguments.device == "cuda" and not arguments.no_largest)
    kinds += ["compiled"] * (not arguments.no_compile and hasattr(torch, "compile"))
    for kind in kinds:
        for network in arguments.networks:
            left = end - time.monotonic()
            if left < (60 if kind == "compiled" else 15):
                report["left_out"].append("%s %s" % (network, kind))
            else:
                run_child(arguments, kind, network, min(left, 120 if kind == "compiled" else 75), report["results"])
            report["device"] = next((r["device"] for r in report["results"] if "device" in r), None)
            with open(arguments.output, "w") as file:
                json.dump(report, file, indent=1)
            if arguments.table:
                with open(arguments.table, "w") as file:
                    file.write(table(report["results"]) + "\n")
    if report["left_out"]:
        print("no time was left for: " + ", ".join(report["left_out"]))
    if not any("median" in result for result in report["results"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
