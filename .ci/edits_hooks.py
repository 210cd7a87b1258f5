"""Every operator of docs/interventions.md at every site, beside PyTorch hooks on the same weights in transformers (f32,
eager attention); then the parts of `why` and the strongest neurons of `neurons` beside what hooks read.

python .ci/edits_hooks.py LOOKBACK MODEL... [--few] (directories that transformers loads; --few takes each operator once)

Compared are the logits of all positions and the site itself, relative to the largest number that stands there. Operators
are computed here from the page's formulas in f64.
"""
import argparse
import json
import subprocess
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

import logit_parts
from hooked import Hooked
from sweep_grids import compare_sweeps

BOUND = 1e-4
IDS = [5, 7, 9, 11, 300, 7, 9, 42, 5, 100, 11, 12, 5, 7]
OTHER_IDS = [17, 30, 4, 9, 9, 200, 150, 301, 8, 8, 21, 64, 7, 3]
PROMPT, OTHER, THIRD = "The red bird sat on a tree.", "A big dog ran to the park.", "She was sad."
TEXTS = "One day a cat saw a ball.\n\nThe sun was hot.\nTom and Lily like to play in the garden.\n"


class Case:
    """A choice of a site's tokens, heads and dimensions, what is done there as text, and as a function of the chosen part,
    [tokens, heads, dimensions] in f64."""

    def __init__(self, operator, site, choices, text, function):
        self.operator, self.site = operator, site
        self.choices, self.function = [chosen for _, chosen in choices], function
        self.edit = f"{site}[{', '.join(written for written, _ in choices)}] {text}"

    def change(self, x):
        place = np.ix_(*(np.arange(size)[chosen] for size, chosen in zip(x.shape, self.choices)))
        part = x[place].double()
        # Without an axis of heads the row is one.
        done = self.function(part.reshape(part.shape[0], -1, part.shape[-1])).reshape(part.shape)
        x[place] = done.to(x.dtype)
        return x


class AttentionCase:
    """A change of scores or weights at chosen heads, queries and keys. Of all queries each has the keys that it sees; `visible`,
    [heads, queries, keys], has these."""

    def __init__(self, operator, site, visible, choices, text, function):
        self.operator, self.site, self.visible = operator, site, visible
        self.choices, self.function = [chosen for _, chosen in choices], function
        self.edit = f"{site}[{', '.join(written for written, _ in choices)}] {text}"

    def change(self, x):
        place = np.ix_(*(np.arange(size)[chosen] for size, chosen in zip(x.shape, self.choices)))
        x[place] = torch.where(self.visible[place], self.function(x[place].double(), place).to(x.dtype), x[place])
        return x


def largest(count):
    """Of each row of scores so many stay; of equal ones those of the lower keys."""

    def keep(scores, place):
        order = scores.sort(dim=-1, descending=True, stable=True).indices[..., :count]
        return torch.full_like(scores, -torch.inf).scatter(-1, order, scores.gather(-1, order))

    return keep


def attention_cases(site, visible, other):
    """Of scores or of a pattern, at a head or all of them."""
    every = (":", slice(None))
    one, rows, keys = ("1", [1]), ("4:6", slice(4, 6)), ("2:5", slice(2, 5))
    kind = site.rpartition(".")[2]
    yield AttentionCase(f"{kind}, scale", site, visible, [one, every, every], "*= 0.5", lambda x, place: 0.5 * x)
    yield AttentionCase(f"{kind}, set", site, visible, [every, rows, keys], "= 0.25", lambda x, place: torch.full_like(x, 0.25))
    yield AttentionCase(f"{kind}, add", site, visible, [one, every, keys], "+= [0.5]", lambda x, place: x + 0.5)
    yield AttentionCase(f"{kind}, from", site, visible, [one, every, every], f"= from({OTHER_IDS})", lambda x, place: other[place].double())
    if kind == "scores":
        yield AttentionCase("scores, keep_top", site, visible, [every, every, every], "keep_top(3)", largest(3))
        yield AttentionCase("scores, harden", site, visible, [("[0, 2]", [0, 2]), every, every], "harden", largest(1))
        yield AttentionCase("scores, hide", site, visible, [one, every, keys], "hide", lambda x, place: torch.full_like(x, -torch.inf))
        yield AttentionCase("scores, hide the only key", site, visible, [one, ("0", [0]), ("0", [0])], "hide", lambda x, place: torch.full_like(x, -torch.inf))
    else:
        yield AttentionCase("pattern, off", site, visible, [every, every, ("0", [0])], "= 0", lambda x, place: torch.zeros_like(x))


VARIANTS = ["no-mask", "no-scale", "no-position", "uniform-attention", "plain-attention"]


def unit(v):
    return v / v.norm()


