"""What a run gave, as {key: array}, and how far two of them differ.

Keys: `log/...` and `metrics/...` of metrics.csv; `dump/input`, `dump/gradients/<parameter>` ... of the dumped step; `end/parameters/...`,
`end/optimizer/...`, `end/state/...` after the last step.
"""
import csv
import os

import h5py
import numpy

# largest difference that needs no explanation, relative to the norm
TOLERANCE = {"f64": 1e-10, "f32": 1e-3, "bf16": 5e-2}
LOGGED_DIGITS = 1e-8
UNIT = {"f64": 2.0 ** -52, "f32": 2.0 ** -23, "bf16": 2.0 ** -8}


def of_program(folder, deck):
    results = {}
    with open(os.path.join(folder, "out", "metrics.csv")) as file:
        for row in csv.DictReader(file):
            what = "step" if row["kind"] == "train" else "evaluation after step"
            results["log/loss of %s %s" % (what, row["step"])] = numpy.array([float(row["loss"])])
            metrics = [float(row[name]) for name in deck["train"].get("metrics", []) if row[name]]
            if metrics:
                results["metrics/of %s %s" % (what, row["step"])] = numpy.nan_to_num(metrics, nan=-1.0)  # of no labels
    steps = deck["train"]["steps"]
    for when, name in (("dump", "dump.h5"), ("end", "out/checkpoints/step_%010d.h5" % steps)):
        with h5py.File(os.path.join(folder, name), "r") as file:
            file.visititems(lambda key, item: add(results, "%s/%s" % (when, key), item))
    return results


def add(results, key, item):
    made_up = key.endswith(".statistics") or "/loss." in key
    of_the_run = key.startswith("end/run/")  # what a checkpoint says about its run
    if isinstance(item, h5py.Dataset) and not made_up and not of_the_run:
        results[key] = item[...].astype(numpy.float64)
        if key == "dump/loss":
            results[key] = results[key].reshape(1)


def norm(array):
    return float(numpy.linalg.norm(array.ravel()))


def floors(results):
    """Norms below which a value counts as small beside others of its kind: its rounding is theirs."""
    whole = {}
    for key, array in results.items():
        whole[family(key)] = numpy.hypot(whole.get(family(key), 0.0), norm(array))
    shares = {"gradients": 1e-3, "momentum": 1e-3, "first_moment": 1e-3, "second_moment": 1e-6}
    sizes = {"parameters": 0.1}
    return {key: shares[family(key)] * whole[family(key)] if family(key) in shares else sizes.get(family(key), 1e-3) * array.size ** 0.5
            for key, array in results.items()}


def family(key):
    parts = key.split("/")
    return parts[2] if parts[1] == "optimizer" else parts[1]


def differences(got, want):
    """{key: |got - want|, relative}; infinite where one has no such array. Metrics and activations are those that both have."""
    floor, found = floors(want), {}
    for key in set(got) | set(want):
        if key in got and key in want:
            same = got[key].shape == want[key].shape
            scale = max(norm(want[key]), floor[key], 1e-300)
            found[key] = norm(got[key] - want[key]) / scale if same else float("inf")
            if not numpy.isfinite(found[key]):
                found[key] = float("inf")
        elif not key.startswith(("dump/activations/", "metrics/")):
            found[key] = float("inf")
    return found


def tolerance(key, precision):
    return max(TOLERANCE[precision], LOGGED_DIGITS if key.startswith(("log/", "metrics/")) else 0)


def departures(found, precision):
    """Those beyond the tolerance, largest first."""
    beyond = {key: value for key, value in found.items() if not value <= tolerance(key, precision)}
    return dict(sorted(beyond.items(), key=lambda item: -item[1]))
