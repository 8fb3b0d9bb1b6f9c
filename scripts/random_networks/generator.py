"""Decks drawn at random: networks of every kind of layer, losses, optimizers, schedules, data.

`draw_deck(seed, precision)` gives a deck as it is written to YAML and `write_data` its data set. A deck that the program
refuses on one rank is an error of this file or of the program. Images are small, so that a network takes some milliseconds.
"""
import os
import random

import h5py
import numpy

from random_networks.networks import kind_of, pads, triple

MOST_VALUES, MOST_CHANNELS, MOST_EXTENT = 3000, 12, 26
LEAST_PER_STATISTIC = 8  # a normalisation over fewer values magnifies rounding


class Draw(random.Random):
    """Random choices; the same for the same seed whatever the version of Python."""

    def chance(self, probability):
        return self.random() < probability

    def pick(self, items):
        return items[int(self.random() * len(items))]

    def whole(self, low, high):
        return low + int(self.random() * (high - low + 1))

    def between(self, low, high):
        return round(low + (high - low) * self.random(), 4)

    def magnitude(self, low, high):
        """Uniform in the exponent."""
        return float("%.3g" % (low * (high / low) ** self.random()))

    def some(self, items, count):
        """`count` of items in random order."""
        items = list(items)
        return [items.pop(int(self.random() * len(items))) for _ in range(count)]


def extent_after(size, kernel, stride, dilation, sides):
    return (size + sum(sides) - dilation * (kernel - 1) - 1) // stride + 1


