#!/usr/bin/env python3
"""Training steps of Aureole beside those of PyTorch: same network, image, threads; runs take turns.

    compare_pytorch_steps.py --program build/benchmarks/steps/step_benchmark [--python PYTHON]... [--cases resnet50 ...]
        [--sizes 512 1024] [--precisions f32 bf16] [--rounds 3] [--output results.json]

Every round starts each program once for a few steps; the fastest and the median step over all rounds are given. Memory is
what a step adds to the process after the network has been made: for PyTorch the growth of the peak resident size over the
size before the first step; for Aureole the same, less the parameters, which it allocates together with all else.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = {"resnet50": "resnet50.yaml", "resnet110": "resnet110.yaml", "unet": "unet.yaml"}

PYTORCH = """
import json, sys, time
sys.path.insert(0, {scripts!r})
import torch, pytorch_models
def status(key):
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith(key))
torch.set_num_threads({threads})
torch.manual_seed(1)
case, size, bf16 = {case!r}, {size}, {bf16}
if case == "resnet50":
    net, labels = pytorch_models.ResNet(50, 1000), torch.zeros(1, dtype=torch.long)
elif case == "resnet110":
    net = pytorch_models.ResNetCifar(110, 10, version=2, size=(size, size))
    labels = torch.zeros(1, dtype=torch.long)
else:
    net, labels = pytorch_models.UNet(2, 3), torch.zeros((1, size, size), dtype=torch.long)
net = net.to(memory_format=torch.channels_last).train()
x = torch.rand(1, 3, size, size).to(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(net.parameters(), 1e-4, momentum=0.9)
before, seconds = status("VmRSS"), []
for step in range({steps} + 1):
    begin = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = torch.nn.functional.cross_entropy(net(x), labels)
    loss.backward()
    optimizer.step()
    if step:
        seconds.append(time.perf_counter() - begin)
print(json.dumps(dict(step_seconds=seconds, growth=status("VmHWM") - before, version=torch.__version__)))
"""


def run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s failed:\n%s" % (" ".join(command[:3]), done.stderr))
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(arguments, case, size, precision):
    environment = dict(os.environ, OMP_NUM_THREADS=str(arguments.threads))
    deck = os.path.join(ROOT, "inputs", "synthetic", CASES[case])
    ours = [arguments.program, deck, "image.size=[%d,%d]" % (size, size), "train.precision=" + precision]
    text = PYTORCH.format(scripts=os.path.join(ROOT, "scripts"), threads=arguments.threads, case=case, size=size,
                          bf16=precision == "bf16", steps=arguments.steps)
    results = {}
    for number in range(arguments.rounds):
        for recompute in ("none", "cheap"):
            command = ours + ["memory.recompute=" + recompute, "--steps", str(arguments.steps)]
            if recompute == "none":
                command += ["--bare", str(arguments.bare)]
            results.setdefault("aureole " + recompute, []).append(run(command, environment))
        for python in arguments.python:
            result = run(python.split() + ["-c", text], environment)
            results.setdefault("pytorch " + result["version"], []).append(result)
    return results


def summarize(results):
    rows = {}
    for name, runs in results.items():
        seconds = [s for r in runs for s in r["step_seconds"]]
        if "growth" in runs[0]:
            growth = min(r["growth"] for r in runs)
        else:
            growth = min(r["peak_bytes"] - r["resident_bytes"] - r["parameter_bytes"] for r in runs)
        rows[name] = dict(fastest=min(seconds), median=statistics.median(seconds), growth=growth)
        bare = [r["bare_seconds"] for r in runs if r.get("bare_seconds")]
        if bare:
            rows[name]["bare"] = min(bare)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--python", action="append", help="a Python with torch (a command; may be given more than once)")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[512, 1024])
    parser.add_argument("--precisions", nargs="+", default=["f32", "bf16"], choices=["f32", "bf16"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--bare", type=int, default=3, help="runs of each bare convolution")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output")
    arguments = parser.parse_args()
    arguments.python = arguments.python or ["python3"]
    everything = []
    print("%-10s %5s %-5s %-22s %9s %9s %9s %9s %9s" % ("network", "px", "type", "program", "fastest", "median", "/ best",
                                                       "/ bare", "GiB"))
    for case in arguments.cases:
        for size in arguments.sizes:
            for precision in arguments.precisions:
                rows = summarize(measure(arguments, case, size, precision))
                best = min(row["fastest"] for name, row in rows.items() if name.startswith("pytorch"))
                bare = rows["aureole none"].get("bare", float("nan"))
                for name, row in rows.items():
                    print("%-10s %5d %-5s %-22s %9.4f %9.4f %9.2f %9.2f %9.3f" %
                          (case, size, precision, name, row["fastest"], row["median"], row["fastest"] / best,
                           row["fastest"] / bare, row["growth"] / 2**30), flush=True)
                everything.append(dict(case=case, size=size, precision=precision, rows=rows))
                if arguments.output:
                    with open(arguments.output, "w") as file:
                        json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()
