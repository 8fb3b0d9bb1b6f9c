"""A deck's network in PyTorch, written from the deck alone. Images are (n, c, d, h, w) throughout, d = 1 in two dimensions."""
import numpy
import torch
from torch.nn import functional

import pytorch_models
from random_networks import streams

WINDOWED = ("conv", "transposed_conv", "max_pool", "avg_pool")


class Step:
    """What layers need to know of the micro-batch they are given."""

    def __init__(self, seed, step, first_sample):
        self.seed, self.step, self.first_sample = seed, step, first_sample


def kind_of(layer):
    """(kind, attributes) of an item of model.layers: a bare word, or a key with attributes."""
    if isinstance(layer, str):
        return layer, {}
    (kind, attributes), = layer.items()
    return kind, attributes or {}


def triple(value, axes, other=1):
    """Numbers along (d, h, w) of one number or a list over the image axes."""
    values = value if isinstance(value, list) else [value]
    values = values * axes if len(values) == 1 else values
    return tuple(values) if axes == 3 else (other, *values)


def pads(attributes, axes, default):
    """[before, after] along (d, h, w)."""
    padding = attributes.get("padding", default)
    sizes, dilations = triple(attributes["kernel"], axes), triple(attributes.get("dilation", 1), axes)
    if padding == "valid":
        return [(0, 0)] * 3
    if padding == "same":
        reach = [dilation * (size - 1) for size, dilation in zip(sizes, dilations)]
        return [(all_ // 2, all_ - all_ // 2) for all_ in reach]
    sides = padding if isinstance(padding, list) else [padding]
    sides = [tuple(side) if isinstance(side, list) else (side, side) for side in sides]
    sides = sides * axes if len(sides) == 1 else sides
    return ([(0, 0)] if axes == 2 else []) + sides


def pad(x, sides, value=0.0):
    flat = [number for side in reversed(sides) for number in side]
    return functional.pad(x, flat, value=value) if any(flat) else x


def grouped_batch_norm(x, weight, bias, epsilon, samples):
    """(y, mean, unbiased variance): statistics of every `samples` samples; mean and variance are means over the groups."""
    parts = x.split(samples)
    y = torch.cat([functional.batch_norm(part, None, None, weight, bias, True, 0.0, epsilon) for part in parts])
    values = [part.detach().transpose(0, 1).flatten(1) for part in parts]
    mean = torch.stack([value.mean(1) for value in values]).mean(0)
    variance = torch.stack([value.var(1, unbiased=value.shape[1] > 1) for value in values]).mean(0)
    return y, mean, variance


class ListedNetwork:
    """model.layers, layer by layer. A step of None is an evaluation: running statistics, no dropout."""

    def __init__(self, deck):
        self.deck, self.axes = deck, len(deck["image"]["size"])
        self.norm_batch = deck["train"].get("norm_batch")
        self.layers, counters = [], {}
        for layer in deck["model"]["layers"]:
            kind, attributes = kind_of(layer)
            if "name" not in attributes:
                counters[kind] = counters.get(kind, 0) + 1
            self.layers.append((kind, attributes, attributes.get("name", "%s%d" % (kind, counters.get(kind, 0)))))
        self.parameters, self.state, self.gradient_dropped_at = {}, {}, None

    def set_parameters(self, arrays):
        """From the program's arrays, (t, r, s, c, k) or (1, 1, 1, 1, c)."""
        kinds = {name: kind for kind, _, name in self.layers}
        for name, array in arrays.items():
            layer, part = name.rsplit(".", 1)
            value = array.reshape(-1)
            if part == "weight" and kinds[layer] in ("conv", "transposed_conv", "linear"):
                value = array.transpose(4, 3, 0, 1, 2)
                value = value.reshape(value.shape[:2]) if kinds[layer] == "linear" else value
            self.parameters[name] = torch.tensor(numpy.ascontiguousarray(value), requires_grad=True)
        for kind, _, name in self.layers:
            if kind == "batch_norm":
                size = self.parameters[name + ".weight"].shape[0]
                self.state[name + ".running_mean"] = torch.zeros(size, dtype=torch.float64)
                self.state[name + ".running_var"] = torch.ones(size, dtype=torch.float64)

    def decayed(self):
        """Parameters that weight decay holds for unless decay_norm_and_bias is set."""
        return {name + ".weight" for kind, _, name in self.layers if kind in ("conv", "transposed_conv", "linear")}

    def forward(self, x, step, activations=None):
        results, previous = {"input": x}, x
        for number, (kind, attributes, name) in enumerate(self.layers):
            sources = attributes.get("from", [])
            inputs = [results[source] for source in (sources if isinstance(sources, list) else [sources])]
            if not inputs or (kind in ("add", "concat") and len(inputs) == 1):
                inputs.insert(0, previous)
            if number == self.gradient_dropped_at:
                inputs[0] = without_border(inputs[0])
            previous = getattr(self, kind)(name, attributes, inputs, step)
            results[name] = previous
            if activations is not None:
                activations[name] = previous.detach()
        return previous

    def conv(self, name, a, inputs, _):
        x = pad(inputs[0], pads(a, self.axes, "same"))
        return functional.conv3d(x, self.parameters[name + ".weight"], self.parameters.get(name + ".bias"),
                                 triple(a.get("stride", 1), self.axes), 0, triple(a.get("dilation", 1), self.axes), a.get("groups", 1))

    def transposed_conv(self, name, a, inputs, _):
        """The whole result, of which padding crops the borders."""
        strides, dilations = triple(a.get("stride", 1), self.axes), triple(a.get("dilation", 1), self.axes)
        extra = list(triple(a.get("output_padding", 0), self.axes, 0))
        reach = [dilation * (size - 1) + 1 for size, dilation in zip(triple(a["kernel"], self.axes), dilations)]
        sides = pads(a, self.axes, "valid")
        if a.get("padding") == "same":  # size * stride pixels come out
            surplus = [r - s + e for r, s, e in zip(reach, strides, extra)]
            sides = [(max(s, 0) // 2, max(s, 0) - max(s, 0) // 2) for s in surplus]
            extra = [e + max(-s, 0) for e, s in zip(extra, surplus)]
        whole = functional.conv_transpose3d(inputs[0], self.parameters[name + ".weight"], None, strides, 0, 0, a.get("groups", 1), dilations)
        y = pad(whole, [(-before, e - after) for (before, after), e in zip(sides, extra)])
        bias = self.parameters.get(name + ".bias")
        return y if bias is None else y + bias.reshape(1, -1, 1, 1, 1)

    def batch_norm(self, name, a, inputs, step):
        x = inputs[0]
        if step is None:
            return functional.batch_norm(x, self.state[name + ".running_mean"], self.state[name + ".running_var"],
                                         self.parameters[name + ".weight"], self.parameters[name + ".bias"], False, 0.0, a.get("epsilon", 1e-5))
        y, mean, variance = grouped_batch_norm(x, self.parameters[name + ".weight"], self.parameters[name + ".bias"],
                                               a.get("epsilon", 1e-5), self.norm_batch or x.shape[0])
        momentum = a.get("momentum", 0.1)
        for key, value in ((".running_mean", mean), (".running_var", variance)):
            self.state[name + key] = (1 - momentum) * self.state[name + key] + momentum * value
        return y

    def instance_norm(self, name, a, inputs, _):
        return functional.instance_norm(inputs[0], None, None, self.parameters.get(name + ".weight"), self.parameters.get(name + ".bias"),
                                        True, 0.0, a.get("epsilon", 1e-5))

    def group_norm(self, name, a, inputs, _):
        return functional.group_norm(inputs[0], a["groups"], self.parameters[name + ".weight"], self.parameters[name + ".bias"],
                                     a.get("epsilon", 1e-5))

    def layer_norm(self, name, a, inputs, _):
        x = inputs[0].movedim(1, -1)
        return functional.layer_norm(x, x.shape[-1:], self.parameters[name + ".weight"], self.parameters[name + ".bias"],
                                     a.get("epsilon", 1e-5)).movedim(-1, 1)

    def relu(self, name, a, inputs, _):
        return functional.relu(inputs[0])

    def leaky_relu(self, name, a, inputs, _):
        return functional.leaky_relu(inputs[0], a.get("slope", 0.01))

    def gelu(self, name, a, inputs, _):
        return functional.gelu(inputs[0], approximate=a.get("approximate", "none"))

    def sigmoid(self, name, a, inputs, _):
        return torch.sigmoid(inputs[0])

    def dropout(self, name, a, inputs, step):
        x, rate = inputs[0], a.get("rate", 0.5)
        if rate == 0 or step is None:
            return x
        shape = tuple(x.movedim(1, -1).shape)
        kept = torch.tensor(streams.dropout_kept(name, rate, step.seed, step.step, shape, step.first_sample)).movedim(-1, 1)
        return x * kept / (1 - rate)

    def max_pool(self, name, a, inputs, _):
        x = pad(inputs[0], pads(a, self.axes, "valid"), -float("inf"))
        size = triple(a["kernel"], self.axes)
        return functional.max_pool3d(x, size, triple(a.get("stride", a["kernel"]), self.axes))

    def avg_pool(self, name, a, inputs, _):
        sides, size = pads(a, self.axes, "valid"), triple(a["kernel"], self.axes)
        stride = triple(a.get("stride", a["kernel"]), self.axes)
        y = functional.avg_pool3d(pad(inputs[0], sides), size, stride)
        if a.get("count_include_pad", True):
            return y
        return y / functional.avg_pool3d(pad(torch.ones_like(inputs[0]), sides), size, stride)

    def global_pool(self, name, a, inputs, _):
        pixels = inputs[0].flatten(2)
        y = pixels.mean(2) if a.get("kind", "average") == "average" else pixels.max(2).values
        return y.reshape(*y.shape, 1, 1, 1)

    def upsample(self, name, a, inputs, _):
        scale = tuple(float(number) for number in triple(a["scale"], self.axes))
        if a.get("mode", "nearest") == "nearest":
            return functional.interpolate(inputs[0], scale_factor=scale, mode="nearest")
        return functional.interpolate(inputs[0], scale_factor=scale, mode="trilinear", align_corners=False)

    def linear(self, name, a, inputs, _):
        x = inputs[0].movedim(1, -1)
        return functional.linear(x, self.parameters[name + ".weight"], self.parameters.get(name + ".bias")).movedim(-1, 1)

    def add(self, name, a, inputs, _):
        y = inputs[0]
        for x in inputs[1:]:
            y = y + x
        return y

    def concat(self, name, a, inputs, _):
        return torch.cat(inputs, 1)

    def slice(self, name, a, inputs, _):
        return inputs[0].narrow({"c": 1, "d": 2, "h": 3, "w": 4}[a["axis"]], a.get("begin", 0), a["end"] - a.get("begin", 0))

    def flatten(self, name, a, inputs, _):
        y = inputs[0].movedim(1, -1).flatten(1)
        return y.reshape(*y.shape, 1, 1, 1)


def without_border(x):
    """x, whose gradient loses the first row of pixels: as if a tile had not been given its neighbour's contribution."""
    y = x * 1
    if not y.requires_grad:
        return y

    def drop(gradient):
        gradient = gradient.clone()
        gradient[:, :, :, 0] = 0
        return gradient
    y.register_hook(drop)
    return y


class BuiltNetwork:
    """model.name of the other kinds: the networks of pytorch_models.py."""

    def __init__(self, deck):
        model, size, channels = deck["model"], deck["image"]["size"], deck["image"]["channels"]
        self.axes = len(size)
        options = {key: value for key, value in model.items() if key not in ("name", "norm_groups", "dimensions")}
        if model["name"] == "unet":
            options.update(axes=self.axes, groups=model.get("norm_groups", 8))
        if model["name"] == "resnet_cifar":
            options["size"] = size
        self.module = pytorch_models.build(model["name"], channels=channels, **options).double().train()
        self.parameters = dict(self.module.named_parameters())
        self.norm_batch = deck["train"].get("norm_batch")
        self.state = {name + key: value for name, module in self.module.named_modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
                      for key, value in ((".running_mean", module.running_mean), (".running_var", module.running_var))}
        for module in self.module.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.forward = lambda x, module=module: self.batch_norm(module, x)

    def batch_norm(self, module, x):
        if not module.training:
            return functional.batch_norm(x, module.running_mean, module.running_var, module.weight, module.bias, False, 0.0, module.eps)
        y, mean, variance = grouped_batch_norm(x, module.weight, module.bias, module.eps, self.norm_batch or x.shape[0])
        module.running_mean.mul_(1 - module.momentum).add_(module.momentum * mean)
        module.running_var.mul_(1 - module.momentum).add_(module.momentum * variance)
        return y

    def set_parameters(self, arrays):
        if set(arrays) != set(self.parameters):
            raise KeyError("other parameters than PyTorch's: %s" % ", ".join(sorted(set(arrays) ^ set(self.parameters))))
        pytorch_models.load(self.module, lambda name: arrays[name])

    def decayed(self):
        return {name for name, parameter in self.parameters.items() if parameter.ndim > 1}

    def forward(self, x, step, activations=None):
        self.module.train(step is not None)
        y = self.module(x if self.axes == 3 else x[:, :, 0])
        return y.reshape(*y.shape, *[1] * (5 - y.ndim)) if y.ndim == 2 or self.axes == 3 else y[:, :, None]


def network_of(deck):
    return (ListedNetwork if deck["model"].get("name", "layers") == "layers" else BuiltNetwork)(deck)
