#!/usr/bin/env python3
"""Training steps and memory in tiles beside those of one rank, as Markdown tables.

    measure_tiles.py --program build/app/aureole [--decks resnet50 unet] [--sizes 512 1024x2048] [--cores 2]
        [--rounds 3] [--steps 4] [--set train.precision=bf16 ...] [--variant fused parallel.spatial.halo=fused ...]
        [--grid "2 stages" 2 parallel.stages=2 ...] [--prefix "nice -n -20"] [--output results.json]
    measure_tiles.py --program build/app/aureole --memory [--tiles 1 2 4 8] [--decks ...] [--sizes ...]

Speed: every round runs each deck once with all cores as threads of one rank, once with one thread, and once for every
grid that has one tile for each core, and again with the overrides of every variant; a --grid is any other way to use so
many ranks (stages, replicas). The rounds take turns. The first step of a run touches the memory and does not count.
Speed-up is over one rank with one thread, efficiency is the speed-up per core, "over threads" is the speed-up over one
rank with all cores; all from the fastest steps. "Exchange" is the median share of a step in exchanges and reductions;
"messages" and "late" part that of the last step of each run, which is traced: what messages between operators take, and
what a rank waits in them for another that gets there later; medians of the rounds. "Bubble" is the idle share of stages,
and "simulated" what the schedule gives with the times measured.

Memory: one step of each deck for each number of tiles, more ranks than cores if need be. Arena bytes are those of rank 0,
the process is the largest of all ranks.
"""
import argparse
import csv
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DECKS = ["resnet50", "resnet110", "unet", "amoebanet"]
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def deck_path(name):
    return name if name.endswith(".yaml") else os.path.join(ROOT, "inputs", "synthetic", name + ".yaml")


def deck_title(name):
    return os.path.splitext(os.path.basename(name))[0]


def image_size(text):
    words = text.split("x")
    if len(words) > 2 or not all(word.isdigit() for word in words):
        raise argparse.ArgumentTypeError("'%s' is not a size such as 512 or 1024x2048" % text)
    return int(words[0]), int(words[-1])


