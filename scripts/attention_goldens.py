#!/usr/bin/env python3
"""Writes what transformers computes where attention is changed: scores, pattern, and the results of heads.

usage: attention_goldens.py crates/open/tests/attention_goldens [NAME ...]

The models are those of goldens.py. Scores and patterns are changed where transformers' own attention calls softmax;
results of heads where its output projection is called. Needs Python packages: pip install torch transformers
safetensors.

A golden is JSON: cases, each with its changes and the logits at the positions `rows` in float32, and the results of
all heads of a layer at the last position, [heads, width].
"""
import json
import sys
import tempfile
from pathlib import Path

import goldens
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file

OUTPUTS = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "llama": "model.layers.{}.self_attn.o_proj",
    "gemma2": "model.layers.{}.self_attn.o_proj",
    "bloom": "transformer.h.{}.self_attention.dense",
    "gpt_oss": "model.layers.{}.self_attn.o_proj",
}
ROWS = [8, 12]
LAYER = 1


def numbers(count: int, seed: int) -> list[float]:
    """Numbers from -2 to 2 that are whole sixteenths."""
    return [((at * 37 + seed * 11) % 65 - 32) / 16 for at in range(count)]


# What is changed, each: heads, queries, keys (null for all), of what, and the numbers, [heads, queries, keys] or one.
def edit(what: str, change: str, given: list[float], heads=None, queries=None, keys=None) -> dict:
    return dict(what=what, change=change, numbers=given, heads=heads, queries=queries, keys=keys)


CASES = {
    "scores added to": [edit("scores", "add", numbers(18, 1), [0, 2], [3, 7, 12], [1, 2, 3])],
    "scores set and scaled": [
        edit("scores", "set", ["-inf"], [1], [8, 12], [0, 3]),
        edit("scores", "scale", [-0.5], [0, 3]),
        edit("scores", "set", [1.25], [3], None, [2]),
    ],
    "largest kept": [edit("top", "3", [], [0, 1]), edit("top", "1", [], [3])],
    "pattern set and scaled": [
        edit("pattern", "set", numbers(9, 2), [1], [8], list(range(9))),
        edit("pattern", "scale", [0.5], [2]),
        edit("pattern", "add", [0.25], [3], [12], [0, 12]),
    ],
    "scores and pattern": [
        edit("pattern", "scale", [1.5], [0], None, [1]),
        edit("scores", "add", [1.0], [0], None, [0]),
    ],
    # Of results: heads, positions, change and number.
    "results": [
        dict(what="result", change="scale", numbers=[-0.5], heads=[1], queries=[2, 8, 12], keys=None),
        dict(what="result", change="add", numbers=[0.25], heads=[3], queries=[5], keys=None),
        dict(what="result", change="set", numbers=[0.0], heads=[0], queries=None, keys=None),
    ],
}


def changed(x: torch.Tensor, change: str, number: float) -> torch.Tensor:
    return {"set": torch.full_like(x, number), "add": x + number, "scale": x * number}[change]


def apply(edits: list[dict], what: tuple, x: torch.Tensor) -> torch.Tensor:
    """Changes scores or weights, [1, heads, queries, keys], of the keys that each query sees."""
    x = x.clone()
    for one in (one for one in edits if one["what"] in what):
        heads = range(x.shape[1]) if one["heads"] is None else one["heads"]
        queries = range(len(goldens.IDS)) if one["queries"] is None else one["queries"]
        keys = range(len(goldens.IDS)) if one["keys"] is None else one["keys"]
        for h, head in enumerate(heads):
            for q, query in enumerate(queries):
                seen = [key for key in keys if key <= query]
                if one["what"] == "top":
                    row = x[0, head, query]
                    kept = sorted(seen, key=lambda key: (-row[key].item(), key))[:int(one["change"])]
                    for key in seen:
                        if key not in kept:
                            row[key] = float("-inf")
                    continue
                for k, key in enumerate(keys):
                    if key in seen:
                        given = one["numbers"]
                        place = (h * len(queries) + q) * len(keys) + k
                        number = float(given[0] if len(given) == 1 else given[place])
                        x[0, head, query, key] = changed(x[0, head, query, key], one["change"], number)
    return x