def row(products, v):
    """Their sum over the whole chosen row, or over each head where v is of one."""
    return products.sum(-1 if v.dim() == 1 else (-1, -2), keepdim=True)


def dot(h, v):
    return row(h * v, v)


def square(h, v):
    return row(h * h, v)


def norm_scaled_add(h, v, factor, fraction):
    w = factor * v
    return h + square(h, v) ** 0.5 * w * min(1, fraction / w.norm())


def along_vectors(v, t):
    """Operator, its text with {v} and {t} for files, and its function; bounds are within what stands there."""
    moved = lambda h, low, high: h + (dot(h, unit(v)).clamp(low, high) - dot(h, unit(v))) * unit(v)
    return [
        ("add npy", "+= 2 * {v}", lambda h: h + 2 * v),
        ("subtract safetensors", "-= {t}", lambda h: h - t),
        ("set vector", "= {t}", lambda h: torch.zeros_like(h) + t),
        ("add unit", "+= 3 * unit({v})", lambda h: h + 3 * unit(v)),
        ("project out", "project_out({v})", lambda h: h - dot(h, unit(v)) * unit(v)),
        ("scale along", "*= 0.3 along {v}", lambda h: h - 0.7 * dot(h, unit(v)) * unit(v)),
        ("clamp along", "clamp_along({v}, -0.2, 0.1)", lambda h: moved(h, -0.2, 0.1)),
        ("clamp above", "clamp_along({v}, none, -0.1)", lambda h: moved(h, None, -0.1)),
        ("norm-scaled add", "norm_scaled_add(0.7 * {v}, 0.5)", lambda h: norm_scaled_add(h, v, 0.7, 0.5)),
        ("norm-scaled add, whole", "norm_scaled_add(0.02 * {t})", lambda h: norm_scaled_add(h, t, 0.02, 1)),
        ("orthogonal add", "orthogonal_add(1.5 * {v})", lambda h: h + 1.5 * v - dot(h, 1.5 * v) / square(h, v) * h),
        ("swap", "swap({v}, {t})", lambda h: h + dot(h, unit(v)) * (unit(t) - unit(v))),
    ]


def splitmix(seed, position):
    """The SplitMix64 number of a seed and a position."""
    mask = 2**64 - 1
    bits = (seed + (position + 1) * 0x9E3779B97F4A7C15) & mask
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
    return bits ^ (bits >> 31)


