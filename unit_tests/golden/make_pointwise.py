#!/usr/bin/env python3
"""Golden values of activations, normalisations and losses, computed by PyTorch in f64.

Writes pointwise.h5 beside this script: one group per case with tensors in channels-last order (n, d, h, w, c) and the
operator's attributes. Values are small multiples of 1/8, exact in f32 and bf16, so that tests in those types start from
the same numbers.
"""
import pathlib

import h5py
import numpy
import torch
import torch.nn.functional as F

rng = numpy.random.default_rng(20240611)
torch.set_default_dtype(torch.float64)

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.125),
    "gelu_erf": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "sigmoid": torch.sigmoid,
}
KINDS = {"batch": 0, "instance": 1, "group": 2}


def draw(*shape, low=-16, high=16):
    """Leaf tensor; image tensors are drawn in PyTorch's order (n, c, d, h, w)."""
    return torch.tensor(rng.integers(low, high + 1, shape) / 8.0).requires_grad_()


def channels_last(x):  # (n, c, d, h, w) -> (n, d, h, w, c)
    return x.detach().permute(0, 2, 3, 4, 1).contiguous().numpy()


def vector(b):
    return b.detach().reshape(1, 1, 1, 1, -1).numpy()


def smallest(values):
    """The values in the smallest type that holds them exactly."""
    if values.dtype.kind == "i":
        return values.astype(numpy.int16)
    for dtype in (numpy.float16, numpy.float32):
        if numpy.array_equal(values.astype(dtype).astype(numpy.float64), values):
            return values.astype(dtype)
    return values


def save(file, name, tensors, attributes):
    group = file.create_group(name)
    for key, value in tensors.items():
        packing = dict(compression="gzip", compression_opts=9, shuffle=True) if value.size > 256 else {}
        group.create_dataset(key, data=smallest(value), **packing)
    for key, value in attributes.items():
        group.attrs[key] = numpy.asarray(value, dtype=numpy.float64)


def activation(file, kind):
    x = draw(2, 5, 1, 4, 5, low=-40, high=40)
    dy = draw(2, 5, 1, 4, 5)
    y = ACTIVATIONS[kind](x)
    y.backward(dy.detach())
    save(file, "activation_" + kind,
         dict(x=channels_last(x), y=channels_last(y), dy=channels_last(dy), dx=channels_last(x.grad)),
         dict(kind=list(ACTIVATIONS).index(kind), slope=0.125))


def normalise(kind, x, gamma, beta, running, groups, samples, epsilon, momentum, evaluate):
    """Normalised x; running statistics are updated in place as documented in core/ops/norm.hpp."""
    if kind == "instance":
        return F.instance_norm(x, weight=gamma, bias=beta, eps=epsilon)
    if kind == "group":
        return F.group_norm(x, groups, gamma, beta, epsilon)
    if evaluate:
        return F.batch_norm(x, *running, gamma, beta, False, momentum, epsilon)
    parts, updates = [], []
    for part in x.split(samples or x.shape[0]):
        own = [statistic.clone() for statistic in running]
        parts.append(F.batch_norm(part, *own, gamma, beta, True, momentum, epsilon))
        updates.append(own)
    for i, statistic in enumerate(running):
        statistic.copy_(sum(update[i] for update in updates) / len(updates))
    return torch.cat(parts)


def norm(file, kind, shape, act="none", residual=False, affine=True, groups=1, samples=0, epsilon=1e-5, momentum=0.1,
         evaluate=False):
    x, dy = draw(*shape), draw(*shape)
    c = shape[1]
    tensors, gradients = dict(x=channels_last(x), dy=channels_last(dy)), dict(x=x)
    gamma, beta = (draw(c, low=4, high=16), draw(c)) if affine else (None, None)
    running = [draw(c).detach(), draw(c, low=4, high=24).detach()]
    if kind == "batch":
        tensors.update(running_mean=vector(running[0]).copy(), running_var=vector(running[1]).copy())
    z = normalise(kind, x, gamma, beta, running, groups, samples, epsilon, momentum, evaluate)
    if affine:
        tensors.update(gamma=vector(gamma), beta=vector(beta))
    if residual:
        addend = draw(*shape)
        tensors["residual"] = channels_last(addend)
        gradients["residual"] = addend
        z = z + addend
    y = ACTIVATIONS[act](z)
    y.backward(dy.detach())
    tensors["y"] = channels_last(y)
    tensors.update({"d" + name: channels_last(value.grad) for name, value in gradients.items()})
    if affine:
        tensors.update(dgamma=vector(gamma.grad), dbeta=vector(beta.grad))
    if kind == "batch":
        tensors.update(running_mean_after=vector(running[0]), running_var_after=vector(running[1]))
    name = "norm_{}_{}".format(kind, sum(key.startswith("norm_" + kind) for key in file))
    save(file, name, tensors,
         dict(kind=KINDS[kind], activation=list(ACTIVATIONS).index(act), slope=0.125, residual=residual, affine=affine,
              groups=groups, samples_per_group=samples, epsilon=epsilon, momentum=momentum, evaluate=evaluate))


def finish_loss(file, name, loss, logits, labels, weight, attributes):
    total = weight * loss
    total.backward()
    save(file, name,
         dict(logits=channels_last(logits), labels=labels, loss=total.detach().reshape(1).numpy(),
              dlogits=channels_last(logits.grad)),
         dict(attributes, weight=weight))