def whole_scores(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Scores as they are before transformers moves a row of them by a number, which a softmax does not see."""
    if model.config.model_type == "gpt_oss":
        # The largest is subtracted from scores and sink, which stands behind the keys.
        sinks = model.get_submodule(f"model.layers.{LAYER}.self_attn").sinks
        return x + (sinks[None, :, None, None] - x[..., -1:])
    if model.config.model_type == "bloom":
        # What grows with the key's position is added, where Press et al. subtract what grows with the distance.
        mask = torch.ones(1, len(goldens.IDS))
        alibi = transformers.models.bloom.modeling_bloom.build_alibi_tensor(mask, x.shape[1], torch.float32)
        return x - alibi.reshape(1, x.shape[1], -1, 1)
    return x


class Changes:
    """Changes what attention of one layer computes, while a model runs."""

    def __init__(self, model: torch.nn.Module, output: str, heads: int, edits: list[dict]):
        self.edits, self.heads, self.layer, self.results = edits, heads, 0, None
        self.model = model
        self.projection = model.get_submodule(output)
        self.softmax = torch.nn.functional.softmax

    def __enter__(self):
        def softmax(x, *others, **named):
            # Attention's alone has four axes; a router's has fewer.
            if x.dim() != 4:
                return self.softmax(x, *others, **named)
            self.layer += 1
            if self.layer - 1 != LAYER:
                return self.softmax(x, *others, **named)
            x = whole_scores(self.model, x)
            weights = self.softmax(apply(self.edits, ("scores", "top"), x), *others, **named)
            return apply(self.edits, ("pattern",), weights)

        def project(module, inputs, out):
            z = inputs[0]
            dim = z.shape[-1] // self.heads
            bias = module.bias if module.bias is not None else 0.0
            forward = type(module).forward
            made = []
            for head in range(self.heads):
                own = torch.zeros_like(z)
                own[..., head * dim:(head + 1) * dim] = z[..., head * dim:(head + 1) * dim]
                made.append(forward(module, own) - bias)
            self.results = torch.stack(made, dim=-2)
            results = self.results.clone()
            for one in (one for one in self.edits if one["what"] == "result"):
                positions = range(len(goldens.IDS)) if one["queries"] is None else one["queries"]
                for head in one["heads"]:
                    for at in positions:
                        row = results[..., at, head, :]
                        results[..., at, head, :] = changed(row, one["change"], one["numbers"][0])
            return out + (results - self.results).sum(dim=-2)

        torch.nn.functional.softmax = softmax
        self.hook = self.projection.register_forward_hook(project)
        return self

    def __exit__(self, *_):
        torch.nn.functional.softmax = self.softmax
        self.hook.remove()


@torch.no_grad()
def golden(name: str) -> dict:
    config = goldens.FAMILIES[name]
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with safe_open(Path(folder) / "model.safetensors", "pt") as file:
            shapes = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}
        state = {name: goldens.weight(name, shape) for name, shape in shapes.items()}
        save_file(state, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids, heads = torch.tensor([goldens.IDS]), config.num_attention_heads
    output = OUTPUTS[name].format(LAYER)
    plain = model(ids).logits[0]
    cases = []
    for about, edits in CASES.items():
        with Changes(model, output, heads, edits) as changes:
            logits = model(ids).logits[0]
            if changes.layer != config.num_hidden_layers:
                sys.exit(f"attention_goldens.py: {name} called softmax {changes.layer} times")
        furthest = (logits - plain).abs().max().item()
        print(f"{name}, {about}: logits move by {furthest:.3g}")
        if furthest < 1e-3:
            sys.exit(f"attention_goldens.py: {name}, {about}: nothing has changed")
        cases.append({"about": about, "edits": edits, "logits": logits[ROWS].tolist()})
    with Changes(model, output, heads, []) as changes:
        model(ids)
        results = changes.results.reshape(len(goldens.IDS), heads, -1)[-1].tolist()
    return {"layer": LAYER, "rows": ROWS, "cases": cases, "results": results}


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or OUTPUTS
    folder.mkdir(exist_ok=True)
    for name in chosen:
        made = golden(name)
        text = json.dumps(made, default=str)
        made = json.loads(text, parse_float=lambda number: float(f"{float(number):.7g}"))
        (folder / f"{name}.json").write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
