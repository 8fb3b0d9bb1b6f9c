#!/usr/bin/env python3
"""Golden values of windowed operators, computed by PyTorch in f64.

Writes windowed.h5 beside this script: one group per case with tensors in channels-last order (n, d, h, w, c), weights
as (t, r, s, input channels / groups, filters), and the operator's attributes. Values are small multiples of 1/8, exact
in f32 and bf16, so that tests in those types start from the same numbers.
"""
import pathlib

import h5py
import numpy
import torch
import torch.nn.functional as F

rng = numpy.random.default_rng(20240517)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return torch.tensor(rng.integers(-16, 17, shape) / 8.0).requires_grad_()


def channels_last(x):  # (n, c, d, h, w) -> (n, d, h, w, c)
    return x.detach().permute(0, 2, 3, 4, 1).contiguous().numpy()


def kernel_last(w):  # (k, c, t, r, s) -> (t, r, s, c, k)
    return w.detach().permute(2, 3, 4, 1, 0).contiguous().numpy()


def vector(b):
    return b.detach().reshape(1, 1, 1, 1, -1).numpy()


def padding_for_f_pad(windows):
    pads = []
    for size, stride, lo, hi, dilation in reversed(windows):
        pads += [lo, hi]
    return pads


def column(windows, i):
    return tuple(w[i] for w in windows)


def smallest(values):
    """The values in the smallest floating-point type that holds them exactly."""
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


one = (1, 1, 0, 0, 1)  # size, stride, padding below, above, dilation


