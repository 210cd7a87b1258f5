#!/usr/bin/env python3
"""Passes with edits beside plain ones; `why`, `heads` and `sweep`, the last beside TransformerLens on the same cores.

  benches/interventions.py --model MODEL.gguf --directory DIR --python PYTHON [--default DIR] [--only edits,why,heads,sweep]

MODEL.gguf and DIR are the same weights (real_model.py get, and unpack); PYTHON has transformer_lens. Takes turns, so
ratios are of one round.

- A pass is one of `lookback eval` over documents of --tokens tokens: of two texts, of few and of many documents, the
  difference of the whole programs' times, by document. It has the logits and losses of all positions, no start, no file.
- `why` and `heads` are whole programs, from the start to the end.
- The patching sweep of lookback is a whole program, model opened. That of TransformerLens is its own time, model opened
  and cache made: of --cells cells that are spread over all layers, times all cells. Every cell is a whole pass there, so
  all cost the same; of lookback all cells are computed.
- The attribution sweep (heads and MLPs by position, gradients of one logit difference) is counted twice. Its computing
  is what one pair of prompts takes beside others, model opened: of lookback the difference of whole programs over few
  and many pairs, by pair; of TransformerLens its own time after a first call. The whole programs are those of one pair,
  from the start to the end, reading the model. Both must give the same numbers, or they are not timed.
"""
import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path

from pairs import last_object, machine, ratio, refuse, run, spread

WORDS = "the bird is red and dog a was in of to it he she they we big small house tree".split()
CLEAN = "The red bird sat in the old tree and the red dog saw the"
CORRUPT = "The red bird sat in the old tree and the red cat saw the"
ANSWERS = " bird", " house"
# Of TransformerLens's attribution sweep, after the first.
CALLS = 5


def edits(layer):
    """By name: the edits, and by how much a pass may be slower."""
    block = f"blocks.{layer}"
    return {
        "residual stream": ([f"{block}.resid_post[:] *= 1.5"], 1.05),
        "one head's z": ([f"{block}.attn.z[:, 1] = 0"], 1.05),
        "MLP, inside": ([f"{block}.mlp.post[:, 100:200] = 0"], 1.05),
        "MLP, output": ([f"{block}.mlp_out[:] = 0"], 1.05),
        "one head's scores": ([f"{block}.attn.scores[1] *= 0.5"], 1.2),
        "one head's pattern": ([f"{block}.attn.pattern[1, :, 0] = 0"], 1.2),
    }


def is_known(args, words):
    """Whether this program knows an edit or a command."""
    try:
        run([args.lookback, *words])
    except SystemExit:
        return False
    return True


def documents(args, folder, count):
    """A file of so many documents, a line each, of about as many tokens as are asked for."""
    drawn = random.Random(count)
    path = Path(folder) / f"{count}.jsonl"
    text = lambda: " ".join(drawn.choice(WORDS) for _ in range(args.tokens - 1))
    path.write_text("".join(json.dumps({"text": text()}) + "\n" for _ in range(count)))
    return path


def measure_edits(args):
    few, many = args.documents
    with tempfile.TemporaryDirectory() as folder:
        texts = [documents(args, folder, count) for count in args.documents]
        command = [args.lookback, "eval", args.model, "--threads", args.threads, "--quiet"]
        known = {name: given for name, given in edits(args.layer).items()
                 if is_known(args, ["look", args.model, "--ids", "5,7", "--edit", given[0][0], "--quiet"])}
        seconds = {name: [] for name in ["plain", *known]}
        for _ in range(args.rounds):
            for name in seconds:
                words = [word for edit in known.get(name, ([],))[0] for word in ("--edit", edit)]
                short, long = (run([*command, text, *words]).seconds for text in texts)
                seconds[name].append((long - short) / (many - few))
    milliseconds = [1e3 * second for second in seconds["plain"]]
    print(f"\na pass of {args.tokens} tokens with an edit in layer {args.layer}, plain {spread(milliseconds, '{:.1f}')} ms:\n")
    for name, (_, limit) in known.items():
        print(f"- {name}: {ratio(seconds[name], seconds['plain'], '{:.3f}')}, at most {limit}")
    for name in edits(args.layer).keys() - known.keys():
        print(f"- {name}: this program does not know it")
    return seconds


