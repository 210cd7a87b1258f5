#!/usr/bin/env python3
"""Whether transformers loads what `lookback train` saves, reads the same ids, and computes the same logits.

  loads.py LOOKBACK TEXT        LOOKBACK: the program; TEXT: a file to learn from      (needs torch, transformers, safetensors)

The presets as they are, each family with characters and with a BPE, and heads that share keys. Every logit must be
within 2e-4.
"""
import json, subprocess, sys, tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

BOUND = 2e-4
PLAIN = ["--set", "head_norm=false"]
RUNS = [
    ["--preset", "tiny", "--tokenizer", "char"],
    ["--preset", "small", "--tokenizer", "char", "--set", "context=64"],
    ["--preset", "tiny", "--tokenizer", "bpe:512", "--set", "key_heads=2"],
    [*PLAIN, "--set", "architecture=gpt2", "--tokenizer", "char"],
    [*PLAIN, "--set", "architecture=gpt2", "--tokenizer", "bpe:512"],
    [*PLAIN, "--set", "architecture=llama", "--tokenizer", "char"],
    [*PLAIN, "--set", "architecture=llama", "--tokenizer", "bpe:512", "--set", "key_heads=2"],
]
PROMPT = "the bird is red, the sky is not.\n\nROMEO: who"


@torch.no_grad()
def compare(lookback: str, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    theirs = tokenizer(PROMPT, return_tensors="pt").input_ids
    ours = json.loads(run(lookback, "tokenizer", "encode", "--tokenizer", folder, PROMPT, "--json"))["ids"]
    assert theirs[0].tolist() == ours, f"ids {theirs[0].tolist()} there, {ours} here"
    trace = folder / "trace.safetensors"
    run(lookback, "look", folder, "-p", PROMPT, "--sites", "logits", "-o", trace)
    logits = load_file(trace)["logits"]
    furthest = (model(theirs).logits[0] - logits).abs().max().item()
    spread = logits.std().item()
    print(f"{model.config.model_type}, {len(tokenizer)} tokens: {len(ours)} ids, logits within {furthest:.1e} (they spread by {spread:.2f})")
    assert furthest < BOUND and spread > 0.1


def run(*command) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def main(lookback: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as work:
        for number, settings in enumerate(RUNS):
            folder = Path(work) / str(number)
            run(lookback, "train", text, *settings, "--steps", 200, "--set", "validate_every=200", "--out", folder)
            compare(lookback, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
