"""Path patching of `sweep --over path`, each number beside the three passes of its definition (Wang et al. 2022, section
3.1) by PyTorch hooks on transformers: clean and corrupted values are read; the clean prompt is run with a sender
replaced and every other head's z and MLP's output frozen, and receivers are read there; the clean prompt is run with
the receivers as they were read.
"""
import json
from itertools import product

import torch


def path_value(model, metric, sender, receivers, ids, plain, other, recomputes_mlps):
    """The metric of the clean prompt when one sender, (site, place), acts on the receivers along direct paths alone."""
    site, place = sender
    seen = {}

    def frozen(name):
        def change(x):
            x = plain[name].clone()
            if name == site:
                x[place] = other[name][place]
            return x

        return change

    changes = {}
    for layer in range(len(model.hooked.layers)):
        changes[f"blocks.{layer}.attn.z"] = [frozen(f"blocks.{layer}.attn.z")]
        if not recomputes_mlps or site == f"blocks.{layer}.mlp_out":
            changes[f"blocks.{layer}.mlp_out"] = [frozen(f"blocks.{layer}.mlp_out")]

    def keep(name):
        def read(x):
            seen[name] = x
            return x

        return read

    for name, _ in receivers:
        changes.setdefault(name, []).append(keep(name))
    logits = model.hooked.run(ids, changes)
    if not receivers:
        return metric(logits)

    def received(name):
        def change(x):
            for of, chosen in receivers:
                if of == name:
                    x[chosen] = seen[name][chosen]
            return x

        return change

    return metric(model.hooked.run(ids, {name: [received(name)] for name, _ in receivers}))


def senders(name, layers, heads, tokens):
    """The senders of a set, in the order of its grid."""
    every = slice(None)
    if name == "heads":
        return [(f"blocks.{layer}.attn.z", (every, head)) for layer, head in product(range(layers), range(heads))]
    if name == "heads-by-position":
        return [(f"blocks.{layer}.attn.z", (token, head)) for layer, token, head in product(range(layers), range(tokens), range(heads))]
    assert name == "mlp", name
    return [(f"blocks.{layer}.mlp_out", (every,)) for layer in range(layers)]


def receiver_sets(model):
    """How they are written, and their sites and places. None are the logits."""
    last, every = len(model.hooked.layers) - 1, slice(None)
    key_head = 1 // (model.hooked.heads // model.hooked.key_heads)
    head = [(f"blocks.{last}.attn.{part}", (every, at)) for part, at in (("q", 1), ("k", key_head), ("v", key_head))]
    middle = f"blocks.{last // 2}.mlp"
    return [
        ("logits", []),
        (f"{last}.1", head),
        (f"{last}.0.q[-1]", [(f"blocks.{last}.attn.q", (-1, 0))]),
        (f"{last}.0.k", [(f"blocks.{last}.attn.k", (every, 0))]),
        (f"mlp.{last // 2},{last}.1", [(middle.replace("mlp", "ln2"), (every,)), *head]),
        (f"mlp,{last}.1", [*((f"blocks.{layer}.ln2", (every,)) for layer in range(last + 1)), *head]),
    ]


def compare_paths(model, clean_ids, corrupt_ids, metric, words, bound):
    """How many grids were compared, and the largest difference, over the largest value of the grid, as of other sweeps."""
    clean, other = model.plain(clean_ids), model.plain(corrupt_ids)
    listed = lambda ids: ",".join(map(str, ids))
    prompts = ["--ids", listed(clean_ids), "--corrupt-ids", listed(corrupt_ids)]
    layers, heads, tokens = len(model.hooked.layers), model.hooked.heads, len(clean_ids)
    base = float(metric(model.hooked.run(clean_ids)))
    count, farthest = 0, 0.0
    for (receivers, ends), recomputes in product(receiver_sets(model), (False, True)):
        sets = ["heads", "mlp"] + ["heads-by-position"] * (receivers == "logits")
        option = ["--recompute-mlps"] * recomputes
        said = json.loads(model.call("sweep", model.folder, *prompts, "--over", "path", "--senders", ",".join(sets), "--receivers", receivers, *option, *words))
        assert abs(said["clean"] - base) < bound * max(1, abs(base)), (said["clean"], base)
        for name, grid in zip(sets, said["grids"], strict=True):
            found = torch.tensor(grid["values"], dtype=torch.float64)
            expected = [path_value(model, metric, sender, ends, clean_ids, clean, other, recomputes) for sender in senders(name, layers, heads, tokens)]
            expected = torch.stack(expected).double()
            distance = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-3))
            assert distance < bound, (model.folder, receivers, name, recomputes, distance)
            farthest, count = max(farthest, distance), count + 1
    return count, farthest
