#!/usr/bin/env python3
"""Writes what transformers computes with a model, for `lookback verify MODEL EXPECTED.safetensors`.

usage: expected.py MODEL PROMPT|ID,ID,... EXPECTED.safetensors

MODEL is a directory, the id of a model, or a .gguf file, which transformers widens to float32 itself. It needs
Python packages: pip install torch transformers safetensors, and for a .gguf file gguf and accelerate.

Tensors: input_ids [1, tokens]; hidden_<i> [1, tokens, width], what enters block i (the last one is after
the final norm); attn_<i> [1, heads, tokens, tokens]; logits [1, tokens, vocabulary]; greedy [1, tokens + 32],
or as far as the context reaches.
"""
import re
import sys
from pathlib import Path

try:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError as missing:
    sys.exit(f"expected.py: {missing}; pip install torch transformers safetensors")


def source(model: str) -> dict[str, str]:
    """What from_pretrained is told to read."""
    path = Path(model)
    if path.suffix != ".gguf":
        return {"pretrained_model_name_or_path": model}
    if not path.is_file():
        sys.exit(f"expected.py: {model}: there is no such file; check the path")
    try:
        import accelerate  # noqa: F401
        import gguf  # noqa: F401
    except ImportError as missing:
        sys.exit(f"expected.py: {model}: {missing}; pip install gguf accelerate")
    return {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}


@torch.no_grad()
def main(name: str, prompt: str, out: str) -> None:
    where = source(name)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, attn_implementation="eager").eval()
    if re.fullmatch(r"\d+(,\d+)*", prompt):
        ids = torch.tensor([[int(i) for i in prompt.split(",")]])
    else:
        ids = AutoTokenizer.from_pretrained(**where)(prompt, return_tensors="pt").input_ids
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
