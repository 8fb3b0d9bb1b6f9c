#!/usr/bin/env python3
"""Golden values of AmoebaNet-D, computed by PyTorch in f64: amoebanet.h5 beside this script, as make_models.py tells."""
import pathlib

import h5py
import torch

import make_models


def main():
    torch.manual_seed(0)
    with h5py.File(pathlib.Path(__file__).with_name("amoebanet.h5"), "w", libver=("v110", "v110")) as file:
        build = make_models.pytorch_models.build
        # images for which no argument of a ReLU is so near 0 that rounding in f32 decides its sign, as in make_models.py
        make_models.run(file, "amoebanet", build("amoebanet", cells=3, filters=16, classes=10), (2, 1, 64, 96, 3), image_seed=9)
        # odd extents on the way: 125, 63, 32, 16, 8, 4 and 109, 55, 28, 14, 7, 4
        make_models.run(file, "amoebanet_odd", build("amoebanet", cells=3, filters=16, classes=7, channels=1),
                        (2, 1, 125, 109, 1), image_seed=3)
        make_models.run(file, "amoebanet_6_cells", build("amoebanet", cells=6, filters=20, classes=7, channels=1),
                        (3, 1, 77, 51, 1), image_seed=1)


main()