def softmax_cross_entropy(file, name, shape, ignore=None, smoothing=0.0, weight=1.0):
    logits = draw(*shape, low=-40, high=40)
    labels = torch.tensor(rng.integers(0, shape[1], (shape[0],) + shape[2:]))
    if ignore is not None:
        labels[torch.tensor(rng.random(labels.shape) < 0.3)] = ignore
    loss = F.cross_entropy(logits, labels, ignore_index=-100 if ignore is None else ignore, label_smoothing=smoothing)
    finish_loss(file, "softmax_cross_entropy_" + name, loss, logits, labels.unsqueeze(-1).numpy(), weight,
                dict(ignores=ignore is not None, ignore_index=ignore or 0, label_smoothing=smoothing))


def bce_with_logits(file, name, shape, positive_weight=1.0, weight=1.0, soft=False):
    logits = draw(*shape, low=-60, high=60)
    targets = draw(*shape, low=0, high=8).detach() if soft else torch.tensor(rng.integers(0, 2, shape) * 1.0)
    loss = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=torch.tensor([positive_weight]))
    finish_loss(file, "bce_with_logits_" + name, loss, logits, channels_last(targets), weight,
                dict(positive_weight=positive_weight, soft=soft))


def dice(file, name, shape, smooth=1.0, weight=1.0, present=None, ignore=None):
    """The formula of core/ops/dice.hpp, differentiated by PyTorch; `present`: for each sample, the classes drawn."""
    logits = draw(*shape)
    classes = shape[1]
    labels = torch.tensor(rng.integers(0, max(classes, 2), (shape[0],) + shape[2:]))
    for sample, of in enumerate(present or []):
        labels[sample] = torch.tensor(rng.choice(of, shape[2:]))
    counts = torch.ones(labels.shape, dtype=torch.bool)
    if ignore is not None:
        labels[torch.tensor(rng.random(labels.shape) < 0.3)] = ignore
        counts = labels != ignore
    if classes == 1:
        p, t = torch.sigmoid(logits), labels.unsqueeze(1) * 1.0
    else:
        p, t = torch.softmax(logits, 1), F.one_hot(torch.where(counts, labels, 0), classes).movedim(-1, 1) * 1.0
    counts = counts.unsqueeze(1) * 1.0
    axes = (2, 3, 4)
    both, predicted, wanted = (p * t * counts).sum(axes), (p * counts).sum(axes), (t * counts).sum(axes)
    score = (2 * both + smooth) / (predicted + wanted + smooth)
    occurs = torch.ones_like(wanted) if classes == 1 else (wanted > 0) * 1.0
    loss = (((1 - score) * occurs).sum(1) / occurs.sum(1)).mean()
    finish_loss(file, "dice_" + name, loss, logits, labels.unsqueeze(-1).numpy(), weight,
                dict(smooth=smooth, ignores=ignore is not None, ignore_index=ignore or 0))


with h5py.File(pathlib.Path(__file__).with_name("pointwise.h5"), "w", libver=("v110", "v110")) as file:
    for kind in ACTIVATIONS:
        activation(file, kind)

    norm(file, "batch", (3, 16, 1, 3, 5), "relu")
    norm(file, "batch", (2, 3, 3, 5, 4))
    norm(file, "batch", (4, 5, 1, 3, 3), "leaky_relu", samples=2, momentum=0.25)
    norm(file, "batch", (2, 8, 1, 6, 5), "relu", residual=True)
    norm(file, "batch", (2, 3, 1, 4, 4), "sigmoid", affine=False, epsilon=1e-3)
    norm(file, "batch", (2, 6, 1, 5, 5), "relu", residual=True, evaluate=True)
    norm(file, "batch", (1, 259, 1, 2, 3), "relu")
    norm(file, "batch", (6, 7, 1, 1, 1), "none", residual=True, samples=3)
    norm(file, "batch", (2, 4, 1, 3, 7), "gelu_erf", evaluate=True)
    norm(file, "instance", (3, 4, 1, 7, 5), "gelu_tanh")
    norm(file, "instance", (2, 3, 2, 3, 5), residual=True, affine=False)
    norm(file, "group", (2, 6, 1, 5, 7), "relu", groups=2)
    norm(file, "group", (3, 8, 1, 4, 4), "gelu_erf", residual=True, groups=4)
    norm(file, "group", (2, 5, 2, 3, 3), groups=1)

    softmax_cross_entropy(file, "pixels", (2, 5, 1, 9, 11))
    softmax_cross_entropy(file, "classes", (6, 10, 1, 1, 1), weight=0.7)
    softmax_cross_entropy(file, "smoothing", (3, 4, 2, 2, 3), smoothing=0.1)
    softmax_cross_entropy(file, "ignore", (2, 3, 1, 5, 7), ignore=255, weight=0.5)
    softmax_cross_entropy(file, "ignore_smoothing", (2, 3, 1, 5, 7), ignore=-7, smoothing=0.2)
    bce_with_logits(file, "plain", (2, 1, 1, 9, 10))
    bce_with_logits(file, "positive_weight", (2, 3, 1, 5, 4), positive_weight=2.5, weight=0.7)
    bce_with_logits(file, "soft", (2, 2, 2, 3, 4), soft=True)
    dice(file, "binary", (3, 1, 1, 9, 10))
    dice(file, "classes", (2, 4, 2, 5, 7), smooth=0.5, weight=0.7)
    dice(file, "absent_classes", (3, 4, 1, 5, 7), present=[[0, 2], [1], [0, 1, 2, 3]], weight=0.7)
    dice(file, "absent_classes_ignore", (3, 3, 1, 6, 5), present=[[0, 1], [2], [0, 255]], smooth=0.5, ignore=255)
    dice(file, "empty_mask", (2, 1, 1, 5, 6), present=[[0], [0, 1]])
