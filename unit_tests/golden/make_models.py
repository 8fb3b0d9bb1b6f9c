#!/usr/bin/env python3
"""Golden values of whole networks, computed by PyTorch in f64.

Writes models.h5 beside this script: one group per network with loss, logits and, for every parameter in the order of its
name, the norm of its gradient and the gradient's projections on eight pseudo-random vectors. Parameters, images and
labels are not stored: both sides draw them by the counter-based generator of core/tensor/philox.hpp, as
parallel/program/draw.cpp does; `sample` in the group `draws` holds some of these numbers.
"""
import pathlib
import sys

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import pytorch_models  # noqa: E402

SEED = 1
MASK = (1 << 64) - 1


def philox(key, count):
    """Four words per counter 0 ... count - 1: Philox4x32-10 (Salmon et al., SC'11)."""
    low = numpy.uint64(0xFFFFFFFF)
    shift = numpy.uint64(32)
    counter = numpy.arange(count, dtype=numpy.uint64)
    x = [counter & low, counter >> shift, numpy.zeros_like(counter), numpy.zeros_like(counter)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = numpy.uint64(0xD2511F53) * x[0], numpy.uint64(0xCD9E8D57) * x[2]
        x = [(p1 >> shift) ^ x[1] ^ numpy.uint64(k0), p1 & low, (p0 >> shift) ^ x[3] ^ numpy.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return x


def mix(a, b):
    z = (a + 0x9E3779B97F4A7C15 * (b + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream_of(name):
    value = 0xCBF29CE484222325
    for letter in name.encode():
        value = ((value ^ letter) * 0x100000001B3) & MASK
    return value


def open_uniform(high, low):
    bits = (high << numpy.uint64(21)) ^ (low >> numpy.uint64(11))
    return (bits + numpy.uint64(1)).astype(numpy.float64) * 2.0**-53


def uniform(name, shape, a, b, seed=SEED):
    words = philox(mix(seed, stream_of(name)), int(numpy.prod(shape)))
    return (a + (b - a) * (1 - open_uniform(words[0], words[1]))).reshape(shape)


def normal(name, shape, deviation):
    words = philox(mix(SEED, stream_of(name)), int(numpy.prod(shape)))
    u, v = open_uniform(words[0], words[1]), open_uniform(words[2], words[3])
    return (deviation * numpy.sqrt(-2 * numpy.log(u)) * numpy.cos(2 * numpy.pi * v)).reshape(shape)


def labels(count, classes):
    return (philox(mix(SEED, stream_of("labels")), count)[0] % numpy.uint64(classes)).astype(numpy.int64)


def projections(name, gradient):
    """Products with eight vectors of numbers in [-1, 1): the halves of the four words of every element."""
    words = philox(mix(stream_of("projection"), stream_of(name)), gradient.size)
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


def run(file, case, network, image, axes=2, values=False, image_seed=SEED):
    """image: (n, d, h, w, c)."""
    network = network.double().train()
    transposed = {name + ".weight" for name, module in network.named_modules()
                  if isinstance(module, (torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d))}
    tensors = dict(network.named_parameters())
    pytorch_models.load(network, lambda name: draw_parameter(name, tensors[name], name in transposed))
    x = torch.from_numpy(pytorch_models.images_to_pytorch(uniform("input", image, -1, 1, image_seed), axes))
    logits = network(x)
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


def main():
    torch.manual_seed(0)
    with h5py.File(pathlib.Path(__file__).with_name("models.h5"), "w", libver=("v110", "v110")) as file:
        draws = file.create_group("draws")
        draws["normal"] = normal("layer1.0.conv1.weight", (64,), 0.5)
        draws["uniform"] = uniform("input", (64,), -1, 1)
        draws["labels"] = labels(64, 10).astype(numpy.float64)
        build = pytorch_models.build
        run(file, "resnet_cifar_20_v1", build("resnet_cifar", depth=20, classes=10), (4, 1, 32, 32, 3))
        run(file, "resnet_cifar_20_v2", build("resnet_cifar", depth=20, classes=10, version=2, size=(64, 32)), (3, 1, 64, 32, 3))
        run(file, "resnet_18", build("resnet", depth=18, classes=10), (4, 1, 64, 64, 3))
        # images for which no argument of a ReLU is so near 0 that rounding in f32 decides its sign: a single one changes
        # gradients of this network by 1e-3, in PyTorch as here
        run(file, "resnet_50", build("resnet", depth=50, classes=10), (2, 1, 48, 48, 3), image_seed=7)
        run(file, "unet_2d", build("unet", classes=1, channels=1, base=8, levels=3), (2, 1, 64, 48, 1), values=True)
        run(file, "unet_3d", build("unet", classes=3, channels=2, axes=3, base=4, levels=2, norm="instance", up="linear"),
            (2, 8, 16, 12, 2), axes=3)


main()
