#!/usr/bin/env python3
"""Golden values of whole networks, computed by PyTorch in f64.

Writes models.h5 beside this script: one group per network with loss, logits and, for every parameter in the order of its
name, the norm of its gradient and the gradient's projections on eight pseudo-random vectors. Parameters, images and
labels are not stored: both sides draw them by the counter-based generator of core/tensor/philox.hpp, as
parallel/program/draw.cpp does; the group `draws` holds some of these numbers.

An argument of a ReLU that is so near 0 that rounding in f32 decides its sign changes gradients by up to 1e-3, in PyTorch as
here. So the images of every network are drawn from a seed that keeps these arguments far from 0: the best of those up to
100, but for resnet_50 the third best, whose gradients in bf16, a matter of luck from seed to seed, are off by the least:

    make_models.py [--margins COUNT]    # prints the best seeds up to COUNT instead of writing the file
"""
import argparse
import copy
import pathlib
import sys

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import pytorch_models  # noqa: E402
from random_networks import streams  # noqa: E402

SEED = 1


def philox(key, count):
    """Four words per counter 0 ... count - 1."""
    return streams.philox(key, numpy.arange(count), 0).T


def open_uniform(high, low):
    bits = (high << numpy.uint64(21)) ^ (low >> numpy.uint64(11))
    return (bits + numpy.uint64(1)).astype(numpy.float64) * 2.0**-53


def uniform(name, shape, a, b, seed=SEED):
    words = philox(streams.mix(seed, streams.stream_of(name)), int(numpy.prod(shape)))
    return (a + (b - a) * (1 - open_uniform(words[0], words[1]))).reshape(shape)


def normal(name, shape, deviation):
    words = philox(streams.mix(SEED, streams.stream_of(name)), int(numpy.prod(shape)))
    u, v = open_uniform(words[0], words[1]), open_uniform(words[2], words[3])
    return (deviation * numpy.sqrt(-2 * numpy.log(u)) * numpy.cos(2 * numpy.pi * v)).reshape(shape)


def labels(count, classes):
    return (philox(streams.mix(SEED, streams.stream_of("labels")), count)[0] % numpy.uint64(classes)).astype(numpy.int64)


def projections(name, gradient):
    """Products with eight vectors of numbers in [-1, 1): the halves of the four words of every element."""
    words = philox(streams.mix(streams.stream_of("projection"), streams.stream_of(name)), gradient.size)
    flat = gradient.reshape(-1)
    return [float(((word >> numpy.uint64(shift) & numpy.uint64(0xFFFF)).astype(numpy.float64) / 32768 - 1) @ flat)
            for word in words for shift in (0, 16)]


def draw_parameter(name, tensor, transposed):
    """Aureole's initial value, but for biases and norms, which the tests draw too."""
    shape = pytorch_models.from_pytorch(tensor.detach().numpy()).shape
    if tensor.ndim > 1:  # He: a transposed convolution of size and stride 2 reads one position per channel
        fan_in = tensor.shape[0] if transposed else tensor[0].numel()
        return normal(name, shape, numpy.sqrt(2.0 / fan_in))
    if name.endswith(".bias"):
        return uniform(name, shape, -0.2, 0.2)
    # at the end of a bottleneck small, as trained networks have it, or rounding grows from block to block
    return uniform(name, shape, 0.125, 0.375) if name.endswith(".bn3.weight") else uniform(name, shape, 0.5, 1.5)


def draw_parameters(network):
    transposed = {name + ".weight" for name, module in network.named_modules()
                  if isinstance(module, (torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d))}
    tensors = dict(network.named_parameters())
    pytorch_models.load(network, lambda name: draw_parameter(name, tensors[name], name in transposed))
    return tensors


def draw_images(image, axes, seed):
    """image: (n, d, h, w, c)."""
    return torch.from_numpy(pytorch_models.images_to_pytorch(uniform("input", image, -1, 1, seed), axes))


