#!/usr/bin/env python3
"""Golden values of the optimizers, computed by PyTorch in f64.

Writes optim.h5 beside this script: one group per case with the parameter before, the gradients of some steps, and the
parameter after each of them, one step per row.
"""
import pathlib

import h5py
import numpy
import torch

STEPS, SIZE = 6, 37
rng = numpy.random.default_rng(20240621)
torch.set_default_dtype(torch.float64)


def run(file, name, make, rate, attributes):
    w = torch.tensor(rng.standard_normal(SIZE)).requires_grad_()
    before, gradients, after = w.detach().numpy().copy(), rng.standard_normal((STEPS, SIZE)), []
    optimizer = make([w])
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = rate(step)
        w.grad = torch.tensor(gradients[step])
        optimizer.step()
        after.append(w.detach().numpy().copy())
    group = file.create_group(name)
    group["w"], group["dw"], group["after"] = before, gradients, numpy.array(after)
    attributes["lr"] = [rate(step) for step in range(STEPS)]
    for key, value in attributes.items():
        group.attrs[key] = numpy.asarray(value, dtype=numpy.float64)


def sgd(file, name, rate, momentum=0.0, nesterov=False, decay=0.0):
    run(file, "sgd_" + name,
        lambda w: torch.optim.SGD(w, lr=1, momentum=momentum, nesterov=nesterov, weight_decay=decay), rate,
        dict(momentum=momentum, nesterov=nesterov, weight_decay=decay))


def adamw(file, name, rate, betas=(0.9, 0.999), epsilon=1e-8, decay=0.0):
    run(file, "adamw_" + name, lambda w: torch.optim.AdamW(w, lr=1, betas=betas, eps=epsilon, weight_decay=decay), rate,
        dict(beta1=betas[0], beta2=betas[1], epsilon=epsilon, weight_decay=decay))


def main():
    def constant(step):
        return 0.1

    def falling(step):
        return 0.1 / (1 + step)

    with h5py.File(pathlib.Path(__file__).with_name("optim.h5"), "w", libver=("v110", "v110")) as file:
        sgd(file, "plain", constant)
        sgd(file, "decay", falling, decay=0.05)
        sgd(file, "momentum", falling, momentum=0.9, decay=0.01)
        sgd(file, "nesterov", falling, momentum=0.8, nesterov=True, decay=0.01)
        adamw(file, "plain", constant)
        adamw(file, "decay", falling, betas=(0.8, 0.95), epsilon=1e-3, decay=0.1)


main()
