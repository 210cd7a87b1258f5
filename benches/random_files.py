#!/usr/bin/env python3
"""GGUF files of random blocks, for timing: shapes and types are real, and what the models write is noise.

  random_files.py OUT.gguf SHAPE TYPE        SHAPE: experts dense llama7b; TYPE: q8_0 q4_k q4_k_m

Blocks are random bytes with scales that give numbers around zero with a deviation of about 0.02, so that nothing of the
model's size in f32 is ever in memory. `experts` has eight experts of which two are chosen, about a gigabyte; `dense` has
an MLP as wide as two of those. q4_k_m has the types that llama.cpp's mixture gives each tensor. Needs gguf and numpy.
"""
import argparse
from dataclasses import dataclass, replace

import gguf
import numpy as np

BLOCKS = {  # numbers, bytes, and where a block has which halves
    "Q8_0": (32, 34, {0: 2.7e-4}),
    "Q4_K": (256, 144, {0: 1e-4, 2: 7.5e-4}),  # d, and dmin so that the mean of q · sc · d is taken off
    "Q6_K": (256, 210, {208: 1.5e-5}),
}


@dataclass
class Shape:
    layers: int
    width: int
    heads: int
    key_heads: int
    hidden: int
    vocabulary: int
    context: int
    experts: int = 0
    chosen: int = 0


EXPERTS = Shape(24, 1024, 16, 4, 2816, 4096, 1024, experts=8, chosen=2)
SHAPES = {
    "experts": EXPERTS,
    "dense": replace(EXPERTS, hidden=EXPERTS.chosen * EXPERTS.hidden, experts=0, chosen=0),
    "llama7b": Shape(32, 4096, 32, 32, 11008, 32000, 4608),
}


def blocks(kind, outputs, inner, random):
    """A matrix, `[outputs, bytes]`."""
    numbers, size, halves = BLOCKS[kind]
    out = np.frombuffer(random.bytes(outputs * (inner // numbers) * size), np.uint8).reshape(-1, size).copy()
    for at, half in halves.items():
        out[:, at : at + 2] = np.frombuffer(np.float16(half).tobytes(), np.uint8)
    return out.reshape(outputs, -1)


def kind_of(kind, name, layer, layers):
    """The type of a tensor: in the mixture, values and the MLP's output have six bits in half of the layers."""
    if kind != "Q4_K_M":
        return kind
    has_more_bits = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
    return "Q6_K" if name == "output" or (name in ("attn_v", "ffn_down") and has_more_bits) else "Q4_K"


def write(path, shape, kind):
    random = np.random.default_rng(1)
    head_dim = shape.width // shape.heads
    out = gguf.GGUFWriter(path, "llama", use_temp_file=True)
    out.add_context_length(shape.context)
    out.add_embedding_length(shape.width)
    out.add_block_count(shape.layers)
    out.add_feed_forward_length(shape.hidden)
    out.add_head_count(shape.heads)
    out.add_head_count_kv(shape.key_heads)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_rope_dimension_count(head_dim)
    if shape.experts:
        out.add_expert_count(shape.experts)
        out.add_expert_used_count(shape.chosen)
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    pieces += [f"▁t{n}" for n in range(shape.vocabulary - len(pieces))]
    out.add_tokenizer_model("llama")
    out.add_token_list(pieces)
    out.add_token_scores([-float(n) for n in range(shape.vocabulary)])
    out.add_token_types([2, 3, 3] + [6] * 256 + [1] * (shape.vocabulary - 259))
    out.add_bos_token_id(1), out.add_eos_token_id(2), out.add_unk_token_id(0)

    def matrix(name, outputs, inner, layer=0, count=None):
        stored = kind_of(kind, name.split(".")[-1], layer, shape.layers)
        data = blocks(stored, outputs * (count or 1), inner, random)
        data = data.reshape(count, outputs, -1) if count else data
        out.add_tensor(f"{name}.weight", data, raw_dtype=gguf.GGMLQuantizationType[stored])

    def ones(name):
        out.add_tensor(f"{name}.weight", np.ones(shape.width, np.float32))

    matrix("token_embd", shape.vocabulary, shape.width)
    matrix("output", shape.vocabulary, shape.width)
    ones("output_norm")
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        ones(f"{block}.attn_norm"), ones(f"{block}.ffn_norm")
        for name, outputs in [("attn_q", shape.width), ("attn_k", shape.key_heads * head_dim),
                              ("attn_v", shape.key_heads * head_dim), ("attn_output", shape.width)]:
            matrix(f"{block}.{name}", outputs, shape.width, layer)
        count, end = None, ""
        if shape.experts:
            router = random.normal(0, 0.5, (shape.experts, shape.width)).astype(np.float32)
            out.add_tensor(f"{block}.ffn_gate_inp.weight", router)
            count, end = shape.experts, "_exps"
        matrix(f"{block}.ffn_gate{end}", shape.hidden, shape.width, layer, count)
        matrix(f"{block}.ffn_up{end}", shape.hidden, shape.width, layer, count)
        matrix(f"{block}.ffn_down{end}", shape.width, shape.hidden, layer, count)
    out.write_header_to_file(), out.write_kv_data_to_file(), out.write_tensors_to_file(), out.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("type", choices=["q8_0", "q4_k", "q4_k_m"])
    args = parser.parse_args()
    write(args.out, SHAPES[args.shape], args.type.upper())


if __name__ == "__main__":
    main()