class Model:
    """One directory, opened by both."""

    def __init__(self, program, folder, work, few):
        self.program, self.folder, self.work, self.few = program, folder, Path(work), few
        self.hooked = Hooked(folder)
        self.tokenizer = AutoTokenizer.from_pretrained(folder) if (Path(folder) / "tokenizer.json").exists() else None
        self.random = torch.Generator().manual_seed(4747)
        self.passes, self.farthest, self.files, self.compared = {}, {}, 0, 0

    def call(self, *words):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def ids(self, text):
        return self.tokenizer(text).input_ids

    def plain(self, ids):
        """All sites of a pass without edits."""
        key = tuple(ids)
        if key not in self.passes:
            self.hooked.run(ids, wants_results=True)
            self.passes[key] = self.hooked.seen
        return self.passes[key]

    def look(self, prompt, edits, sites, flags=()):
        out = self.work / "sites.safetensors"
        out.unlink(missing_ok=True)
        given = ["-p", prompt] if isinstance(prompt, str) else ["--ids", ",".join(map(str, prompt))]
        given += [word for edit in edits for word in ("--edit", edit)]
        self.call("look", self.folder, *given, *flags, "--sites", ",".join(sites), "-o", out, "--quiet")
        return load_file(out)

    def compare(self, operator, prompt, cases, variant=None):
        ids = self.ids(prompt) if isinstance(prompt, str) else prompt
        changes = {}
        for case in cases:
            changes.setdefault(case.site, []).append(case.change)
        self.compared += 1
        sites = sorted({"logits", *changes})
        edits = [case.edit for case in cases]
        ours = self.look(prompt, edits, sites, [f"--{variant}"] if variant else [])
        self.hooked.run(ids, changes, variant=variant)
        for site in sites:
            theirs = self.hooked.seen[site]
            assert ours[site].shape == theirs.shape, (edits, site, ours[site].shape, theirs.shape)
            is_seen = torch.isfinite(theirs)
            assert torch.equal(is_seen, torch.isfinite(ours[site])), (edits, site)
            largest = max(float(theirs[is_seen].abs().max()), 1e-3)
            apart = lambda one, other: float((one - other)[is_seen].abs().max()) / largest
            distance = apart(ours[site], theirs)
            if distance > BOUND and variant:
                # Some variants magnify what float32 rounds, each order of a sum by luck of its own: ours may then be as far
                # from float64 as PyTorch's, within a small factor.
                exact = self.hooked.in_double(ids, changes, variant)[site]
                ours_off, theirs_off = apart(ours[site], exact), apart(theirs, exact)
                print(f"  {variant} at {site}: {ours_off:.1e} from float64, PyTorch's float32 {theirs_off:.1e}")
                assert ours_off <= 4 * theirs_off, (edits, variant, site, ours_off, theirs_off)
                continue
            if distance > self.farthest.get(operator, (-1, None))[0]:
                self.farthest[operator] = distance, f"{' and '.join([*edits, variant or '']).removesuffix(' and ')} at {site}"

    def vector(self, shape, kind):
        """A random vector, and the file that holds it."""
        values = torch.randn(shape, generator=self.random)
        self.files += 1
        path = self.work / f"v{self.files}.{kind}"
        if kind == "npy":
            np.save(path, values.flatten().numpy())
        else:
            save_file({"v": values.flatten()}, path)
        return values.double(), path

    def cases_at(self, site, x):
        """Each operator once at each kind of choice of a site."""
        tokens, width = x.shape[0], x.shape[-1]
        several = [("2:9", slice(2, 9)), ("-3:", slice(-3, None)), ("[0, 4, -1]", [0, 4, tokens - 1])]
        every = (":", slice(None))
        all_of = [every] * x.dim()
        last = max(2, width - 1)
        part = [several[1], *[("1", [1])] * (x.dim() - 2), (f"1:{last}", slice(1, last))]
        scattered = [several[2], *[every] * (x.dim() - 2), (f"[0, -1, {width // 2}]", [0, width // 2, width - 1])]
        # Experts with equal logits are chosen in no order of PyTorch's.
        if not site.endswith("router_logits"):
            yield Case("set", site, all_of, "= 0", torch.zeros_like)
            yield Case("set", site, part, "= 0.37", lambda h: torch.full_like(h, 0.37))
            yield Case("set", site, scattered, "= -1.5", lambda h: torch.full_like(h, -1.5))
        yield Case("scale", site, [several[0], *all_of[1:]], "*= 0.5", lambda h: 0.5 * h)
        yield Case("add number", site, part, "+= [0.25]", lambda h: h + 0.25)
        mean = x.double().mean(0)
        yield Case("mean", site, [several[0], *all_of[1:]], "= mean", lambda h: mean.reshape(1, *h.shape[1:]).expand_as(h))
        other = self.plain(OTHER_IDS)[site].double()
        written = f"= from({OTHER_IDS})"
        yield Case("from", site, [several[0], *all_of[1:]], written, lambda h: other[2:9].reshape(h.shape))
        yield Case("from, chosen", site, [several[0], *all_of[1:]], f"{written}[-2]", lambda h: other[-2].reshape(1, *h.shape[1:]).expand_as(h))
        if x.dim() == 3:
            moved = [every, ("1", [1]), every]
            yield Case("from, head", site, moved, f"{written}[:, 0, :]", lambda h: other[:, :1])
        # A vector of all that is chosen; where there are heads, of one head too, and of each.
        choices = [([several[1], *all_of[1:]], (x[0].numel() // width, width) if x.dim() == 3 else (1, width))]
        if x.dim() == 3:
            choices += [([every, ("1", [1]), every], (width,)), (all_of, (width,))]
        for choice, shape in choices:
            (v, v_file), (t, t_file) = self.vector(shape, "npy"), self.vector(shape, "safetensors")
            for operator, text, function in along_vectors(v, t):
                yield Case(operator, site, choice, text.format(v=v_file, t=t_file), function)

    def text_cases_at(self, site, prompt):
        """What needs a tokenizer."""
        x, tokens = self.plain(self.ids(prompt))[site], len(self.ids(prompt))
        rest = [(":", slice(None))] * (x.dim() - 1)
        row = lambda values: lambda h: values.reshape(-1, *h.shape[1:]).expand_as(h)
        means = [self.plain(self.ids(text))[site].double().mean(0) for text in (OTHER, THIRD)]
        choice = [("-4:-1", slice(-4, -1)), *rest]
        yield Case("dir", site, choice, f'+= 1.5 * dir("{OTHER}" - "{THIRD}")', lambda h: h + 1.5 * row(means[0] - means[1])(h))
        yield Case("from text", site, [("-1", [tokens - 1]), *rest], f'= from("{THIRD}")[-2]', row(self.plain(self.ids(THIRD))[site][-2].double()))
        texts = [self.plain(self.ids(line))[site].double() for line in TEXTS.splitlines() if line]
        (self.work / "texts.txt").write_text(TEXTS)
        rows = torch.cat(texts)
        yield Case("mean of file", site, choice, f"= mean({self.work / 'texts.txt'})", row(rows.mean(0)))
        late = torch.cat([text[2:] for text in texts])
        yield Case("mean of file, late", site, choice, f"= mean({self.work / 'texts.txt'})[2:]", row(late.mean(0)))
        drawn = rows[[splitmix(7, position) * len(rows) >> 64 for position in range(tokens)]]
        yield Case("resample", site, [(":", slice(None)), *rest], f"= resample({self.work / 'texts.txt'}, 7)", row(drawn))

    def sites(self, layers):
        fixed = [site for site in self.plain(IDS) if not site.startswith("blocks.")]
        of_layers = [site for site in self.plain(IDS) for layer in layers if site.startswith(f"blocks.{layer}.")]
        return [site for site in fixed + of_layers if not site.endswith((".scores", ".pattern"))]

    def edits(self):
        count = len(self.hooked.layers)
        sites = self.sites([count // 2] if self.few else sorted({0, count - 1}))
        for number, site in enumerate(sites):
            cases = list(self.cases_at(site, self.plain(IDS)[site]))
            if self.few:
                # Of SmolLM2 a pass takes a second: so many that every operator and every site has its turn.
                cases = [case for place, case in enumerate(cases) if place % len(sites) == number or (place + 7) % len(sites) == number]
            for case in cases:
                self.compare(case.operator, IDS, [case])
        for site in sites if self.tokenizer else []:
            cases = list(self.text_cases_at(site, PROMPT))
            for case in cases[: 1 if self.few else None]:
                self.compare(case.operator, PROMPT, [case])
        self.several_at_once()
        self.attention(sites)
        self.variants()

    def attention(self, sites):
        """Where the program edits scores and patterns."""
        layers = sorted({site.rpartition(".attn")[0] for site in sites if ".attn." in site})
        for site in [f"{layer}.attn.{kind}" for layer in layers for kind in ("scores", "pattern")]:
            if not self.knows("look", self.folder, "--ids", "5,7", "--edit", f"{site}[1] *= 0.5", "--quiet"):
                return print(f"{self.folder}: this program does not edit {site}")
            visible = self.plain(IDS)[site.replace("pattern", "scores")].isfinite()
            for case in attention_cases(site, visible, self.plain(OTHER_IDS)[site]):
                self.compare(case.operator, IDS, [case])

    def variants(self):
        """Alone, and with an edit behind them."""
        every = (":", slice(None))
        for variant in VARIANTS:
            if not self.knows("look", self.folder, "--ids", "5,7", f"--{variant}", "--quiet"):
                print(f"{self.folder}: this program has no --{variant} here")
                continue
            self.compare(variant, IDS, [], variant)
            scaled = Case(variant, "blocks.1.resid_mid", [every, every], "*= 0.5", lambda h: 0.5 * h)
            self.compare(variant, IDS, [scaled], variant)

    def knows(self, *words):
        return subprocess.run([self.program, *map(str, words)], capture_output=True).returncode == 0

    def several_at_once(self):
        """Each sees what those before it made; what comes from elsewhere does not."""
        last, every = len(self.hooked.layers) - 1, (":", slice(None))
        x = self.plain(IDS)["blocks.0.resid_post"].double()
        stream = lambda text, function: Case("several", "blocks.0.resid_post", [every, every], text, function)
        cases = [
            Case("several", "blocks.0.attn.z", [every, ("0", [0]), every], "= 0", torch.zeros_like),
            stream("*= 2", lambda h: 2 * h),
            Case("several", "blocks.0.resid_post", [("1:3", slice(1, 3)), every], "= mean", lambda h: x.mean(0).expand_as(h)),
            stream("+= [0.5]", lambda h: h + 0.5),
            Case("several", f"blocks.{last}.mlp_out", [("-1", [len(IDS) - 1]), every], "*= -1", lambda h: -h),
        ]
        self.compare("several", IDS, cases)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--few", action="store_true")
    args = parser.parse_args()
    for folder in args.models:
        with tempfile.TemporaryDirectory() as work:
            model = Model(args.program, folder, work, args.few)
            model.edits()
            parts = logit_parts.compare_why(model, IDS), logit_parts.compare_neurons(model)
            if model.knows("sweep", "--help") and not args.few:
                print("{}: {} grids of sweeps, within {:.1e}".format(folder, *compare_sweeps(model, IDS, OTHER_IDS, BOUND)), flush=True)
            model.hooked.unhook()
        print(folder)
        for operator, (distance, where) in model.farthest.items():
            print(f"  {operator:24} {distance:.1e}  {where[:120]}")
        farthest = max(distance for distance, _ in model.farthest.values())
        print(f"{folder}: {model.compared} edits, within {farthest:.1e}", flush=True)
        print("{}: parts of {} logits, within {:.1e}; {} neurons, within {:.1e}".format(folder, *parts[0], *parts[1]), flush=True)
        assert max(farthest, parts[0][1], parts[1][1]) < BOUND, (model.farthest, parts)


main()
