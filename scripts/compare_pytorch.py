#!/usr/bin/env python3
"""Compares one training step of Aureole with the same step in PyTorch.

    aureole run deck.yaml train.micro_batches=1 --dump step.h5
    scripts/compare_pytorch.py step.h5 --model resnet --depth 50

reads input, labels and parameters from the dump, builds the network in PyTorch (pytorch_models.py), runs forward and
backward pass in f64 and prints how far loss, output and every gradient differ, relative to the norm. Needs numpy, h5py and
torch. docs/comparing.md explains the dump.
"""
import argparse
import sys

import h5py
import numpy
import torch

import pytorch_models


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dump", help="file written by aureole run --dump")
    parser.add_argument("--model", required=True, choices=["resnet", "resnet_cifar", "amoebanet", "unet"], help="the deck's model.name")
    parser.add_argument("--depth", type=int, help="resnet, resnet_cifar")
    parser.add_argument("--version", type=int, default=1, help="resnet_cifar")
    parser.add_argument("--width", type=int, default=16, help="resnet_cifar")
    parser.add_argument("--cells", type=int, help="amoebanet")
    parser.add_argument("--filters", type=int, help="amoebanet")
    parser.add_argument("--base", type=int, default=32, help="unet")
    parser.add_argument("--levels", type=int, default=4, help="unet")
    parser.add_argument("--norm", default="batch", choices=["batch", "instance", "group", "none"], help="unet")
    parser.add_argument("--norm-groups", type=int, default=8, help="unet")
    parser.add_argument("--up", default="transposed", choices=["transposed", "nearest", "linear"], help="unet")
    parser.add_argument("--loss", default="softmax_cross_entropy", choices=["softmax_cross_entropy", "bce_with_logits"])
    parser.add_argument("--positive-weight", type=float, default=1.0, help="bce_with_logits")
    parser.add_argument("--label-smoothing", type=float, default=0.0, help="softmax_cross_entropy")
    parser.add_argument("--tolerance", type=float, default=1e-4,
                        help="largest difference that is accepted, relative to the norm (f32: 1e-4, f64: 1e-9, bf16: 0.1)")
    return parser.parse_args()


def build(options, images, classes):
    channels, three = images.shape[4], images.shape[1] > 1
    if options.model == "unet":
        return pytorch_models.build("unet", classes=classes, channels=channels, axes=3 if three else 2, base=options.base,
                                    levels=options.levels, norm=options.norm, groups=options.norm_groups, up=options.up)
    if options.model == "amoebanet":
        if options.cells is None or options.filters is None:
            sys.exit("--model amoebanet needs --cells and --filters, as in the deck")
        return pytorch_models.build("amoebanet", cells=options.cells, filters=options.filters, classes=classes,
                                    channels=channels)
    if options.depth is None:
        sys.exit("--model %s needs --depth, as in the deck" % options.model)
    if options.model == "resnet":
        return pytorch_models.build("resnet", depth=options.depth, classes=classes, channels=channels)
    return pytorch_models.build("resnet_cifar", depth=options.depth, classes=classes, channels=channels,
                                version=options.version, width=options.width, size=images.shape[2:4])


def loss_of(options, logits, labels, axes):
    if options.loss == "bce_with_logits":
        target = torch.from_numpy(pytorch_models.images_to_pytorch(labels.astype(numpy.float64), axes)).reshape(logits.shape)
        weight = torch.tensor(options.positive_weight, dtype=torch.float64)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)
    target = torch.from_numpy(labels.astype(numpy.int64)).reshape(logits.shape[:1] + logits.shape[2:])
    return torch.nn.functional.cross_entropy(logits, target, label_smoothing=options.label_smoothing)


def difference(got, want):
    return numpy.linalg.norm((got - want).ravel()) / max(numpy.linalg.norm(want.ravel()), 1e-300)


def main():
    options = arguments()
    with h5py.File(options.dump, "r") as file:
        images, labels, output = (file[name][...].astype(numpy.float64) for name in ("input", "labels", "output"))
        loss = float(numpy.asarray(file["loss"]).reshape(-1)[0])
        axes = 3 if images.shape[1] > 1 else 2
        network = build(options, images, output.shape[4]).double().train()
        names = {name for name, _ in network.named_parameters()}
        missing, further = names - set(file["parameters"]), set(file["parameters"]) - names
        if missing or further:
            sys.exit("the dump is of another network: not in the dump: %s; not in PyTorch's: %s" %
                     (", ".join(sorted(missing)) or "-", ", ".join(sorted(further)) or "-"))
        pytorch_models.load(network, lambda name: file["parameters"][name][...].astype(numpy.float64))
        logits = network(torch.from_numpy(pytorch_models.images_to_pytorch(images, axes)))
        expected = loss_of(options, logits, labels, axes)
        expected.backward()
        wanted = {name: pytorch_models.from_pytorch(p.grad.numpy()) for name, p in network.named_parameters()}
        total = numpy.sqrt(sum(numpy.linalg.norm(gradient) ** 2 for gradient in wanted.values()))
        worst = max(abs(loss / expected.item() - 1),
                    difference(output, pytorch_models.images_from_pytorch(logits.detach().numpy())))
        print("loss    %.9g, PyTorch %.9g" % (loss, expected.item()))
        print("output  differs by %.2e of its norm" % difference(
            output, pytorch_models.images_from_pytorch(logits.detach().numpy())))
        print("%-40s %-24s %12s %12s" % ("gradient", "shape (Aureole)", "norm", "difference"))
        for name, want in wanted.items():
            got = file["gradients"][name][...].astype(numpy.float64)
            norm = numpy.linalg.norm(want)
            # a bias before a normalisation has no influence: its gradient is rounding, measured by the whole gradient
            scale = norm if norm > 1e-10 * total else 1e-2 * total
            relative = numpy.linalg.norm((got - want).ravel()) / scale
            worst = max(worst, relative)
            print("%-40s %-24s %12.4e %12.2e" % (name, want.shape, norm, relative))
    print("largest difference %.2e, accepted %.0e" % (worst, options.tolerance))
    return 0 if worst <= options.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
