#!/usr/bin/env python3
"""Golden values of layer norm over channels, computed by PyTorch in f64.

Writes layer_norm.h5 beside this script: one group per case with tensors in channels-last order (n, d, h, w, c) and
epsilon as attribute. x, gamma, beta and dy are small multiples of 1/8, exact in f32 and bf16, so that tests in those
types start from the same numbers.
"""
import pathlib

import h5py
import numpy
import torch
import torch.nn.functional as F

rng = numpy.random.default_rng(20240702)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return torch.tensor(rng.integers(-16, 17, shape) / 8.0).requires_grad_()


def smallest(values):
    """The values in the smallest type that holds them exactly."""
    for dtype in (numpy.float16, numpy.float32):
        if numpy.array_equal(values.astype(dtype).astype(numpy.float64), values):
            return values.astype(dtype)
    return values


def layer_norm(file, name, shape, epsilon=1e-5):
    c = shape[-1]
    x, gamma, beta, dy = draw(*shape), draw(c), draw(c), draw(*shape)
    y = F.layer_norm(x, (c,), gamma, beta, epsilon)
    y.backward(dy)
    tensors = dict(x=x, gamma=gamma, beta=beta, dy=dy, y=y, dx=x.grad, dgamma=gamma.grad, dbeta=beta.grad)
    group = file.create_group(name)
    for key, value in tensors.items():
        values = smallest(value.detach().numpy())
        packing = dict(compression="gzip", compression_opts=9, shuffle=True) if values.size > 256 else {}
        group.create_dataset(key, data=values, **packing)
    group.attrs["epsilon"] = numpy.float64(epsilon)


def main():
    with h5py.File(pathlib.Path(__file__).with_name("layer_norm.h5"), "w", libver=("v110", "v110")) as file:
        layer_norm(file, "layer_norm_tokens", (2, 1, 1, 7, 48))
        layer_norm(file, "layer_norm_image", (2, 1, 5, 6, 5))
        layer_norm(file, "layer_norm_volume", (1, 3, 4, 5, 17), 1e-3)
        layer_norm(file, "layer_norm_vector", (9, 1, 1, 1, 33), 1e-6)
        layer_norm(file, "layer_norm_wide", (1, 1, 1, 3, 700))
        layer_norm(file, "layer_norm_two_channels", (1, 1, 11, 13, 2), 1e-2)


main()
