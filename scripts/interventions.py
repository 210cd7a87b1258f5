#!/usr/bin/env python3
"""Writes what PyTorch's hooks make of the tiny models of goldens.py: the logits after the last token, of each edit.

usage: interventions.py crates/open/tests/interventions.json

The edits are written as lookback reads them, and done here by hooks of the modules of transformers, in float32 with
what is along a direction in float64. Needs Python packages: pip install torch transformers safetensors.
"""
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

import goldens

IDS = goldens.IDS
OTHER = [1, 12, 33, 33, 5, 60, 2, 44, 18, 9, 27, 50, 3]
TOKENS = len(IDS)


class Places:
    """Where the sites of a family's model are: modules, and whether their input or their output is the site."""

    def __init__(self, name: str, model: torch.nn.Module):
        self.config = model.config
        if name == "gpt2":
            inner, layers, final = model.transformer, model.transformer.h, model.transformer.ln_f
            parts = ("attn", "c_proj", "mlp", "c_proj")
        elif name == "gpt_neox":
            inner, layers, final = model.gpt_neox, model.gpt_neox.layers, model.gpt_neox.final_layer_norm
            parts = ("attention", "dense", "mlp", "dense_4h_to_h")
        else:
            inner, layers, final = model.model, model.model.layers, model.model.norm
            parts = ("self_attn", "o_proj", "mlp", "down_proj")
        attention, out, mlp, down = parts
        self.sites = {"ln_final": (final, "output")}
        for index, layer in enumerate(layers):
            attend, feed = getattr(layer, attention), getattr(layer, mlp)
            is_gemma = hasattr(layer, "post_feedforward_layernorm")
            block = {
                "resid_pre": (layer, "input"),
                "resid_post": (layer, "output"),
                "attn.z": (getattr(attend, out), "input"),
                "attn_out": (layer.post_attention_layernorm if is_gemma else getattr(attend, out), "output"),
                "mlp.post": (getattr(feed, down), "input"),
                "mlp_out": (layer.post_feedforward_layernorm if is_gemma else feed, "output"),
            }
            if hasattr(attend, "v_proj"):
                block |= {"attn.q": (attend.q_proj, "output"), "attn.v": (attend.v_proj, "output")}
            self.sites |= {f"blocks.{index}.{site}": place for site, place in block.items()}

    def hook(self, site: str, change: Callable) -> torch.utils.hooks.RemovableHandle:
        """Calls `change` with the value at a site, [tokens, width]; what it gives back stands there then."""
        module, side = self.sites[site]

        def before(_, args, kwargs):
            if args:
                return (change(args[0][0])[None], *args[1:]), kwargs
            return args, kwargs | dict(hidden_states=change(kwargs["hidden_states"][0])[None])

        def after(_, __, output):
            if isinstance(output, tuple):
                return (change(output[0][0])[None], *output[1:])
            return change(output[0])[None]

        if side == "input":
            return module.register_forward_pre_hook(before, with_kwargs=True)
        return module.register_forward_hook(after)


def numbers(count: int, seed: int) -> list[float]:
    """Numbers that look random, of few digits."""
    generator = torch.Generator().manual_seed(seed)
    return [round(x, 3) for x in torch.randn(count, generator=generator).tolist()]


def unit(v: torch.Tensor) -> torch.Tensor:
    return v / v.norm()


