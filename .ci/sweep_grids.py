"""The grids of `sweep`, each cell beside a pass of transformers in which PyTorch hooks replace the same (hooked.py), and
attributions beside its gradients. edits_hooks.py runs this where the program has the command. path_grids.py has paths.
"""
import json
from itertools import product

import torch

import path_grids

STREAMS, HEADS = ["resid_pre", "resid_mid", "attn_out", "mlp_out"], ["z", "q", "k", "v", "pattern"]
TARGETS = 265, 300


def metric(logits):
    """The logit difference after the last token."""
    return logits[-1, TARGETS[0]] - logits[-1, TARGETS[1]]


def site_of(kind, layer):
    name = kind.removesuffix("-by-position")
    return f"blocks.{layer}.{'attn.' * (name in HEADS)}{name}"


def cell(kind, place):
    """The part of a site that a cell stands for. A pattern is [heads, queries, keys], all else [tokens, (heads,) dimensions]."""
    name, by_position = kind.removesuffix("-by-position"), kind.endswith("-by-position")
    if name in STREAMS:
        return (place[0],)
    if name == "pattern":
        return (place[1], place[0]) if by_position else (place[0],)
    return (place[0], place[1]) if by_position else (slice(None), place[0])


def replaced(kind, place, other):
    def change(x):
        x[cell(kind, place)] = other[cell(kind, place)]
        return x

    return change


def patched(model, kind, shape, ids, clean):
    """The metric of every cell, in row-major order."""
    values = []
    for layer, *place in product(*map(range, shape)):
        site = site_of(kind, layer)
        values.append(metric(model.hooked.run(ids, {site: [replaced(kind, place, clean[site])]})))
    return torch.stack(values).double()


def attributed(model, kind, shape, ids, clean):
    """(clean − corrupted) · gradient of every cell."""
    hooked, seen = model.hooked, {}
    shifts = {site_of(kind, layer): torch.zeros_like(clean[site_of(kind, layer)], requires_grad=True) for layer in range(shape[0])}

    def shifted(site):
        def change(x):
            seen[site] = x.detach()
            return x + shifts[site]

        return change

    with torch.enable_grad():
        logits = hooked.forward(ids, {site: [shifted(site)] for site in shifts})
        found = torch.autograd.grad(metric(logits), list(shifts.values()))
    gradients = dict(zip(shifts, found))
    values = []
    for layer, *place in product(*map(range, shape)):
        site = site_of(kind, layer)
        values.append(((clean[site] - seen[site]).double() * gradients[site].double())[cell(kind, place)].sum())
    return torch.stack(values)


def ablated(model, shape, ids, plain, is_mean):
    """The metric without each head, or each MLP, or with its mean over the prompt."""
    values = []
    for layer, *place in product(*map(range, shape)):
        site = f"blocks.{layer}.attn.z" if place else f"blocks.{layer}.mlp_out"
        chosen = (slice(None), place[0]) if place else (slice(None),)

        def change(x):
            x[chosen] = plain[site][chosen].mean(0) if is_mean else 0
            return x

        values.append(metric(model.hooked.run(ids, {site: [change]})))
    return torch.stack(values).double()


def compare_sweeps(model, clean_ids, corrupt_ids, bound):
    """How many grids were compared, and the largest difference, over the largest value or attribution of the grid."""
    clean = model.plain(clean_ids)
    names = STREAMS + HEADS + [f"{name}-by-position" for name in ("z", "k", "pattern")]
    listed = lambda ids: ",".join(map(str, ids))
    words = ["--metric", "logit-difference", "--answer", f"#{TARGETS[0]}", "--wrong", f"#{TARGETS[1]}", "--json", "--quiet"]
    over = [word for name in names for word in ("--over", name)]
    said = json.loads(model.call("sweep", model.folder, "--ids", listed(clean_ids), "--corrupt-ids", listed(corrupt_ids), *over, "--agree", *words))
    farthest = 0.0
    told = lambda grid, key: torch.tensor(grid[key], dtype=torch.float64)
    for grid in said["grids"]:
        kind, shape = grid["kind"], grid["shape"]
        for key, expected in [("values", patched(model, kind, shape, corrupt_ids, clean)), ("attribution", attributed(model, kind, shape, corrupt_ids, clean))]:
            distance = float((told(grid, key) - expected).abs().max() / expected.abs().max().clamp(min=1e-3))
            assert distance < bound, (model.folder, kind, key, distance)
            farthest = max(farthest, distance)
    count = 2 * len(said["grids"])
    assert {grid["kind"] for grid in said["grids"]} == set(names), said["grids"]
    for what in ("mean", "zero"):
        said = json.loads(model.call("sweep", model.folder, "--ids", listed(clean_ids), "--ablate", what, *words))
        for grid in said["grids"]:
            expected = ablated(model, grid["shape"], clean_ids, clean, what == "mean")
            distance = float((told(grid, "values") - expected).abs().max() / expected.abs().max().clamp(min=1e-3))
            assert distance < bound, (model.folder, what, grid["kind"], distance)
            farthest, count = max(farthest, distance), count + 1
    paths, distance = path_grids.compare_paths(model, clean_ids, corrupt_ids, metric, words, bound)
    return count + paths, max(farthest, distance)
