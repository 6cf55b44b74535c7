#!/usr/bin/env python3
"""Writes digits100-*: of MNIST's training set, the first 10 images of each class, in file order.

Usage: make-digits100.py FOLDER-WITH-MNIST   (`make mnist` brings it to data/)
"""
import pathlib
import struct
import sys

PER_CLASS = 10
here = pathlib.Path(__file__).resolve().parent
mnist = pathlib.Path(sys.argv[1])

images = (mnist / "train-images-idx3-ubyte").read_bytes()
labels = (mnist / "train-labels-idx1-ubyte").read_bytes()
_, count, height, width = struct.unpack_from(">4I", images)
assert struct.unpack_from(">2I", labels) == (0x801, count)

seen = [0] * 10
chosen = []
for k, label in enumerate(labels[8:]):
    seen[label] += 1
    if seen[label] <= PER_CLASS:
        chosen.append(k)

size = height * width
(here / "digits100-images.idx3-ubyte").write_bytes(
    struct.pack(">4I", 0x803, len(chosen), height, width)
    + b"".join(images[16 + k * size : 16 + (k + 1) * size] for k in chosen)
)
(here / "digits100-labels.idx1-ubyte").write_bytes(
    struct.pack(">2I", 0x801, len(chosen)) + bytes(labels[8 + k] for k in chosen)
)
print(f"{len(chosen)} images of {height} x {width}, the last is number {chosen[-1]}")