def grids_of(ranks):
    return [(rows, ranks // rows) for rows in range(ranks, 0, -1) if ranks % rows == 0]


def most_square(ranks):
    return min(grids_of(ranks), key=lambda grid: (abs(grid[0] - grid[1]), grid[0]))


class Configuration:
    def __init__(self, rows, columns, threads, variant=()):
        self.rows, self.columns, self.threads = rows, columns, threads
        self.name, self.overrides = (variant[0], list(variant[1:])) if variant else ("", [])
        self.any_grid = False
        self.ranks = rows * columns
        self.cores = self.ranks * threads

    @staticmethod
    def of_grid(words):
        """NAME RANKS key=value ..."""
        configuration = Configuration(1, int(words[1]), 1, [words[0], *words[2:]])
        configuration.any_grid = True
        return configuration

    def title(self):
        if self.any_grid:
            return self.name
        if self.ranks > 1:
            title = "%d ranks, tiles %d x %d" % (self.ranks, self.rows, self.columns)
            return title + (", " + self.name if self.name else "")
        return "1 rank, %d thread%s" % (self.threads, "" if self.threads == 1 else "s")


def command_of(arguments, deck, size, configuration, steps, folder):
    command = shlex.split(arguments.prefix)
    if configuration.threads == 1 or configuration.ranks > 1:
        command += ["mpirun", "-np", str(configuration.ranks)]
        command += ["--oversubscribe", "--bind-to", "none"] if arguments.memory else ["--bind-to", "core"]
    command += [arguments.program, "run", deck_path(deck), "image.size=[%d,%d]" % size]
    if not configuration.any_grid:
        command += ["parallel.spatial.tiles=[%d,%d]" % (configuration.rows, configuration.columns)]
    if configuration.ranks > 1:
        command += ["--trace", folder + "/trace.json"]
    command += ["train.steps=%d" % steps, "train.log_every=1", "train.resume=never", "output.folder=" + folder]
    return command + arguments.set + configuration.overrides


def environment_of(configuration):
    environment = dict(os.environ, OMP_NUM_THREADS=str(configuration.threads), OMP_PLACES="cores", OMP_PROC_BIND="true")
    environment.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")  # containers have no other user
    environment.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    return environment


def found(pattern, text):
    match = re.search(pattern, text)
    if match is None:
        sys.exit("the program printed nothing like '%s':\n%s" % (pattern, text[-2000:]))
    return match.groups()


def in_bytes(number, unit):
    return float(number) * UNITS[unit]


def run(arguments, deck, size, configuration, steps):
    """One run of the program: seconds and exchange share of every step but the first, memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = command_of(arguments, deck, size, configuration, steps, folder)
        environment = environment_of(configuration)
        if arguments.memory:
            environment.pop("OMP_PROC_BIND")
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=arguments.timeout)
        except subprocess.TimeoutExpired:
            sys.exit("%s: no end after %d s" % (shlex.join(command), arguments.timeout))
        if done.returncode != 0:
            sys.exit("%s failed:\n%s%s" % (shlex.join(command), done.stdout[-2000:], done.stderr[-2000:]))
        with open(os.path.join(folder, "metrics.csv")) as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file) if row["kind"] == "train"]
    messages = re.search(r"exchanges per micro-batch \([^)]*\): (\d+) in (\d+) messages", done.stdout)
    bubble = re.search(r"bubble ([0-9.]+)%, simulated with these times ([0-9.]+)%", done.stdout)
    exposed = re.search(r"messages between operators ([0-9.]+)%, waiting for late ranks in them ([0-9.]+)%", done.stdout)
    shares = [float(share) for share in re.findall(r"exchange ([0-9.]+)%", done.stdout)]
    arena = found(r"arena: predicted (\d+) bytes, allocated (\d+) bytes", done.stdout)
    process = found(r"process[^:]*: predicted ([\d.]+) (\w+), peak ([\d.]+) (\w+)", done.stdout)
    return dict(bubble=[float(share) for share in bubble.groups()] if bubble else None,
                exposed=[float(share) for share in exposed.groups()] if exposed else None,
                messages=int(messages.group(2)) if messages else 0, seconds=seconds[1:] or seconds,
                shares=shares[1:] or shares, arena_predicted=int(arena[0]), arena_allocated=int(arena[1]),
                process_predicted=in_bytes(*process[:2]), process_peak=in_bytes(*process[2:]))


def batch_of(deck):
    with open(deck_path(deck)) as file:
        return int(found(r"(?m)^  batch: (\d+)", file.read())[0])


def mebibytes(value):
    return "%.1f" % (value / 2**20)


def percent(share):
    return "" if share is None else "%.1f %%" % share


def print_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def print_head(cells):
    print_row(cells)
    print_row(["---"] + ["--:"] * (len(cells) - 1))


def measure_speed(arguments, deck, size):
    cores = arguments.cores
    configurations = [Configuration(1, 1, cores), Configuration(1, 1, 1)]
    for variant in [(), *arguments.variant]:
        configurations += [Configuration(rows, columns, 1, variant) for rows, columns in grids_of(cores)]
    configurations += [Configuration.of_grid(words) for words in arguments.grid]
    runs = [[] for _ in configurations]
    for _ in range(arguments.rounds):
        for configuration, results in zip(configurations, runs):
            results.append(run(arguments, deck, size, configuration, arguments.steps + 1))
    rows = []
    for configuration, results in zip(configurations, runs):
        seconds = [each for result in results for each in result["seconds"]]
        shares = [each for result in results for each in result["shares"]]
        bubbles = [result["bubble"] for result in results if result["bubble"]]
        exposed = [result["exposed"] for result in results if result["exposed"]]
        rows.append(dict(configuration=configuration.title(), cores=configuration.cores, fastest=min(seconds),
                         median=statistics.median(seconds), share=statistics.median(shares) if shares else None,
                         exposed=[statistics.median(each) for each in zip(*exposed)] or [None, None],
                         bubble=[statistics.median(each) for each in zip(*bubbles)] or [None, None],
                         messages=results[0]["messages"],
                         arena=results[0]["arena_allocated"], process_predicted=results[0]["process_predicted"],
                         process_peak=max(result["process_peak"] for result in results)))
    return rows


def print_speed(arguments, deck, size, rows):
    one_thread = next(row for row in rows if row["configuration"] == "1 rank, 1 thread")
    batch = arguments.batch or batch_of(deck)
    print("\n%s, %d x %d pixels" % (deck_title(deck), *size))
    print_head(["run", "fastest step, s", "median, s", "speed-up", "efficiency", "over threads", "exchange", "messages",
                "late", "bubble", "simulated", "sent", "images/s", "arena, MiB", "process predicted, MiB", "peak, MiB"])
    for row in rows:
        speedup = one_thread["fastest"] / row["fastest"]
        print_row([row["configuration"], "%.4f" % row["fastest"], "%.4f" % row["median"], "%.2f" % speedup,
                   "%.0f %%" % (100 * speedup / row["cores"]), "%.2f" % (rows[0]["fastest"] / row["fastest"]),
                   percent(row["share"]), *map(percent, row["exposed"] + row["bubble"]), str(row["messages"]),
                   "%.2f" % (batch / row["fastest"]),
                   *(mebibytes(row[key]) for key in ("arena", "process_predicted", "process_peak"))])


def measure_memory(arguments, deck, size):
    print("\n%s, %d x %d pixels: memory of a rank" % (deck_title(deck), *size))
    print_head(["tiles", "arena predicted, bytes", "allocated, bytes", "of the first row", "process predicted, MiB",
                "peak, MiB"])
    rows = []
    for tiles in arguments.tiles:
        grid = most_square(tiles)
        result = run(arguments, deck, size, Configuration(*grid, 1), 1)
        rows.append(dict(grid=grid, **result))
        print_row(["%d x %d" % grid, str(result["arena_predicted"]), str(result["arena_allocated"]),
                   "%.1f %%" % (100 * result["arena_allocated"] / rows[0]["arena_allocated"]),
                   mebibytes(result["process_predicted"]), mebibytes(result["process_peak"])])
    return rows


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built `aureole`")
    parser.add_argument("--decks", nargs="+", help="names in inputs/synthetic, or paths; default: %s" % ", ".join(DECKS))
    parser.add_argument("--sizes", nargs="+", type=image_size, default=[(512, 512)], help="HxW, or one number for both")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="timed steps of each run")
    parser.add_argument("--batch", type=int, help="samples of a step; default: what the deck says")
    parser.add_argument("--set", nargs="+", default=[], help="further overrides of the deck, key=value")
    parser.add_argument("--variant", nargs="+", action="append", default=[], metavar=("NAME", "key=value"),
                        help="every grid also with these overrides, under this name; may be given several times")
    parser.add_argument("--grid", nargs="+", action="append", default=[], metavar=("NAME RANKS", "key=value"),
                        help="another grid of RANKS ranks, given by overrides; may be given several times")
    parser.add_argument("--prefix", default="", help="command before every run")
    parser.add_argument("--timeout", type=float, default=600, help="seconds after which a run has failed")
    parser.add_argument("--memory", action="store_true", help="memory for numbers of tiles, instead of speed")
    parser.add_argument("--tiles", nargs="+", type=int, default=list(range(1, 9)), help="numbers of tiles for --memory")
    parser.add_argument("--output", help="everything as JSON")
    arguments = parser.parse_args()
    if arguments.batch:
        arguments.set = arguments.set + ["train.batch=%d" % arguments.batch]
    arguments.decks = arguments.decks or [name for name in DECKS if os.path.exists(deck_path(name))]
    return arguments


def main():
    arguments = parse()
    everything = []
    for deck in arguments.decks:
        for size in arguments.sizes:
            if arguments.memory:
                rows = measure_memory(arguments, deck, size)
            else:
                rows = measure_speed(arguments, deck, size)
                print_speed(arguments, deck, size, rows)
            everything.append(dict(deck=deck_title(deck), size=size, rows=rows))
            if arguments.output:
                with open(arguments.output, "w") as file:
                    json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()