class LayerList:
    """The layers drawn so far, and what the next one reads: (d, h, w) and channels."""

    def __init__(self, draw, size, channels, micro_batch, norm_batch):
        self.draw, self.axes = draw, len(size)
        self.extents, self.channels = ([1] if self.axes == 2 else []) + list(size), channels
        self.samples = norm_batch or micro_batch
        self.layers, self.known, self.flat = [], [("input", tuple(self.extents), channels)], False

    def per_axis(self, low, high, uneven=0.4):
        """One number for all axes, or one per axis."""
        if self.draw.chance(uneven):
            return [self.draw.whole(low, high) for _ in range(self.axes)]
        return self.draw.whole(low, high)

    def padding(self, least_kernel):
        """Anything the deck takes, less than the kernel."""
        most = max(least_kernel - 1, 0)
        form = self.draw.pick(["same", "valid", "number", "axes", "pairs", "pairs"])
        if form in ("same", "valid"):
            return form
        if form == "number":
            return self.draw.whole(0, most)
        if form == "axes":
            return [self.draw.whole(0, most) for _ in range(self.axes)]
        return [[self.draw.whole(0, most), self.draw.whole(0, most)] for _ in range(self.axes)]

    def append(self, kind, attributes, extents=None, channels=None):
        self.extents = list(extents or self.extents)
        self.channels = channels or self.channels
        if self.draw.chance(0.45):
            attributes["name"] = self.draw.pick(["n%d", "block.%d", "part-%d_x"]) % len(self.layers)
            self.known.append((attributes["name"], tuple(self.extents), self.channels))
        if self.draw.chance(0.35 if self.layers else 0.03):
            attributes["unit"] = True
        self.layers.append({kind: attributes} if attributes or self.draw.chance(0.3) else kind)
        return True

    def values(self, extents=None, channels=None):
        result = channels or self.channels
        for extent in extents or self.extents:
            result *= extent
        return result

    def fits(self, extents, channels):
        return min(extents) >= 1 and max(extents) <= MOST_EXTENT and self.values(extents, channels) <= MOST_VALUES

    def channels_and_groups(self):
        groups = self.draw.pick([g for g in range(1, self.channels + 1) if self.channels % g == 0]) if self.draw.chance(0.35) else 1
        filters = groups * self.draw.whole(1, max(1, MOST_CHANNELS // groups))
        return filters, {"groups": groups} if groups > 1 or self.draw.chance(0.1) else {}

    def windows(self, kernel, stride, dilation, sides):
        return [extent_after(*each) for each in zip(self.extents, triple(kernel, self.axes), triple(stride, self.axes),
                                                   triple(dilation, self.axes), sides)]

    def conv(self):
        filters, groups = self.channels_and_groups()
        attributes = {"filters": filters, "kernel": self.per_axis(1, 4 if self.draw.chance(0.3) else 3), **groups}
        if self.draw.chance(0.4):
            attributes["stride"] = self.per_axis(1, 3)
        if self.draw.chance(0.25):
            attributes["dilation"] = self.per_axis(1, 3)
        if self.draw.chance(0.6):
            attributes["padding"] = self.padding(self.draw.whole(1, 4))
        if self.draw.chance(0.3):
            attributes["bias"] = self.draw.chance(0.5)
        extents = self.windows(attributes["kernel"], attributes.get("stride", 1), attributes.get("dilation", 1),
                               pads(attributes, self.axes, "same"))
        return self.fits(extents, filters) and self.append("conv", attributes, extents, filters)

    def transposed_conv(self):
        filters, groups = self.channels_and_groups()
        attributes = {"filters": filters, "kernel": self.per_axis(1, 3), **groups}
        stride = self.per_axis(1, 3)
        attributes["stride"] = stride
        strides = triple(stride, self.axes)[-self.axes:]
        if self.draw.chance(0.25):
            attributes["dilation"] = self.per_axis(1, 2)
        if self.draw.chance(0.6):
            attributes["padding"] = self.padding(3)
        if self.draw.chance(0.4):
            attributes["output_padding"] = [self.draw.whole(0, step - 1) for step in strides]
        if self.draw.chance(0.3):
            attributes["bias"] = self.draw.chance(0.5)
        return self.append_grown(attributes, filters)

    def append_grown(self, attributes, filters):
        strides, dilations = triple(attributes["stride"], self.axes), triple(attributes.get("dilation", 1), self.axes)
        extra = triple(attributes.get("output_padding", 0), self.axes, 0)
        reach = [d * (k - 1) + 1 for k, d in zip(triple(attributes["kernel"], self.axes), dilations)]
        if attributes.get("padding") == "same":
            extents = [extent * stride for extent, stride in zip(self.extents, strides)]
            # what comes beyond the border must be less than the stride
            if any(max(s - r, 0) >= s and s > 1 for s, r in zip(strides, reach)):
                return False
        else:
            sides = pads(attributes, self.axes, "valid")
            extents = [(extent - 1) * s - sum(side) + r + e for extent, s, side, r, e in zip(self.extents, strides, sides, reach, extra)]
        return self.fits(extents, filters) and self.append("transposed_conv", attributes, extents, filters)

    def norm_options(self):
        return {"epsilon": self.draw.magnitude(1e-6, 1e-2)} if self.draw.chance(0.4) else {}

    def batch_norm(self):
        attributes = self.norm_options()
        if self.draw.chance(0.3):
            attributes["momentum"] = self.draw.pick([0.0, 0.01, 0.3, 1.0])
        enough = self.samples * self.values() // self.channels >= LEAST_PER_STATISTIC
        return enough and self.append("batch_norm", attributes)

    def instance_norm(self):
        attributes = self.norm_options()
        if self.draw.chance(0.4):
            attributes["affine"] = self.draw.chance(0.3)
        return self.values() // self.channels >= LEAST_PER_STATISTIC and self.append("instance_norm", attributes)

    def group_norm(self):
        groups = self.draw.pick([g for g in range(1, self.channels + 1) if self.channels % g == 0])
        return self.values() // groups >= LEAST_PER_STATISTIC and self.append("group_norm", {"groups": groups, **self.norm_options()})

    def layer_norm(self):
        return self.channels >= 4 and self.append("layer_norm", self.norm_options())

    def activation(self):
        kind = self.draw.pick(["relu", "relu", "relu", "leaky_relu", "gelu", "gelu", "sigmoid"])
        attributes = {}
        if kind == "leaky_relu" and self.draw.chance(0.6):
            attributes["slope"] = self.draw.pick([0.1, 0.2, -0.3, 0.001])
        if kind == "gelu" and self.draw.chance(0.5):
            attributes["approximate"] = self.draw.pick(["none", "tanh"])
        return self.append(kind, attributes)

    def dropout(self):
        return self.append("dropout", {"rate": self.draw.pick([0.0, 0.1, 0.25, 0.6])} if self.draw.chance(0.8) else {})

    def max_pool(self):
        return self.pool("max_pool", {})

    def avg_pool(self):
        return self.pool("avg_pool", {"count_include_pad": self.draw.chance(0.4)} if self.draw.chance(0.5) else {})

    def pool(self, kind, attributes):
        attributes["kernel"] = kernel = self.per_axis(1, 3)
        if self.draw.chance(0.6):
            attributes["stride"] = self.per_axis(1, 3)
        if self.draw.chance(0.5):
            attributes["padding"] = self.padding(min(triple(kernel, self.axes)[-self.axes:]))
        sides, stride = pads(attributes, self.axes, "valid"), attributes.get("stride", kernel)
        extents = self.windows(kernel, stride, 1, sides)
        axes = zip(self.extents, triple(kernel, self.axes), triple(stride, self.axes), sides, extents)
        reads_pixels = all((out - 1) * s - before < size and k - before > 0 for size, k, s, (before, _), out in axes)
        return self.fits(extents, self.channels) and reads_pixels and self.append(kind, attributes, extents)

    def global_pool(self):
        kind = {"kind": self.draw.pick(["average", "max"])} if self.draw.chance(0.6) else {}
        return self.append("global_pool", kind, [1, 1, 1])

    def upsample(self):
        scale = self.per_axis(1, 3)
        extents = [extent * factor for extent, factor in zip(self.extents, triple(scale, self.axes))]
        mode = {"mode": self.draw.pick(["nearest", "linear"])} if self.draw.chance(0.7) else {}
        return self.fits(extents, self.channels) and self.append("upsample", {"scale": scale, **mode}, extents)

    def linear(self):
        features = self.draw.whole(1, MOST_CHANNELS)
        bias = {"bias": self.draw.chance(0.5)} if self.draw.chance(0.3) else {}
        return self.fits(self.extents, features) and self.append("linear", {"features": features, **bias}, None, features)

    def add(self):
        alike = [name for name, extents, channels in self.known if extents == tuple(self.extents) and channels == self.channels]
        if not alike:
            return False
        sources = [self.draw.pick(alike) for _ in range(self.draw.whole(1, 3))]
        return self.append("add", {"from": sources if len(sources) > 1 or self.draw.chance(0.5) else sources[0]})

    def concat(self):
        alike = [(name, channels) for name, extents, channels in self.known if extents == tuple(self.extents)]
        if not alike:
            return False
        sources = [self.draw.pick(alike) for _ in range(self.draw.whole(1, 3))]
        channels = sum(count for _, count in sources) + (self.channels if len(sources) == 1 else 0)
        names = [name for name, _ in sources]
        return self.fits(self.extents, channels) and channels <= 2 * MOST_CHANNELS and self.append("concat", {"from": names}, None, channels)

    def slice(self):
        sizes = {"d": self.extents[0], "h": self.extents[1], "w": self.extents[2], "c": self.channels}
        axis = self.draw.pick([axis for axis, size in sizes.items() if size > 1] or ["c"])
        begin = self.draw.whole(0, (sizes[axis] - 1) // 2)
        end = self.draw.whole(max(begin + 1, sizes[axis] // 2), sizes[axis])
        sizes[axis] = end - begin
        attributes = {"axis": axis, "end": end, **({"begin": begin} if begin or self.draw.chance(0.5) else {})}
        return self.append("slice", attributes, [sizes["d"], sizes["h"], sizes["w"]], sizes["c"])

    def flatten(self):
        return self.values() <= 200 and self.append("flatten", {}, [1, 1, 1], self.values())

    def branch(self):
        """A layer that reads an earlier one instead of the last, and as a rule one that joins both."""
        end = self.name_last()
        extents, channels = list(self.extents), self.channels
        name, self.extents, self.channels = self.draw.pick(self.known[-6:])
        if not self.any_of(["conv", "conv", "activation", "max_pool", "batch_norm", "upsample", "slice", "linear"]):
            self.extents, self.channels = extents, channels
            return False
        kind, attributes = kind_of(self.layers[-1])
        self.layers[-1] = {kind: dict(attributes, **{"from": name if self.draw.chance(0.7) else [name]})}
        return self.join(end, extents, channels) or True

    def join(self, end, extents, channels):
        """Adds the layer called `end` to the last one, or joins them, where the sizes allow it."""
        if list(self.extents) != extents or self.draw.chance(0.15):
            return False
        if self.channels == channels and self.draw.chance(0.6):
            return self.append("add", {"from": self.draw.pick([end, [end]])})
        return self.fits(extents, channels + self.channels) and self.append("concat", {"from": [end]}, None, channels + self.channels)

    def name_last(self):
        """A name for the last layer; 'input' if there is none."""
        if not self.layers:
            return "input"
        kind, attributes = kind_of(self.layers[-1])
        if "name" not in attributes:
            attributes = dict(attributes, name="end%d" % len(self.layers))
            self.layers[-1] = {kind: attributes}
            self.known.append((attributes["name"], tuple(self.extents), self.channels))
        return attributes["name"]

    def any_of(self, kinds):
        return any(getattr(self, self.draw.pick(kinds))() for _ in range(20))


BODY = (["conv"] * 7 + ["activation"] * 6 + ["batch_norm"] * 3 + ["max_pool", "avg_pool", "transposed_conv", "add", "concat", "branch"] * 2 +
        ["instance_norm", "group_norm", "layer_norm", "dropout", "upsample", "linear", "slice"])
TAIL = ["linear", "activation", "batch_norm", "layer_norm", "dropout", "conv", "concat", "add", "slice"]


def draw_layers(draw, deck, micro_batch):
    """Body and head; returns the layers, extents and channels of the output."""
    size, train = deck["image"]["size"], deck["train"]
    layers = LayerList(draw, size, deck["image"]["channels"], micro_batch, train.get("norm_batch"))
    for _ in range(draw.whole(2, 9)):
        layers.any_of(BODY)
    if draw.chance(0.4):  # one result per image
        layers.any_of(["global_pool", "global_pool", "flatten"]) and draw.chance(0.5) and layers.any_of(TAIL)
        if draw.chance(0.2):
            layers.any_of(["flatten"])
    classes = draw.pick([1, 2, 2, 3, 5])
    head = {"filters": classes, "kernel": 1}
    if draw.chance(0.5):
        layers.append("linear", {"features": classes}, None, classes)
    else:
        layers.append("conv", head, None, classes)
    if draw.chance(0.1):
        layers.any_of(["activation", "upsample", "avg_pool"])
    return layers.layers, layers.extents, classes


def draw_built(draw, deck, micro_batch):
    """A small network of the other kinds; returns model, extents of the output and classes."""
    classes = draw.pick([2, 3, 4])
    name = draw.pick(["unet"] * 5 + ["resnet_cifar"] * 4 + ["amoebanet"])
    if name == "unet":
        axes, levels = len(deck["image"]["size"]), draw.whole(1, 2)
        size = [2 ** levels * draw.whole(*((2, 3) if axes == 3 else (3, 5))) for _ in range(axes)]
        deck["image"]["size"] = size
        norm = draw.pick(["batch", "instance", "group", "none"])
        model = {"name": name, "classes": classes, "base": 4, "levels": levels, "norm": norm, "up": draw.pick(["transposed", "nearest", "linear"])}
        if norm == "group":
            model["norm_groups"] = draw.pick([1, 2, 4])
        return model, ([1] if axes == 2 else []) + size, classes
    if name == "resnet_cifar":
        version = draw.pick([1, 2])
        deck["image"]["size"] = [32, 32] if version == 2 else [draw.whole(12, 24), draw.whole(12, 24)]
        return {"name": name, "classes": classes, "depth": 8 if version == 1 else 11, "version": version, "width": 4}, [1, 1, 1], classes
    deck["image"]["size"] = [64, 64] if micro_batch > 1 else [96, 96]  # 2 x 2 or 3 x 3 pixels at the end
    return {"name": name, "classes": classes, "cells": 3, "filters": 16}, [1, 1, 1], classes


def draw_losses(draw, classes):
    def common(loss, **more):
        if draw.chance(0.3):
            loss["weight"] = draw.pick([0.5, 2.0, 1.7])
        loss.update({key: value for key, value in more.items() if draw.chance(0.5)})
        return loss if len(loss) > 1 or draw.chance(0.5) else loss["name"]
    softmax = common({"name": "softmax_cross_entropy"}, label_smoothing=draw.pick([0.05, 0.3]))
    bce = common({"name": "bce_with_logits"}, positive_weight=draw.pick([0.3, 4.0]))
    dice = common({"name": "dice"}, smooth=draw.pick([0.0, 0.1, 3.0]))
    if classes == 1:
        return draw.pick([bce, [bce], dice, [bce, dice]])
    return draw.pick([softmax, softmax, [softmax], bce, dice, [softmax, dice], [dice, softmax]])


def draw_optimizer(draw):
    decay = {"weight_decay": draw.magnitude(1e-4, 0.1)} if draw.chance(0.5) else {}
    if decay and draw.chance(0.4):
        decay["decay_norm_and_bias"] = draw.chance(0.8)
    if draw.chance(0.5):
        adamw = {"name": "adamw", "lr": draw.magnitude(1e-4, 1e-2), **decay}
        options = {"beta1": draw.pick([0.0, 0.5, 0.95]), "beta2": draw.pick([0.9, 0.99])}
        adamw.update({key: value for key, value in options.items() if draw.chance(0.5)})
        if draw.chance(0.85):  # a small one turns a gradient that is rounding into a step
            adamw["epsilon"] = draw.magnitude(3e-6, 1e-2)
        return adamw
    sgd = {"name": "sgd", "lr": draw.magnitude(1e-3, 3e-2), **decay}
    if draw.chance(0.7):
        sgd["momentum"] = draw.pick([0.5, 0.9])
        if draw.chance(0.5):
            sgd["nesterov"] = draw.chance(0.8)
    return sgd


def draw_schedule(draw, lr, steps):
    warmup = {"warmup_steps": draw.whole(1, steps)} if draw.chance(0.4) else {}
    final = {"final_lr": round(lr * draw.pick([0.01, 0.5]), 9)} if draw.chance(0.5) else {}
    name = draw.pick(["constant", "step", "cosine", "polynomial"])
    if name == "step":
        milestones = draw.pick([[1], [2], [1, 2], [0.5], [0.3, 0.7]])
        gamma = {"gamma": draw.pick([0.5, 0.1, 2.0])} if draw.chance(0.6) else {}
        return {"name": name, "milestones": milestones, **gamma, **warmup}
    if name == "polynomial":
        power = {"power": draw.pick([0.5, 2.0])} if draw.chance(0.6) else {}
        return {"name": name, **power, **final, **warmup}
    if name == "cosine":
        return {"name": name, **final, **warmup}
    return {"name": name, **warmup} if warmup else name


def draw_normalize(draw, channels):
    kind = draw.pick(["none", "none", "scale", "given", "sample", "dataset"])
    if kind == "none":
        return kind
    normalize = {"kind": kind}
    options = {"factor": draw.pick([0.5, 1.5]), "offset": draw.pick([0.2, -0.4]), "clip_lo": -1.5, "clip_hi": 1.8, "log": True}
    normalize.update({key: value for key, value in options.items() if draw.chance(0.25)})
    if kind == "given":
        count = draw.pick([1, channels])
        normalize.update(mean=[draw.between(-0.3, 0.3) for _ in range(count)], deviation=[draw.between(0.5, 2.0) for _ in range(count)])
    return normalize


def draw_train(draw, precision, micro_batches=None):
    parts = micro_batches or draw.pick([1, 1, 2, 3, 4])
    micro_batch = draw.whole(1, 4 if parts <= 2 else 2)
    steps = draw.whole(2, 4)
    train = {"batch": parts * micro_batch, "steps": steps, "seed": draw.whole(1, 10 ** 6), "precision": precision, "resume": "never"}
    if parts > 1:
        train["micro_batches"] = parts
    if micro_batch > 1 and draw.chance(0.3):
        train["norm_batch"] = draw.pick([n for n in range(1, micro_batch + 1) if micro_batch % n == 0])
    train["optimizer"] = draw_optimizer(draw)
    if draw.chance(0.8):
        train["schedule"] = draw_schedule(draw, train["optimizer"]["lr"], steps)
    if draw.chance(0.4):
        train["clip_norm"] = draw.magnitude(1e-2, 10)
    if draw.chance(0.25):
        train["clip_value"] = draw.magnitude(1e-3, 1)
    train["checkpoint"] = {"every": steps}
    return train


def draw_deck(seed, precision, micro_batches=None):
    """The deck, and what `write_data` needs besides: extents of the labels, and classes (0: values)."""
    draw = Draw(seed)
    three = draw.chance(0.35)
    size = [draw.whole(2, 6), draw.whole(4, 9), draw.whole(4, 9)] if three else [draw.whole(5, 20), draw.whole(5, 20)]
    deck = {"name": "random-%d" % seed, "image": {"size": size, "channels": draw.whole(1, 4)}}
    train = deck["train"] = draw_train(draw, precision, micro_batches)
    micro_batch = train["batch"] // train.get("micro_batches", 1)
    if draw.chance(0.08):
        train.pop("norm_batch", None)
        deck["model"], extents, classes = draw_built(draw, deck, micro_batch)
    else:
        layers, extents, classes = draw_layers(draw, deck, micro_batch)
        deck["model"] = {"name": "layers", "layers": layers} if draw.chance(0.5) else {"layers": layers}
    is_built = "layers" not in deck["model"]  # of whose values the reference knows the last one only
    train["loss"] = draw_losses(draw, classes)
    values = "bce" in str(train["loss"]) or (classes == 1 and "dice" in str(train["loss"]))
    deck["data"] = draw_data(draw, deck, extents)
    if draw.chance(0.4) and (classes == 1 or not values):
        train["metrics"] = draw.some(["accuracy", "f1", "iou", "dice"], draw.whole(1, 4))
    if "eval" in deck["data"]:
        options = {"eval_every": draw.whole(1, 2), "eval_batches": 1}
        train.update({key: value for key, value in options.items() if draw.chance(0.3)})
    if draw.chance(0.3):
        deck["data"]["ignore_label"] = draw.pick([255, -1, 7])
    deck["memory"] = {"recompute": draw.pick(["none", "cheap", "blocks"])}
    deck["kernels"] = draw.pick(["automatic", "native"])
    activations = ["*"] if draw.chance(0.3) and not is_built else []
    dump = {"file": "dump.h5", "step": draw.whole(1, train["steps"]), "activations": activations}
    deck["output"] = {"folder": "out", "pictures": 0, "dump": dump}
    if draw.chance(0.5):
        train["init"] = {"file": "initial.h5"}
    labels = {"extents": extents, "channels": classes if values else 1, "classes": 0 if values else classes}
    return deck, labels


def draw_data(draw, deck, extents):
    """`extents` of the labels: masks of another size than the image's cannot be augmented."""
    size = deck["image"]["size"]
    axes = "dhw" if len(size) == 3 else "hw"
    train = {"file": "data.h5", "x_axes": draw.pick(["n" + axes + "c", "nc" + axes, axes + "cn"])}
    data = {"train": train, "normalize": draw_normalize(draw, deck["image"]["channels"]), "shuffle": draw.chance(0.6)}
    if draw.chance(0.5):
        data["eval"] = dict(train, **({"first": 1} if draw.chance(0.5) else {}))
    if draw.chance(0.35) and (extents == [1, 1, 1] or extents[3 - len(size):] == size):
        augment = {"flip_h": True, "flip_w": True}
        augment.update({"flip_d": True} if len(size) == 3 else {})
        augment.update({"rotate90": True} if size[-1] == size[-2] else {})
        augment["crop_pad"] = draw.whole(1, 3)
        data["augment"] = {key: value for key, value in augment.items() if draw.chance(0.5)}
    return data


def write_data(deck, labels, folder, seed, moved=0.0):
    """data.h5; `moved`: images differ by this much, relative, from those of the seed."""
    rng = numpy.random.default_rng(seed)
    size, channels, batch = deck["image"]["size"], deck["image"]["channels"], deck["train"]["batch"]
    samples = batch + int(rng.integers(1, 2 * batch + 2))
    axes = "dhw" if len(size) == 3 else "hw"
    x = rng.standard_normal((samples, *size, channels))
    y_shape = (samples, *labels["extents"][3 - len(size):], labels["channels"])
    if labels["classes"]:
        y = rng.integers(0, labels["classes"], y_shape).astype("i4")
    else:
        y = (rng.integers(0, 2, y_shape) if rng.random() < 0.5 else rng.random(y_shape)).astype("f4")
    if "ignore_label" in deck["data"]:
        y[rng.random(y_shape) < 0.3] = deck["data"]["ignore_label"]
    x *= 1 + moved * rng.standard_normal(x.shape)
    stored = "n" + axes + "c"
    if min(y_shape[1:-1]) == max(y_shape[1:-1]) == 1:  # one label per image
        y, y_axes = (y.reshape(samples), "n") if labels["channels"] == 1 else (y.reshape(samples, -1), "nc")
    else:
        y, y_axes = (y[..., 0], "n" + axes) if labels["channels"] == 1 else (y, stored)
    for source in {"train", "eval"} & set(deck["data"]):
        deck["data"][source]["y_axes"] = y_axes
    with h5py.File(os.path.join(folder, "data.h5"), "w") as file:
        file["x"] = x.astype("f4").transpose([stored.index(axis) for axis in deck["data"]["train"]["x_axes"]])
        file["y"] = y
