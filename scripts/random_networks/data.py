"""The samples of a deck as the network sees them: read, put in order, normalised, augmented."""
import math
import os

import h5py
import numpy

from random_networks import streams

AXES = "ndhwc"


def as_list(value):
    return value if isinstance(value, list) else [value]


class Source:
    """data.train or data.eval: images (n, d, h, w, c) in f32, not yet normalised, and labels as stored."""

    def __init__(self, source, folder):
        with h5py.File(os.path.join(folder, as_list(source["file"])[0]), "r") as file:
            x, y = (file[source.get(key, key)][...] for key in "xy")
        first = source.get("first", 0)
        last = first + source["count"] if "count" in source else None
        self.x = in_order(x, source["x_axes"])[first:last].astype(numpy.float32)
        self.labels = in_order(y, source["y_axes"])[first:last]


def in_order(array, axes):
    """(n, d, h, w, c), with axes of extent 1 where there are none."""
    present = [axis for axis in AXES if axis in axes]
    array = array.transpose([axes.index(axis) for axis in present])
    return array.reshape([array.shape[present.index(axis)] if axis in axes else 1 for axis in AXES])


class Normalization:
    """data.normalize, with figures of the training images."""

    def __init__(self, normalize, images):
        self.options = normalize if isinstance(normalize, dict) else {"kind": normalize}
        self.kind = self.options.get("kind", "none")
        if self.kind == "given":
            self.mean, self.deviation = (numpy.array(self.options[key]) for key in ("mean", "deviation"))
        elif self.kind == "dataset":
            values = self.scaled(images)
            self.mean, self.deviation = values.mean((0, 1, 2, 3)), values.std((0, 1, 2, 3))

    def clipped(self, x):
        get, value = self.options.get, x.astype(numpy.float64)
        value = numpy.clip(value, get("clip_lo", -math.inf), get("clip_hi", math.inf))
        return numpy.sign(value) * numpy.log1p(numpy.abs(value)) if get("log", False) else value

    def scaled(self, x, mean=0.0, deviation=1.0):
        """In the program's order, so that no number halfway between two of f32 is rounded to the other one."""
        return (self.clipped(x) * self.options.get("factor", 1.0) + (self.options.get("offset", 0.0) - mean)) * (1 / deviation)

    def __call__(self, x):
        if self.kind == "none":
            return x
        if self.kind == "scale":
            value = self.scaled(x)
        elif self.kind == "sample":
            value = self.scaled(x)
            value = self.scaled(x, value.mean((1, 2, 3), keepdims=True), value.std((1, 2, 3), keepdims=True))
        else:
            value = self.scaled(x, self.mean, self.deviation)
        return value.astype(numpy.float32)


class Geometry:
    """Flips, quarter turns and the place of a crop: which pixel of a stored sample each pixel shows."""

    def __init__(self, augment, size, seed, epoch, sample):
        word = [int(w) for w in streams.philox(streams.mix(streams.mix(seed, 0x4155474D454E54), epoch), numpy.array([sample]), 0)[0]]
        bit = [bool(word[0] >> i & 1) for i in range(3)]
        self.flips = [augment.get("flip_" + axis, False) and bit[i] for i, axis in enumerate("dhw")]
        self.turns = word[0] >> 3 & 3 if augment.get("rotate90", False) else 0
        pad = augment.get("crop_pad", 0)
        sides = [pad if size[0] > 1 else 0, pad, pad]
        self.offsets = [(word[i + 1] * (2 * side + 1) >> 32) - side for i, side in enumerate(sides)]
        self.size = size

    def __call__(self, array, outside):
        """`array` (d, h, w, c)."""
        d, h, w = numpy.meshgrid(*(numpy.arange(extent) for extent in self.size), indexing="ij")
        for _ in range(self.turns):
            h, w = w, self.size[1] - 1 - h
        places = [extent - 1 - at if flip else at for extent, at, flip in zip(self.size, (d, h, w), self.flips)]
        places = [at + offset for at, offset in zip(places, self.offsets)]
        inside = numpy.logical_and.reduce([(at >= 0) & (at < extent) for extent, at in zip(self.size, places)])
        shown = array[tuple(numpy.clip(at, 0, extent - 1) for extent, at in zip(self.size, places))]
        return numpy.where(inside[..., None], shown, numpy.asarray(outside, dtype=array.dtype))


class Data:
    """Batches of training and of the evaluation of a deck."""

    def __init__(self, deck, folder):
        data = deck["data"]
        train = Source(data["train"], folder)
        normalize = Normalization(data.get("normalize", "none"), train.x)
        self.x, self.labels = normalize(train.x), train.labels
        self.augment, self.outside = data.get("augment", {}), data.get("ignore_label", 0)
        self.shuffle = data.get("shuffle", True)
        self.seed, self.batch = deck["train"].get("seed", 1), deck["train"]["batch"]
        self.eval_x = self.eval_labels = None
        if "eval" in data:
            source = Source(data["eval"], folder)
            count = deck["train"].get("eval_batches", len(source.x)) * self.batch
            self.eval_x, self.eval_labels = normalize(source.x)[:count], source.labels[:count]

    def samples_of(self, step):
        places = range(step * self.batch, (step + 1) * self.batch)
        chosen = [streams.sample_at(place, len(self.x), self.seed, self.shuffle) for place in places]
        return tuple(numpy.stack(arrays) for arrays in zip(*(self.sample(*each) for each in chosen)))

    def sample(self, sample, epoch):
        x, labels = self.x[sample], self.labels[sample]
        if not self.augment:
            return x, labels
        geometry = Geometry(self.augment, x.shape[:3], self.seed, epoch, sample)
        has_pixels = labels.shape[:3] != (1, 1, 1)
        return geometry(x, 0), geometry(labels, self.outside) if has_pixels else labels