def run(file, case, network, image, image_seed, axes=2, values=False):
    network = network.double().train()
    tensors = draw_parameters(network)
    logits = network(draw_images(image, axes, image_seed))
    ours = pytorch_models.images_from_pytorch(logits.detach().numpy())
    if values:  # binary cross-entropy with positive weight 2, as in the tests
        target = torch.from_numpy(pytorch_models.images_to_pytorch(
            labels(ours.size, 2).astype(numpy.float64).reshape(ours.shape), axes))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, target, pos_weight=torch.tensor(2.0, dtype=torch.float64))
    else:
        target = labels(ours.size // ours.shape[-1], ours.shape[-1]).reshape(ours.shape[:-1])
        target = torch.from_numpy(target).reshape(logits.shape[:1] + logits.shape[2:])
        loss = torch.nn.functional.cross_entropy(logits, target)
    loss.backward()
    group = file.create_group(case)
    group["loss"] = numpy.array([loss.item()])
    group.create_dataset("logits", data=ours.reshape(-1), compression="gzip", shuffle=True)
    rows = []
    for name in sorted(tensors):
        gradient = pytorch_models.from_pytorch(tensors[name].grad.numpy())
        rows.append([numpy.linalg.norm(gradient)] + projections(name, gradient))
    group["gradients"] = numpy.array(rows)
    print(case, "loss", loss.item(), "parameters", sum(t.numel() for t in tensors.values()))


def relu_arguments(network, x):
    arguments, relu = [], torch.relu

    def recording(argument):
        arguments.append(argument)
        return relu(argument)

    torch.relu = recording
    with torch.no_grad():
        network(x)
    torch.relu = relu
    return arguments


def margin(network, x):
    """The argument of a ReLU that is nearest to 0, as a multiple of the rounding in f32 (root mean square) of its layer."""
    exact = relu_arguments(network, x)
    rounded = relu_arguments(copy.deepcopy(network).float(), x.float())
    return min(float(a.abs().min() / (a - b).square().mean().sqrt()) for a, b in zip(exact, rounded))


def print_margins(case, network, image, image_seed, count, axes=2, values=False):
    network = network.double().train()
    draw_parameters(network)
    margins = {seed: margin(network, draw_images(image, axes, seed)) for seed in range(1, count + 1)}
    best = sorted(margins, key=margins.get, reverse=True)[:3]
    print(case, "seed: margin,", ", ".join("%d: %.2f" % (seed, margins[seed]) for seed in best), flush=True)


def networks():
    """case, network, image, its seed, options of run()."""
    build = pytorch_models.build
    yield "resnet_cifar_20_v1", build("resnet_cifar", depth=20, classes=10), (4, 1, 32, 32, 3), 46, {}
    yield ("resnet_cifar_20_v2", build("resnet_cifar", depth=20, classes=10, version=2, size=(64, 32)), (3, 1, 64, 32, 3),
           64, {})
    yield "resnet_18", build("resnet", depth=18, classes=10), (4, 1, 64, 64, 3), 10, {}
    yield "resnet_50", build("resnet", depth=50, classes=10), (2, 1, 48, 48, 3), 89, {}
    yield "unet_2d", build("unet", classes=1, channels=1, base=8, levels=3), (2, 1, 64, 48, 1), 88, dict(values=True)
    yield ("unet_3d", build("unet", classes=3, channels=2, axes=3, base=4, levels=2, norm="instance", up="linear"),
           (2, 8, 16, 12, 2), 15, dict(axes=3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--margins", type=int, metavar="COUNT")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.margins:
        for case, network, image, seed, options in networks():
            print_margins(case, network, image, seed, arguments.margins, **options)
        return
    with h5py.File(pathlib.Path(__file__).with_name("models.h5"), "w", libver=("v110", "v110")) as file:
        draws = file.create_group("draws")
        draws["normal"] = normal("layer1.0.conv1.weight", (64,), 0.5)
        draws["uniform"] = uniform("input", (64,), -1, 1)
        draws["labels"] = labels(64, 10).astype(numpy.float64)
        for case, network, image, seed, options in networks():
            run(file, case, network, image, seed, **options)


if __name__ == "__main__":
    main()
