#!/usr/bin/env python3
"""What the gguf package, which has the bits of ggml's reference, makes of blocks of 32 values.

  quantize.py > crates/kernels/tests/it/quantize/ggml.txt      needs Python packages numpy, gguf

A line has a type, the bits of the values, and the bytes of the block, all in hexadecimal.
"""
import gguf
import numpy as np

TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


def blocks():
    random = np.random.default_rng(7)
    normal = random.standard_normal((6, 32))
    yield from normal[:2]
    yield normal[2] * 0.02
    yield normal[3] * 1e-6
    yield normal[4] * 900
    yield normal[5] + 3
    yield np.zeros(32)
    yield np.full(32, -0.25)
    # One value alone, of either sign, and two of one size and both signs.
    yield np.eye(32)[5]
    yield -np.eye(32)[31]
    yield np.eye(32)[3] - np.eye(32)[4]
    yield np.arange(32) / 31 - 0.5
    # Ties between two quants, and between two halves.
    yield (np.arange(32) - 16) / 2
    yield 1 + np.arange(32) * 2.0**-11
    # Halves that are denormal.
    yield np.arange(32) * 2.0**-25


for block in blocks():
    block = np.asarray(block, dtype=np.float32)[None]
    for name in TYPES:
        stored = gguf.quants.quantize(block, gguf.GGMLQuantizationType[name])
        values = " ".join(f"{bits:x}" for bits in block.view(np.uint32)[0])
        print(name.lower(), values, stored.view(np.uint8).tobytes().hex())
