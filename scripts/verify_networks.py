#!/usr/bin/env python3
"""Whole networks on many grids beside one rank, by `aureole verify`, as a Markdown table.

    verify_networks.py --program build/app/aureole [--networks resnet20 unet ...] [--grids 1x2 2x2 uneven ...]
        [--precision f64] [--steps 5] [--stages] [--timeout 1800]

Every network trains --steps steps on each grid and on one rank from the same parameters; every value, gradient and updated
parameter is compared. A row names the largest relative difference, and how far one rank's own f32 or bf16 is from f64 where
that is more than the tolerance. Exits with 1 if a grid differs, fails or takes too long.
More ranks than cores are started if need be. --stages adds grids of stages, replicas and micro-batches.
"""
import argparse
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SYNTHETIC = ["data.train={kind: synthetic, samples: 64}", "data.eval=null", "train.eval_every=0", "train.batch=2",
             "train.schedule=constant", "train.epochs=null", "train.steps=5"]
# deck, extent of the image, overrides
NETWORKS = {
    "resnet20": ("fashion_mnist/resnet20.yaml", 28, SYNTHETIC),
    "resnet50": ("synthetic/resnet50.yaml", 64, []),
    "resnet110": ("synthetic/resnet110.yaml", 64, ["model.depth=38"]),
    "amoebanet": ("synthetic/amoebanet.yaml", 256, ["model.cells=6", "model.filters=32"]),
    "unet": ("synthetic/unet.yaml", 96, ["model.base=8"]),
}
TITLES = {"resnet20": "ResNet-20", "resnet50": "ResNet-50", "resnet110": "ResNet-110-v2, 4 blocks a stage",
          "amoebanet": "AmoebaNet-D L6 F32", "unet": "U-Net, base 8"}
GRIDS = ["1x2", "2x1", "2x2", "3x1", "3x3", "uneven"]
STAGES = {
    "2 stages": (2, ["parallel.stages=2", "train.batch=4", "train.micro_batches=4"]),
    "tiles 4, 2, 1": (7, ["parallel.stages=3", "parallel.spatial.stage_tiles=[4, 2]", "train.batch=2",
                          "train.micro_batches=2"]),
    "2 replicas of 2 stages": (4, ["parallel.data=2", "parallel.stages=2", "train.batch=4", "train.micro_batches=4"]),
}


def grid_keys(name, extent):
    """Ranks and overrides of a grid of tiles."""
    if name == "uneven":
        return 4, ["parallel.spatial.tiles=[2, 2]", "parallel.spatial.row_boundaries=[%d]" % (extent // 4),
                   "parallel.spatial.column_boundaries=[%d]" % (extent * 5 // 8)]
    rows, columns = (int(word) for word in name.split("x"))
    return rows * columns, ["parallel.spatial.tiles=[%d, %d]" % (rows, columns)]


def verify(arguments, network, ranks, keys):
    deck, extent, overrides = NETWORKS[network]
    command = [arguments.launcher, "-np", str(ranks), "--oversubscribe", "--bind-to", "none", arguments.program, "verify",
               os.path.join(ROOT, "inputs", deck), "image.size=[%d, %d]" % (extent, extent)]
    command += overrides + keys + ["--precision", arguments.precision, "--steps", str(arguments.steps)]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    environment.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")  # containers have no other user
    environment.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    begin = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=arguments.timeout)
    except subprocess.TimeoutExpired:
        return False, "more than %d s" % arguments.timeout, arguments.timeout
    output = done.stdout + done.stderr
    equal = re.search(r"^equal: (\d+) values of (\d+) steps .* at most (\S+) of", output, re.M)
    rounding = re.search(r"one rank itself departs from f64 by up to ([^ ;)]+)", output)
    alone = ", one rank from f64: %s" % rounding[1] if rounding else ""
    seconds = time.monotonic() - begin
    if done.returncode == 0 and equal:
        return True, "%s (%s values%s)" % (equal[3], equal[1], alone), seconds
    last = [line for line in output.splitlines() if line.startswith("aureole:") or "differ" in line or "first" in line]
    return False, "; ".join(last[:2]) or "exit code %d" % done.returncode, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--launcher", default="mpirun")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--grids", nargs="+", default=GRIDS)
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--precision", default="f64", choices=["f64", "f32", "bf16"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for one grid")
    arguments = parser.parse_args()
    good = True
    print("| network | px | grid | ranks | largest difference | seconds |\n|---|--:|---|--:|---|--:|", flush=True)
    for network in arguments.networks:
        extent = NETWORKS[network][1]
        grids = {name: grid_keys(name, extent) for name in arguments.grids}
        if arguments.stages:
            grids.update(STAGES)
        for name, (ranks, keys) in grids.items():
            equal, text, seconds = verify(arguments, network, ranks, keys)
            good = good and equal
            print("| %s | %d | %s | %d | %s | %.0f |" % (TITLES[network], extent, name, ranks, text, seconds), flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