def measure_why(args):
    runs = {}
    prompt = {"model": CLEAN, "default": "kite helen spotted coat stone bed hart kite helen spotted"}
    for name, model, limit in [("model", args.model, 5), ("default", args.default, 1)]:
        for words in [[], ["--paths"], ["--paths", "--check", "8"]] if model else []:
            runs[f"why {' '.join(words)} on {Path(model).name}".replace("  ", " ")] = (
                [args.lookback, "why", model, "-p", prompt[name], *words, "--threads", args.threads, "--quiet"], limit)
    seconds = {name: [] for name in runs}
    for _ in range(args.rounds):
        for name, (command, _) in runs.items():
            seconds[name].append(run(command).seconds)
    print("\nwhole programs:\n")
    for name, (_, limit) in runs.items():
        print(f"- {name}: {spread(seconds[name], '{:.2f}')} s, at most {limit}")
    return seconds


def measure_heads(args):
    ended = run([args.lookback, "heads", args.model, "--threads", args.threads, "--quiet", "--json"])
    print(f"\n- heads on {args.model.name}, 512 sequences of 64 tokens: {ended.seconds:.1f} s, {ended.resident_mb:.0f} MB")
    return ended.seconds


def measure_sweeps(args):
    if not is_known(args, ["sweep", "--help"]):
        refuse("this program has no `sweep`")
    rows = {name: {"lookback": [], "TransformerLens": []} for name in ["z by position", "attribution, computing", "attribution, whole programs"]}
    theirs = [args.python, __file__, "--directory", args.directory, "--threads", args.threads, "--cells", args.cells]
    sweep = [args.lookback, "sweep", args.directory, "--threads", args.threads, "--quiet", "--json"]
    one = [*sweep, "-p", CLEAN, "--corrupt", CORRUPT, "--answer", ANSWERS[0], "--wrong", ANSWERS[1]]
    attribution = ["--over", "z-by-position", "--over", "mlp_out", "--attribution"]
    few, many = args.pairs
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{count}.jsonl" for count in args.pairs]
        for file, count in zip(files, args.pairs):
            pair = {"clean": CLEAN, "corrupt": CORRUPT, "answer": ANSWERS[0], "wrong": ANSWERS[1]}
            file.write_text((json.dumps(pair) + "\n") * count)
        for _ in range(args.rounds):
            add = lambda row, ours, other: (rows[row]["lookback"].append(ours), rows[row]["TransformerLens"].append(other))
            said = last_object([*theirs, "--transformer-lens", "attribution"])
            ended = run([*one, *attribution])
            check_attribution(json.loads(ended.stdout), said)
            add("attribution, whole programs", ended.seconds, said["whole_seconds"] - said["again"])
            short, long = (run([*sweep, "--pairs", file, *attribution]).seconds for file in files)
            add("attribution, computing", (long - short) / (many - few), said["attribution"])
            said = last_object([*theirs, "--transformer-lens", "patching"])
            add("z by position", run([*one, "--over", "z-by-position"]).seconds, said["z by position"])
    print(f"\nsweeps of {said['tokens']} tokens, beside TransformerLens:\n")
    for name, of in rows.items():
        told = [spread(of[who], "{:.3f}") for who in ("lookback", "TransformerLens")]
        times = ratio(of["TransformerLens"], of["lookback"])
        print(f"- {name}: {told[0]} s, TransformerLens {told[1]} s, {times} as fast{', at least 4' * ('whole' not in name)}")
    return rows


def check_attribution(ours, theirs):
    """Refuses to time what gives other numbers."""
    for grid in ours["grids"]:
        expected = theirs["grids"][grid["kind"]]
        largest = max(map(abs, expected))
        apart = max(abs(a - b) for a, b in zip(grid["attribution"], expected, strict=True)) / largest
        if apart > 1e-4:
            refuse(f"attributions of {grid['kind']} differ by {apart:.1e} of the largest")


