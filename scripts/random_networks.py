#!/usr/bin/env python3
"""The program beside PyTorch on random networks.

    scripts/random_networks.py --program build/app/aureole --networks 200 --grids 100 [--seed 1] [--keep FOLDER]

Every network is a deck drawn from its seed: layers, losses, optimizer, schedule, data, micro-batches (random_networks/generator.py).
The program trains it for some steps; PyTorch does the same in f64 from the deck's text (random_networks/reference.py), and losses,
gradients, activations, parameters, optimizer and running statistics are compared. With --grids further networks run on a random
grid of ranks as well, and must equal one rank. docs/comparing.md says more.

A departure beyond the tolerance is a failure, unless a measured bound explains it (random_networks/sorting.py); at most 2% of the
networks may be explained so. Exits with 1 if a network fails, with 77 if a Python package is missing.
"""
import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy
    import torch
    import yaml
    from random_networks import faults, generator, grids, reference, results, sorting
except ModuleNotFoundError as error:
    print("skipped: %s (Debian: python3-torch, python3-h5py, python3-yaml)" % error)
    sys.exit(77)

MOST_EXPLAINED = {"f64": 0.02, "f32": 0.1, "bf16": 0.5}
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1")
ENVIRONMENT.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")  # containers have no other user
ENVIRONMENT.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")


class Refused(Exception):
    """Exit code 2 on a grid; on one rank every deck is right."""


class Failure(Exception):
    """Anything else than a result."""


class Case:
    """One network in a scratch folder."""

    def __init__(self, options, seed, on_grid, folder):
        self.options, self.seed, self.folder, self.on_grid = options, seed, folder, on_grid
        parts = generator.Draw(seed + 1).pick([2, 2, 3, 4]) if on_grid and generator.Draw(seed + 2).chance(0.6) else None
        self.deck, self.labels = generator.draw_deck(seed, options.precision, parts)
        self.parallel, self.ranks = grids.draw_grid(seed, self.deck) if on_grid else (None, 1)
        kind = faults.KINDS.get(options.plant)
        self.fault = kind() if kind and kind.applies(self.deck) else None
        self.parameters = None

    def prepare(self, moved=0.0):
        """Data, deck, and the parameters that the first step begins with."""
        generator.write_data(self.deck, self.labels, self.folder, self.seed, moved)
        self.write_deck("deck.yaml", self.deck)
        self.write_deck("grid.yaml", dict(self.deck, parallel=self.parallel or {}))
        with open(os.path.join(self.folder, "deck.yaml")) as file:
            self.read = yaml.safe_load(file)
        self.run("deck.yaml", 1, *(["train.init=null"] if "init" in self.deck["train"] else []), "output.dump.step=1")
        with h5py.File(os.path.join(self.folder, "dump.h5"), "r") as file:
            self.parameters = {}
            file["parameters"].visititems(lambda name, item: self.parameters.update({name: item[...].astype(numpy.float64)}))
        if "init" in self.deck["train"]:
            self.move_parameters()

    def write_deck(self, name, deck):
        with open(os.path.join(self.folder, name), "w") as file:
            yaml.safe_dump(deck, file, sort_keys=False, default_flow_style=None, width=120)

    def move_parameters(self):
        """initial.h5: no bias is 0 and no norm the identity."""
        rng = numpy.random.default_rng(self.seed)
        for name, array in sorted(self.parameters.items()):
            moved = array + 0.2 * rng.standard_normal(array.shape)
            self.parameters[name] = moved if self.options.precision == "f64" else moved.astype("f4").astype("f8")
        with h5py.File(os.path.join(self.folder, "initial.h5"), "w") as file:
            for name, array in self.parameters.items():
                file["parameters/" + name] = array

    def run(self, deck, ranks, *overrides):
        shutil.rmtree(os.path.join(self.folder, "out"), ignore_errors=True)
        launch = self.options.launcher.split() + [str(ranks)] if ranks > 1 else []
        command = launch + [os.path.abspath(self.options.program), "run", deck, *overrides]
        try:
            done = subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            raise Failure("no end within 300 s") from None
        if done.returncode != 0:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if "aureole:" in line or "error:" in line or "[rank" in line]
            message = "; ".join(lines[:3]) or (done.stdout + done.stderr)[-300:]
            raise (Refused if done.returncode == 2 and ranks > 1 else Failure)("exit code %d: %s" % (done.returncode, message))

    def of_program(self, deck="deck.yaml", ranks=1):
        self.run(deck, ranks)
        return results.of_program(self.folder, self.deck)

    def of_reference(self):
        return reference.train(self.read, self.folder, self.parameters, self.fault)

    def compare(self):
        """(largest difference, Explanation or None). Raises Failure."""
        self.prepare()
        got, want = self.of_program(), self.of_reference()
        return self.judge(results.differences(got, want), want, self.moved_departs)

    def compare_grid(self):
        """One rank beside PyTorch, and the grid beside one rank. Raises Refused, Failure."""
        largest, explained = self.compare()
        one = self.of_program()
        grid = self.of_program("grid.yaml", self.ranks)
        try:
            beside_one, explained_too = self.judge(results.differences(grid, one), one, self.moved_grid_departs)
        except Failure as failure:
            raise Failure("on the grid: %s" % failure) from None
        return max(largest, beside_one), explained or explained_too

    def judge(self, found, want, moved_departs):
        departures = results.departures(found, self.options.precision)
        if not departures:
            return max(value for key, value in found.items() if not key.startswith(("log/", "metrics/"))), None
        explained = None
        if max(departures.values()) < float("inf"):
            situation = (self.read, self.folder, self.parameters)
            explained = sorting.explain(departures, situation, want, self.options.precision, self.fault, moved_departs)
        if explained is None:
            first = list(departures.items())[:4]
            raise Failure("%d values differ: %s" % (len(departures), ", ".join("%s %.1e" % item for item in first)))
        return max(departures.values()), explained

    def moved_departs(self):
        """Whether the same network departs with images that are not quite the same."""
        self.prepare(sorting.MOVED[self.options.precision])
        found = results.differences(self.of_program(), self.of_reference())
        self.prepare()
        return bool(results.departures(found, self.options.precision))

    def moved_grid_departs(self):
        self.prepare(sorting.MOVED[self.options.precision])
        found = results.differences(self.of_program("grid.yaml", self.ranks), self.of_program())
        self.prepare()
        return bool(results.departures(found, self.options.precision))

    def describe(self):
        train, model = self.deck["train"], self.deck["model"]
        network = "%d layers" % len(model["layers"]) if "layers" in model else model["name"]
        text = "%s, %s px, batch %d/%d, %s" % (network, "x".join(map(str, self.deck["image"]["size"])), train["batch"],
                                               train.get("micro_batches", 1), train["optimizer"]["name"])
        return text + (", %d ranks" % self.ranks if self.on_grid else "")

    def command(self):
        words = [os.path.relpath(os.path.abspath(sys.argv[0])), "--program", self.options.program, "--only", str(self.seed)]
        words += ["--grids", "1"] if self.on_grid else []
        words += ["--precision", self.options.precision] if self.options.precision != "f64" else []
        return " ".join(words + (["--plant", self.options.plant] if self.options.plant else []))


