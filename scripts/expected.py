#!/usr/bin/env python3
"""Writes what transformers computes with a model, for `lookback verify MODEL EXPECTED.safetensors`.

usage: expected.py MODEL PROMPT|ID,ID,... EXPECTED.safetensors      (needs torch, transformers, safetensors)

Tensors: input_ids [1, tokens]; hidden_<i> [1, tokens, width], what enters block i (the last one is after
the final norm); attn_<i> [1, heads, tokens, tokens]; logits [1, tokens, vocabulary]; greedy [1, tokens + 32],
or as far as the context reaches.
"""
import re
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def main(name: str, prompt: str, out: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, attn_implementation="eager").eval()
    if re.fullmatch(r"\d+(,\d+)*", prompt):
        ids = torch.tensor([[int(i) for i in prompt.split(",")]])
    else:
        ids = AutoTokenizer.from_pretrained(name)(prompt, return_tensors="pt").input_ids
    got = model(ids, output_hidden_states=True, output_attentions=True, use_cache=False)
    tensors = {"input_ids": ids, "logits": got.logits}
    new = min(32, model.config.max_position_embeddings - ids.shape[1])
    if new > 0:
        tensors["greedy"] = model.generate(ids, do_sample=False, max_new_tokens=new, eos_token_id=None, pad_token_id=0)
    tensors |= {f"hidden_{i}": hidden for i, hidden in enumerate(got.hidden_states)}
    tensors |= {f"attn_{i}": attention for i, attention in enumerate(got.attentions)}
    save_file({key: value.contiguous() for key, value in tensors.items()}, out)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
