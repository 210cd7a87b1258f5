"""Writes crates/kernels/tests/it/stored/vectors/*: random blocks of each type and their bits as gguf.quants has them.

Each file: blocks, then the f32 of their numbers, little-endian. Among the blocks are halves that are denormal, infinite and
NaN, and for MXFP4 exponents of 0, 1, 254 and 255. `python .ci/stored_vectors.py` from the repository's root.
"""

import pathlib

import gguf
import numpy as np

OUT = pathlib.Path("crates/kernels/tests/it/stored/vectors")
# Where a block has its halves.
HALVES = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [],
}
# Ordinary, denormal, the least denormal, zeros of both signs, the greatest, infinities, a NaN.
SPECIAL = [0x2E66, 0xB123, 0x03FF, 0x8001, 0x0000, 0x8000, 0x7BFF, 0x7C00, 0xFC00, 0x7E01]
EXPONENTS = [0, 1, 2, 120, 127, 128, 253, 254, 255, 3]

OUT.mkdir(exist_ok=True)
random = np.random.default_rng(22)
for name, halves in HALVES.items():
    kind = gguf.GGMLQuantizationType[name]
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (len(SPECIAL), size), dtype=np.uint8)
    for row, block in enumerate(blocks):
        for n, at in enumerate(halves):
            half = SPECIAL[(row + 3 * n) % len(SPECIAL)]
            block[at], block[at + 1] = half & 255, half >> 8
        if name == "MXFP4":
            block[0] = EXPONENTS[row]
    with np.errstate(all="ignore"):
        values = gguf.quants.dequantize(blocks, kind).astype("<f4")
    (OUT / f"{name.lower()}.bin").write_bytes(blocks.tobytes() + values.tobytes())