class Tally:
    """What became of the networks."""

    def __init__(self, options):
        self.options, self.failures, self.compared, self.largest = options, 0, 0, 0.0
        self.refused, self.explained = collections.Counter(), collections.defaultdict(list)

    def run(self, seed, on_grid):
        """Whether the network counts: with a planted fault only those that have a place for it."""
        with tempfile.TemporaryDirectory(prefix="aureole-random-") as folder:
            case = Case(self.options, seed, on_grid, folder)
            if self.options.plant and case.fault is None:
                return False
            outcome = self.outcome_of(case)
            print("%-9d %s: %s" % (seed, case.describe(), outcome), flush=True)
        return True

    def outcome_of(self, case):
        try:
            largest, explained = case.compare_grid() if case.on_grid else case.compare()
        except Refused as refusal:
            self.refused[re.sub(r"[0-9]+", "N", str(refusal))] += 1
            return "refused: %s" % refusal
        except Failure as failure:
            return self.fail(case, str(failure))
        self.compared += 1
        if explained:
            self.explained[explained.name, explained.bound].append((explained.share, case.seed))
            return "EXPLAINED, %s: %.0f%% of the bound (%s)" % (explained.name, 100 * explained.share, explained.detail)
        self.largest = max(self.largest, largest)
        return "%.1e" % largest

    def fail(self, case, message):
        self.failures += 1
        self.compared += 1
        text = "FAILED, %s\n          %s" % (message, case.command())
        if self.options.keep:
            kept = os.path.join(self.options.keep, str(case.seed))
            shutil.copytree(case.folder, kept, dirs_exist_ok=True)
            with open(os.path.join(kept, "command"), "w") as file:
                file.write(case.command() + "\n")
            text += "\n          kept in " + kept
        return text

    def report(self, seconds):
        precision = self.options.precision
        explained = sum(len(cases) for cases in self.explained.values())
        print("\n%d networks compared in %.0f s; tolerance %.0e, largest difference of those within it %.1e" %
              (self.compared, seconds, results.TOLERANCE[precision], self.largest))
        print("%d failed; %d refused; %d explained (%.1f%%, allowed %.0f%%)" %
              (self.failures, sum(self.refused.values()), explained, 100 * explained / max(self.compared, 1), 100 * MOST_EXPLAINED[precision]))
        if self.explained:
            print("\n| class | networks | bound | worst, of the bound | seeds |\n|---|--:|---|--:|---|")
        for (name, bound), cases in self.explained.items():
            print("| %s | %d | %s | %.0f%% | %s |" % (name, len(cases), bound, 100 * max(cases)[0], " ".join(str(seed) for _, seed in cases)))
        for message, count in self.refused.most_common():
            print("refused %d: %s" % (count, message))
        return 1 if self.failures or explained > MOST_EXPLAINED[precision] * max(self.compared, 50) else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/app/aureole")
    parser.add_argument("--networks", type=int, default=0, help="on one rank")
    parser.add_argument("--grids", type=int, default=0, help="on a grid and on one rank")
    parser.add_argument("--seed", type=int, default=1, help="of all networks")
    parser.add_argument("--only", type=int, help="seed of one network, on one rank or with --grids 1")
    parser.add_argument("--precision", default="f64", choices=list(results.TOLERANCE))
    parser.add_argument("--plant", choices=list(faults.KINDS), help="a fault in the reference, which must be reported")
    parser.add_argument("--keep", help="folder for decks and data of networks that fail")
    parser.add_argument("--launcher", default="mpirun --oversubscribe --bind-to none -np", help="command before the number of ranks")
    return parser.parse_args()


def main():
    options, begin = arguments(), time.monotonic()
    torch.set_num_threads(1)
    tally = Tally(options)
    if options.only is not None:
        tally.run(options.only, options.grids > 0)
        return tally.report(time.monotonic() - begin)
    for count, on_grid in ((options.networks, False), (options.grids, True)):
        seed, done = options.seed * 100000 + (50000 if on_grid else 0), 0
        while done < count:
            done += tally.run(seed, on_grid)
            seed += 1
    return tally.report(time.monotonic() - begin)


if __name__ == "__main__":
    sys.exit(main())
