#!/usr/bin/env python3
"""Writes a golden of each family: a tiny configuration, and the logits that transformers computes with it.

usage: goldens.py crates/open/tests/goldens [FAMILY ...]

The weights are not written: each follows from its name and place by the formula of `weight` below, which the test
`goldens` has too. So nobody's weights are committed, and a stranger's machine checks every family against
transformers. Needs Python packages: pip install torch transformers safetensors.

A golden is JSON: config (as config.json has it), tensors (the names and shapes that transformers writes), ids, and
logits [tokens, vocabulary] in float32.
"""
import json
import sys
import tempfile
from math import prod
from pathlib import Path

try:
    import numpy
    import torch
    import transformers
    from safetensors import safe_open
except ImportError as missing:
    sys.exit(f"goldens.py: {missing}; pip install torch transformers safetensors")

SIZE = dict(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=32, bos_token_id=1, eos_token_id=2)
GROUPED = dict(SIZE, num_key_value_heads=2)

# Head widths, tied tables and scales differ on purpose: what is taken for another shows in the logits.
FAMILIES = {
    "gpt2": transformers.GPT2Config(vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1,
                                    eos_token_id=2),
    "llama": transformers.LlamaConfig(**GROUPED, tie_word_embeddings=False, rms_norm_eps=1e-5),
    "qwen2": transformers.Qwen2Config(**GROUPED, tie_word_embeddings=True),
    "qwen3": transformers.Qwen3Config(**GROUPED, head_dim=12, tie_word_embeddings=True),
}
IDS = [1, 7, 60, 7, 33, 12, 0, 45, 7, 60, 19, 2, 28]


def fnv1a(name: str) -> int:
    """The FNV-1a hash of a tensor's name, 32 bits wide."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def weight(name: str, shape: list[int]) -> torch.Tensor:
    """A tensor's values: murmur's finaliser over name and place, from -1/2 to 1/2; a norm's weights stand around 1."""
    h = (numpy.arange(1, prod(shape) + 1, dtype=numpy.uint64) * 0x9E3779B1 + fnv1a(name)) % 2**32
    for shift, factor in (16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1):
        h = (h ^ (h >> shift)) * factor % 2**32
    values = (h >> 8).astype(numpy.float64) / 2**24 - 0.5
    is_norm = len(shape) == 1 and name.endswith("weight")
    return torch.tensor((values + is_norm).astype(numpy.float32).reshape(shape))


@torch.no_grad()
def golden(config: transformers.PretrainedConfig) -> dict:
    """What transformers computes with the formula's weights."""
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        written = json.loads((Path(folder) / "config.json").read_text())
        with safe_open(Path(folder) / "model.safetensors", "pt") as file:
            tensors = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}
    state = {name: weight(name, shape) for name, shape in tensors.items()}
    missing, unknown = model.load_state_dict(state, strict=False)
    model.tie_weights()
    if unknown or any("lm_head" not in name for name in missing):
        sys.exit(f"goldens.py: transformers does not know {unknown}, and misses {missing}")
    logits = model(torch.tensor([IDS])).logits[0]
    return {"config": written, "tensors": tensors, "ids": IDS, "logits": logits.tolist()}


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or FAMILIES
    for family in chosen:
        if family not in FAMILIES:
            sys.exit(f"goldens.py: {family} is none of {', '.join(FAMILIES)}")
        made = golden(FAMILIES[family])
        rows = ",\n  ".join(json.dumps([float(f"{x:.9g}") for x in row]) for row in made.pop("logits"))
        text = json.dumps(made, indent=None, sort_keys=True)
        (folder / f"{family}.json").write_text(f'{text[:-1]},\n "logits": [\n  {rows}\n ]}}\n')
        print(f"{family}: {len(made['tensors'])} tensors")


if __name__ == "__main__":
    main()
