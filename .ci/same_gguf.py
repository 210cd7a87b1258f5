#!/usr/bin/env python3
"""GGUF files that this project did not write: whether their logits are those that transformers computes from the same file.

  same_gguf.py LOOKBACK MAKE_MODELS        LOOKBACK: the program; MAKE_MODELS: the script that writes llama and gpt2 files in F32, BF16, Q8_0
                                           and Q4_0 with the gguf package (needs torch, transformers, safetensors, gguf)
"""
import subprocess, sys, tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

BOUND = 2e-4
IDS = [1, 17, 300, 4000, 25000, 9, 9, 31999]


@torch.no_grad()
def compare(lookback: str, file: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).eval()
    theirs = model(torch.tensor([IDS])).logits[0]
    trace = file.with_suffix(".safetensors")
    ids = ",".join(map(str, IDS))
    subprocess.run([lookback, "look", file, "--ids", ids, "--sites", "logits", "-o", trace], check=True, capture_output=True)
    furthest = (theirs - load_file(trace)["logits"]).abs().max().item()
    print(f"{file.name}: logits within {furthest:.1e} (they spread by {theirs.std().item():.2f})")
    assert furthest < BOUND


def main(lookback: str, make_models: str) -> None:
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, make_models, work, "stories15m", "gpt2"], check=True, capture_output=True)
        files = sorted(Path(work).glob("*.gguf"))
        assert len(files) == 8
        for file in files:
            compare(lookback, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