def conv(file, name, n, extent, c, k, windows, groups=1, bias=True):
    size = column(windows, 0)
    x, w = draw(n, c, *extent), draw(k, c // groups, *size)
    b = draw(k) if bias else None
    y = F.conv3d(F.pad(x, padding_for_f_pad(windows)), w, b, stride=column(windows, 1), dilation=column(windows, 4),
                 groups=groups)
    dy = draw(*y.shape)
    y.backward(dy)
    tensors = dict(x=channels_last(x), w=kernel_last(w), y=channels_last(y), dy=channels_last(dy),
                   dx=channels_last(x.grad), dw=kernel_last(w.grad))
    if bias:
        tensors.update(b=vector(b), db=vector(b.grad))
    save(file, name, tensors, dict(window=numpy.ravel(windows), groups=groups, bias=bias))


def transposed(file, name, n, extent, c, k, windows, output_padding=(0, 0, 0), groups=1, bias=True):
    size = column(windows, 0)
    assert column(windows, 2) == column(windows, 3), "asymmetric padding is cropped by hand below"
    x, w = draw(n, c, *extent), draw(c, k // groups, *size)
    b = draw(k) if bias else None
    y = F.conv_transpose3d(x, w, b, stride=column(windows, 1), padding=column(windows, 2),
                           output_padding=output_padding, groups=groups, dilation=column(windows, 4))
    dy = draw(*y.shape)
    y.backward(dy)
    tensors = dict(x=channels_last(x), w=kernel_last(w), y=channels_last(y), dy=channels_last(dy),
                   dx=channels_last(x.grad), dw=kernel_last(w.grad))
    if bias:
        tensors.update(b=vector(b), db=vector(b.grad))
    save(file, name, tensors, dict(window=numpy.ravel(windows), groups=groups, bias=bias, filters=k,
                                   output_padding=output_padding))


def transposed_cropped(file, name, n, extent, c, k, windows):
    """Asymmetric padding: what the padding removes is cut from the unpadded result."""
    x, w = draw(n, c, *extent), draw(c, k, *column(windows, 0))
    full = F.conv_transpose3d(x, w, stride=column(windows, 1), dilation=column(windows, 4))
    lo, hi = column(windows, 2), column(windows, 3)
    y = full[:, :, lo[0]:full.shape[2] - hi[0], lo[1]:full.shape[3] - hi[1], lo[2]:full.shape[4] - hi[2]]
    dy = draw(*y.shape)
    y.backward(dy)
    save(file, name, dict(x=channels_last(x), w=kernel_last(w), y=channels_last(y), dy=channels_last(dy),
                          dx=channels_last(x.grad), dw=kernel_last(w.grad)),
         dict(window=numpy.ravel(windows), groups=1, bias=False, filters=k, output_padding=(0, 0, 0)))


def pool(file, name, n, extent, c, windows, kind, count_padding=True):
    x = draw(n, c, *extent)
    if kind == "max":
        padded = F.pad(x, padding_for_f_pad(windows), value=-float("inf"))
        y = F.max_pool3d(padded, column(windows, 0), column(windows, 1), 0, column(windows, 4))
    elif column(windows, 2) == column(windows, 3):
        y = F.avg_pool3d(x, column(windows, 0), column(windows, 1), column(windows, 2), False, count_padding)
    else:
        sums = F.avg_pool3d(F.pad(x, padding_for_f_pad(windows)), column(windows, 0), column(windows, 1))
        inside = F.avg_pool3d(F.pad(torch.ones_like(x), padding_for_f_pad(windows)), column(windows, 0),
                              column(windows, 1))
        y = sums if count_padding else sums / inside
    dy = draw(*y.shape)
    y.backward(dy)
    save(file, name, dict(x=channels_last(x), y=channels_last(y), dy=channels_last(dy), dx=channels_last(x.grad)),
         dict(window=numpy.ravel(windows), max=kind == "max", count_padding=count_padding))


def global_pool(file, name, n, extent, c, kind):
    x = draw(n, c, *extent)
    y = F.adaptive_max_pool3d(x, 1) if kind == "max" else F.adaptive_avg_pool3d(x, 1)
    dy = draw(*y.shape)
    y.backward(dy)
    save(file, name, dict(x=channels_last(x), y=channels_last(y), dy=channels_last(dy), dx=channels_last(x.grad)),
         dict(max=kind == "max"))


def upsample(file, name, n, extent, c, scale, mode):
    x = draw(n, c, *extent)
    y = F.interpolate(x, scale_factor=scale, mode=mode, align_corners=None if mode == "nearest" else False)
    dy = draw(*y.shape)
    y.backward(dy)
    save(file, name, dict(x=channels_last(x), y=channels_last(y), dy=channels_last(dy), dx=channels_last(x.grad)),
         dict(scale=scale, linear=mode != "nearest"))


def linear(file, name, n, extent, c, k, bias=True):
    x, w = draw(n, *extent, c), draw(k, c)
    b = draw(k) if bias else None
    y = F.linear(x, w, b)
    dy = draw(*y.shape)
    y.backward(dy)
    matrix = lambda m: m.detach().t().contiguous().reshape(1, 1, 1, c, k).numpy()
    tensors = dict(x=x.detach().numpy(), w=matrix(w), y=y.detach().numpy(), dy=dy.detach().numpy(),
                   dx=x.grad.numpy(), dw=matrix(w.grad))
    if bias:
        tensors.update(b=vector(b), db=vector(b.grad))
    save(file, name, tensors, dict(bias=bias))


def main():
    with h5py.File(pathlib.Path(__file__).with_name("windowed.h5"), "w", libver=("v110", "v110")) as file:
        same3, down3 = (3, 1, 1, 1, 1), (3, 2, 1, 1, 1)
        conv(file, "conv_plain", 2, (1, 7, 9), 3, 5, (one, same3, same3))
        conv(file, "conv_pointwise", 2, (1, 5, 6), 17, 9, (one, one, one), bias=False)
        conv(file, "conv_pointwise_stride", 1, (1, 7, 8), 6, 20, (one, (1, 2, 0, 0, 1), (1, 2, 0, 0, 1)))
        conv(file, "conv_stem", 1, (1, 13, 15), 3, 8, (one, (7, 2, 3, 3, 1), (7, 2, 3, 3, 1)), bias=False)
        conv(file, "conv_stride3", 2, (1, 11, 13), 4, 3, (one, (4, 3, 1, 2, 1), (2, 3, 0, 1, 1)))
        conv(file, "conv_dilated", 1, (1, 11, 12), 2, 6, (one, (3, 1, 2, 2, 2), (3, 2, 2, 1, 3)))
        conv(file, "conv_dilated_stride", 1, (1, 12, 14), 3, 4, (one, (3, 2, 3, 0, 2), (2, 4, 1, 2, 6)))
        conv(file, "conv_groups", 2, (1, 6, 7), 8, 12, (one, same3, down3), groups=4)
        conv(file, "conv_depthwise", 1, (1, 8, 7), 6, 6, (one, same3, (5, 1, 2, 2, 1)), groups=6)
        conv(file, "conv_asymmetric", 1, (1, 6, 5), 5, 4, (one, (3, 1, 2, 0, 1), (4, 2, 0, 3, 1)))
        conv(file, "conv_wide", 1, (1, 4, 5), 20, 37, (one, same3, one))
        conv(file, "conv_3d", 1, (5, 6, 7), 3, 4, (same3, down3, same3))
        conv(file, "conv_3d_mixed", 2, (5, 7, 6), 4, 6, ((2, 3, 1, 0, 1), (3, 1, 0, 2, 2), (1, 2, 0, 0, 1)), groups=2)
        conv(file, "conv_long_line", 1, (1, 1, 700), 2, 2, (one, one, same3))

        transposed(file, "transposed_double", 2, (1, 4, 5), 6, 3, (one, (2, 2, 0, 0, 1), (2, 2, 0, 0, 1)))
        transposed(file, "transposed_overlap", 1, (1, 5, 4), 4, 10, (one, (3, 2, 1, 1, 1), (4, 3, 1, 1, 1)), (0, 1, 2))
        transposed(file, "transposed_groups", 1, (1, 5, 6), 6, 4, (one, same3, (3, 1, 2, 2, 2)), groups=2, bias=False)
        transposed(file, "transposed_3d", 1, (3, 4, 3), 3, 5, ((2, 2, 0, 0, 1), (3, 2, 1, 1, 1), (2, 2, 0, 0, 2)),
                   (0, 1, 0))
        transposed_cropped(file, "transposed_asymmetric", 1, (1, 6, 5), 3, 4, (one, (4, 2, 2, 1, 1), (3, 3, 0, 2, 2)))

        for kind in ("max", "average"):
            pool(file, f"pool_{kind}_halve", 2, (1, 6, 8), 5, (one, (2, 2, 0, 0, 1), (2, 2, 0, 0, 1)), kind)
            pool(file, f"pool_{kind}_stem", 1, (1, 9, 11), 19, (one, down3, down3), kind)
            pool(file, f"pool_{kind}_asymmetric", 1, (1, 7, 8), 3, (one, (3, 2, 0, 1, 1), (4, 3, 2, 1, 1)), kind)
            pool(file, f"pool_{kind}_3d", 1, (5, 6, 7), 2, (down3, (2, 1, 0, 0, 1), (3, 3, 1, 1, 1)), kind)
            global_pool(file, f"global_{kind}_2d", 3, (1, 7, 5), 6, kind)
            global_pool(file, f"global_{kind}_3d", 2, (3, 4, 5), 35, kind)
        pool(file, "pool_average_inside", 1, (1, 7, 9), 4, (one, down3, (5, 2, 2, 2, 1)), "average", False)
        pool(file, "pool_average_inside_asymmetric", 1, (3, 7, 9), 2, ((2, 1, 0, 1, 1), (3, 2, 0, 2, 1), same3),
             "average", False)
        pool(file, "pool_max_dilated", 1, (1, 9, 9), 3, (one, (3, 1, 2, 2, 2), (2, 3, 0, 1, 2)), "max")
        pool(file, "pool_max_large", 1, (1, 20, 19), 2, (one, (17, 2, 8, 8, 1), (16, 1, 0, 0, 1)), "max")

        for mode in ("nearest", "trilinear"):
            upsample(file, f"upsample_{mode}_2", 2, (1, 4, 5), 3, (1, 2, 2), mode)
            upsample(file, f"upsample_{mode}_3", 1, (1, 3, 4), 5, (1, 3, 4), mode)
            upsample(file, f"upsample_{mode}_3d", 1, (3, 2, 4), 2, (2, 5, 1), mode)

        linear(file, "linear_features", 5, (1, 1, 1), 33, 10)
        linear(file, "linear_tokens", 2, (1, 1, 13), 8, 24)
        linear(file, "linear_image", 1, (2, 3, 5), 7, 3, bias=False)


main()