def edits(places: Places, capture: Callable) -> list[tuple[str, str, Callable]]:
    """The text of each edit, its site, and what it makes of the value there."""
    config = places.config
    width, heads = config.hidden_size, config.num_attention_heads
    head = getattr(config, "head_dim", None) or width // heads
    v, w, u = numbers(width, 1), numbers(width, 2), numbers(head, 3)
    V, W, U = (torch.tensor(x, dtype=torch.float64) for x in (v, w, u))

    def written(rows, columns, value):
        def change(h):
            h = h.clone()
            h[rows, columns] = value(h[rows, columns].double()).float()
            return h
        return change

    every = slice(None)
    one_head = slice(head, 2 * head)

    def along(f):
        """Of each row by itself."""
        return written(every, every, lambda h: torch.stack([f(row) for row in h]))

    def of_heads(h):
        parts = h.reshape(len(h), -1, head)
        return (parts - (parts @ unit(U))[..., None] * unit(U)).reshape(h.shape)

    limit = min(0.3 * V.norm().item(), 0.2) / V.norm()
    all_edits = [
        (" = 0", "blocks.0.attn.z", "[:, 1]", written(every, one_head, torch.zeros_like)),
        (" = 0", "blocks.1.mlp_out", "[:]", written(every, every, torch.zeros_like)),
        (" = 0", "blocks.1.attn_out", "[:]", written(every, every, torch.zeros_like)),
        (" *= 0.5", "blocks.0.mlp.post", "[3:7, 5]", written(slice(3, 7), slice(5, 6), lambda h: h * 0.5)),
        (f" += 4 * {v}", "blocks.1.resid_pre", "[-1]", written(slice(-1, None), every, lambda h: h + 4 * V)),
        (" = mean", "blocks.0.resid_post", "[:]", written(every, every, lambda h: h.mean(0).expand(h.shape))),
        (f" = from({OTHER})", "blocks.1.resid_pre", "[3:7]",
         written(slice(3, 7), every, lambda _: capture("blocks.1.resid_pre", OTHER)[3:7])),
        (f" = from({OTHER})[2:4, 0]", "blocks.1.attn.z", "[-2:, 1]",
         written(slice(-2, None), one_head, lambda _: capture("blocks.1.attn.z", OTHER)[2:4, :head])),
        (f" project_out({v})", "blocks.0.resid_post", "[:]", along(lambda h: h - (h @ unit(V)) * unit(V))),
        (f" *= 2.5 along {v}", "blocks.0.resid_post", "[:]", along(lambda h: h + 1.5 * (h @ unit(V)) * unit(V))),
        (f" clamp_along({v}, -0.5, 0.25)", "blocks.1.resid_pre", "[:]",
         along(lambda h: h + ((h @ unit(V)).clamp(-0.5, 0.25) - h @ unit(V)) * unit(V))),
        (f" norm_scaled_add(0.3 * {v}, 0.2)", "blocks.0.resid_post", "[:]", along(lambda h: h + h.norm() * limit * V)),
        (f" orthogonal_add(2 * {v})", "blocks.1.resid_pre", "[:]",
         along(lambda h: h + 2 * V - (h @ (2 * V)) / (h @ h) * h)),
        (f" swap({v}, {w})", "blocks.0.resid_post", "[:]", along(lambda h: h + (h @ unit(V)) * (unit(W) - unit(V)))),
        (f" project_out({u})", "blocks.0.attn.z", "[2:9, 1:3]",
         written(slice(2, 9), slice(head, 3 * head), of_heads)),
        (" = 0", "ln_final", "[-1, 0:4]", written(slice(-1, None), slice(0, 4), torch.zeros_like)),
        (" = mean", "blocks.0.attn.v", "[:, 0]",
         written(every, slice(0, head), lambda h: h.mean(0).expand(h.shape))),
        (" += [1.5]", "blocks.1.attn.q", "[5:, [0, 3]]", written(
            slice(5, None), [*range(head), *range(3 * head, 4 * head)], lambda h: h + 1.5)),
    ]
    there = [edit for edit in all_edits if edit[1] in places.sites]
    return [(site + selection + operation, site, change) for operation, site, selection, change in there]


@torch.no_grad()
def family(name: str) -> list[dict]:
    """Each edit, and the logits after the last token."""
    model = goldens.model(goldens.FAMILIES[name])
    places = Places(name, model)

    def logits(ids):
        return model(torch.tensor([ids])).logits[0]

    def capture(site, ids):
        seen = []

        def keep(h):
            seen.append(h.double())
            return h
        handle = places.hook(site, keep)
        logits(ids)
        handle.remove()
        return seen[0]

    # What comes from another prompt is captured by a pass of its own, before the edited one begins.
    captured = {site: capture(site, OTHER) for site in places.sites}
    plain = logits(IDS)[-1]
    made = []
    for text, site, change in edits(places, lambda site, _: captured[site]):
        handle = places.hook(site, change)
        edited = logits(IDS)[-1]
        handle.remove()
        assert not torch.allclose(edited, plain, atol=1e-4), f"{name}: {text} changes nothing"
        made.append(dict(edit=text, logits=[round(x, 6) for x in edited.tolist()]))
    return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    made = {name: family(name) for name in ["gpt2", "llama", "qwen3", "gemma2", "gpt_neox"]}
    lines = [f" {json.dumps(name)}: [\n  " + ",\n  ".join(map(json.dumps, edits)) + "\n ]" for name, edits in made.items()]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{sum(map(len, made.values()))} edits of {len(made)} families")
