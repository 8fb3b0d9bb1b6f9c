"""Grids of ranks drawn at random for a deck: replicas, stages, tiles and what belongs to them."""
from random_networks.generator import Draw
from random_networks.networks import kind_of


def units_of(deck):
    """Units between which stages may be cut; None: a network that the program builds."""
    if "layers" not in deck["model"]:
        return None
    marks = [kind_of(layer)[1].get("unit", False) for layer in deck["model"]["layers"]]
    return 1 + sum(marks[1:])


class GridDraw:
    """parallel: replicas x stages x tiles for a deck, on at most `most` ranks."""

    def __init__(self, draw, deck, most):
        self.draw, self.deck, self.most = draw, deck, most
        self.micro_batches = deck["train"].get("micro_batches", 1)
        self.micro_batch = deck["train"]["batch"] // self.micro_batches
        units = units_of(deck)
        self.units = 3 if units is None else units

    def grid(self):
        """(parallel, ranks)."""
        for _ in range(100):
            parallel = {}
            ranks = self.replicas(parallel) * self.mesh(parallel)
            if 2 <= ranks <= self.most:
                self.options(parallel, ranks)
                return parallel, ranks
        return {"spatial": {"tiles": [2, 1]}}, 2

    def replicas(self, parallel):
        choices = [n for n in (2, 3) if self.micro_batches % n == 0]
        if choices and self.draw.chance(0.3):
            parallel["data"] = self.draw.pick(choices)
        return parallel.get("data", 1)

    def mesh(self, parallel):
        """Stages and tiles; the ranks of a replica."""
        rows = self.stages(parallel) if self.units > 1 and self.draw.chance(0.5) else 1
        spatial = parallel["spatial"] = {}
        if rows > 1 and self.draw.chance(0.15):
            return self.stage_tiles(spatial, rows)
        tiles = self.tiles(spatial) if self.draw.chance(0.75) else 1
        tiled = 1
        if tiles > 1 and rows > 1 and self.draw.chance(0.4):
            tiled = spatial["stages"] = self.draw.whole(1, rows)
        tiled = tiled if tiles > 1 else 0
        if not spatial:
            del parallel["spatial"]
        if rows > tiled and self.micro_batch > 1 and self.draw.chance(0.3):
            parallel["local_data"] = 2
        return tiled * tiles + (rows - tiled) * parallel.get("local_data", 1)

    def stages(self, parallel):
        stages = self.draw.whole(2, min(4, self.units))
        schedules = ["layer", "gpipe", "1f1b", "1f1b-overlap", "zb-h1"]
        if stages % 2 == 0 and self.draw.chance(0.4):
            parallel["chunks"] = 2
            rows = stages // 2
            schedules = ["breadth-first"] + (["interleaved"] * 2 if self.micro_batches // parallel.get("data", 1) % rows == 0 else [])
        parallel.update(stages=stages, schedule=self.draw.pick(schedules), cut=self.draw.pick(["uniform", "flops", "time", "memory"]))
        if self.draw.chance(0.25) and "layers" in self.deck["model"]:
            parallel["balance"] = self.balance(stages)
        return stages // parallel.get("chunks", 1)

    def balance(self, stages):
        """Units of each stage."""
        cuts = [0] + sorted(self.draw.some(range(1, self.units), stages - 1)) + [self.units]
        return [end - begin for begin, end in zip(cuts, cuts[1:])]

    def stage_tiles(self, spatial, rows):
        """Numbers of tiles of the first stages; later ones have one."""
        numbers = spatial["stage_tiles"] = [self.draw.whole(1, 4) for _ in range(self.draw.whole(1, rows))]
        return sum(numbers) + rows - len(numbers)

    def tiles(self, spatial):
        size = self.deck["image"]["size"]
        counts = self.draw.pick([[2, 1], [1, 2], [3, 1], [1, 3], [2, 2], [4, 1], [2, 3], [1, 5]])
        if len(size) == 3 and self.draw.chance(0.6):
            counts = self.draw.pick([[2, 1, 1], [2, 2, 1], [1, 2, 2], [2, 1, 2], [3, 1, 1], [1, 1, 3]])
        if self.draw.chance(0.15):
            spatial.update(tiles=self.draw.whole(2, 4), slice=self.draw.pick(["horizontal", "vertical"]))
            return spatial["tiles"]
        if any(count > extent for count, extent in zip(reversed(counts), reversed(size))):
            counts = [2, 1]
        spatial["tiles"] = counts
        if self.draw.chance(0.35):
            self.boundaries(spatial, counts, size)
        result = 1
        for count in counts:
            result *= count
        return result

    def boundaries(self, spatial, counts, size):
        for name, count, extent in zip(("column_boundaries", "row_boundaries", "depth_boundaries"), reversed(counts), reversed(size)):
            if count > 1 and extent > count:
                places = self.draw.some(range(1, extent), count - 1)
                spatial[name] = sorted(places)

    def options(self, parallel, ranks):
        if "spatial" in parallel:
            halo = self.draw.pick(["auto", "plain", "fused", "fused"])
            parallel["spatial"]["halo"] = halo
            if halo == "fused" and self.draw.chance(0.5):
                parallel["spatial"]["chain"] = self.draw.whole(2, 4)
            if self.draw.chance(0.5):
                parallel["spatial"]["overlap"] = self.draw.pick(["never", "always"])
        optimizer = self.deck["train"]["optimizer"]
        if (optimizer["name"] == "adamw" or "momentum" in optimizer) and self.draw.chance(0.4):
            parallel["shard_optimizer"] = True


def draw_grid(seed, deck, most=6):
    return GridDraw(Draw(seed + 7919), deck, most).grid()
