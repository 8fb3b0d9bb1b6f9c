#!/usr/bin/env python3
"""Writes the HDF5 files of this folder's tests in the ways of h5py, which our own writer does not have.

Run by hand with python3-h5py; the files are part of the repository.
"""
import os

import h5py
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
SHAPE = (6, 4, 5)  # samples, rows, columns


def ramp(dtype):
    """Element i of the flattened array is i."""
    return np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    with h5py.File(os.path.join(FOLDER, "types.h5"), "w", libver="earliest") as f:
        for dtype in ("f2", "<f4", ">f4", ">f8", "<i2", ">i2", ">u2", ">i4", "u1", "i1"):
            f.create_dataset(dtype.replace("<", "little_").replace(">", "big_"), data=ramp(dtype))
        f.create_dataset("complex", data=(ramp("f4") * (3 + 4j)).astype("c8"))  # magnitude 5 i
        f.create_dataset("boolean", data=ramp("i4") % 3 == 0)
    with h5py.File(os.path.join(FOLDER, "lzf.h5"), "w", libver="earliest") as f:
        f.create_dataset("flags", data=ramp("i4") % 3 == 0, chunks=(4, 4, 5), compression="lzf")
        f.create_dataset("plain", data=ramp("f4"), chunks=(2, 4, 5), compression="lzf")
        f.create_dataset("shuffled", data=ramp("f4"), chunks=(2, 4, 5), compression="lzf", shuffle=True)
        large = np.zeros((2, 64, 64), "u1")
        large[1, 10:20] = 7
        f.create_dataset("compressible", data=large, chunks=(1, 64, 64), compression="lzf")


if __name__ == "__main__":
    main()