def transformer_lens(args):
    """In its own process: seconds of a sweep, as one JSON object."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    # tokenizers.py beside this file has the name of a package that transformers reads.
    sys.path.remove(str(Path(__file__).resolve().parent))
    import time

    import pandas
    import torch
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge
    from transformer_lens.tools.analysis.attribution_patching import attribution_patch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(args.threads)
    patching.tqdm = lambda rows: rows
    weights = AutoModelForCausalLM.from_pretrained(args.directory, attn_implementation="eager", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.directory)
    model = TransformerBridge.boot_transformers(str(args.directory), hf_model=weights, tokenizer=tokenizer)
    clean, corrupt = (torch.tensor([tokenizer(text).input_ids]) for text in (CLEAN, CORRUPT))
    assert clean.shape == corrupt.shape, (clean.shape, corrupt.shape)
    answer, wrong = (tokenizer(text, add_special_tokens=False).input_ids[0] for text in ANSWERS)
    metric = lambda logits: logits[0, -1, answer] - logits[0, -1, wrong]
    layers, heads, positions = model.cfg.n_layers, model.cfg.n_heads, clean.shape[1]
    every = [(layer, position, head) for layer in range(layers) for position in range(positions) for head in range(heads)]
    if args.transformer_lens == "attribution":
        seconds = []
        for _ in range(1 + CALLS):
            began = time.perf_counter()
            scores = attribution_patch(model, clean, corrupt, metric).node_scores
            seconds.append(time.perf_counter() - began)
        of = {(node.kind, node.layer, node.position, node.head): float(score) for node, score in scores.items()}
        grids = {"z-by-position": [of["attn_head_out", *cell] for cell in every],
                 "mlp_out": [of["mlp_out", layer, position, None] for layer in range(layers) for position in range(positions)]}
        # The first call is of the whole program; the others are not.
        found = {"attribution": statistics.median(seconds[1:]), "again": sum(seconds[1:]), "grids": grids}
        return print(json.dumps(found | {"first_call": seconds[0], "tokens": positions}))
    cells = every[:: max(1, len(every) // args.cells)]
    with torch.inference_mode():
        _, cache = model.run_with_cache(clean)
        sweep = lambda cells: patching.generic_activation_patch(
            model, corrupt, cache, metric, patching.layer_pos_head_vector_patch_setter, "z",
            index_df=pandas.DataFrame(cells, columns=["layer", "pos", "head"]))
        sweep(cells[:2])
        began = time.perf_counter()
        sweep(cells)
        of_cell = (time.perf_counter() - began) / len(cells)
    print(json.dumps({"z by position": of_cell * len(every), "milliseconds_of_a_cell": 1e3 * of_cell,
                      "cells": len(every), "tokens": positions}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = Path(os.environ.get("PEERS", Path.home() / ".cache/lookback-peers")) / "models"
    parser.add_argument("--model", type=Path, default=models / "smollm2-135m-instruct-q4_1.gguf")
    parser.add_argument("--directory", type=Path, default=models / "smollm2")
    parser.add_argument("--default", help="lookback's default model, as a directory; left out where there is none")
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", models.parent / "bin/python"))
    parser.add_argument("--only", type=lambda text: text.split(","), default=["edits", "why", "heads", "sweep"])
    parser.add_argument("--layer", type=int, default=15, help="of the edits")
    parser.add_argument("--tokens", type=int, default=64, help="of a document")
    parser.add_argument("--documents", type=int, nargs=2, default=[2, 26], metavar=("FEW", "MANY"))
    parser.add_argument("--cells", type=int, default=60, help="of TransformerLens's sweep that are computed")
    parser.add_argument("--pairs", type=int, nargs=2, default=[2, 22], metavar=("FEW", "MANY"), help="of prompts, of the attribution sweep")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one object in the last line, with every round")
    parser.add_argument("--transformer-lens", choices=["attribution", "patching"], help=argparse.SUPPRESS)
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    if args.transformer_lens:
        return transformer_lens(args)
    print(machine(args.threads))
    measures = {"edits": measure_edits, "why": measure_why, "heads": measure_heads, "sweep": measure_sweeps}
    found = {name: measures[name](args) for name in args.only}
    if args.json:
        print(json.dumps(found))


main()
