#!/usr/bin/env python3
"""Activation patching of every head at every position, beside TransformerLens: runs that take turns on this machine.

  benches/sweeps.py MODEL --python PYTHON [--tokens 16] [--rounds 3] [--every 40]

MODEL is a Hugging Face directory of f32; PYTHON has transformer_lens 4, torch and transformers. TransformerLens makes a
whole pass for each cell, so it is timed over every so manyth cell, spread over layers, positions and heads, and its
seconds are multiplied. Ours are those of the whole program, from reading the file to the printed grid. Both look for the
same numbers, the logit difference in a pass over the corrupted tokens with one head's output at one position from the
clean ones: what is further apart than 1e-4 of the largest change is not timed.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

THEIRS = r"""
import json, sys, time
import pandas as pd, torch
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge

model_path, threads, every, clean, corrupted, answers = json.loads(sys.argv[1])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
model = TransformerBridge.boot_transformers(model_path, device="cpu", dtype=torch.float32)
clean, corrupted = torch.tensor([clean]), torch.tensor([corrupted])
layers, heads, tokens = model.cfg.n_layers, model.cfg.n_heads, clean.shape[1]
rows = [(l, p, h) for l in range(layers) for p in range(tokens) for h in range(heads)][::every]
frame = pd.DataFrame(rows, columns=["layer", "pos", "head"])
name = "blocks.{}.attn.hook_z"
for _ in sys.stdin:
    begun = time.perf_counter()
    _, cache = model.run_with_cache(clean, names_filter=lambda n: n.endswith("hook_z"))
    metric = lambda logits: logits[0, -1, answers[0]] - logits[0, -1, answers[1]]
    values = []
    for layer, position, head in rows:
        def patch(z, hook):
            if z.ndim == 4:
                z[:, position, head] = cache[hook.name][:, position, head]
            else:
                size = z.shape[-1] // heads
                z[:, position, head * size:(head + 1) * size] = cache[hook.name][:, position, head * size:(head + 1) * size]
            return z
        logits = model.run_with_hooks(corrupted, fwd_hooks=[(name.format(layer), patch)])
        values.append(metric(logits).item())
    print(json.dumps([time.perf_counter() - begun, values]), flush=True)
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--python", required=True)
    parser.add_argument("--lookback", default="target/release/lookback")
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=40)
    return parser.parse_args()


def main():
    args = arguments()
    clean = [(37 * at) % 4999 + 100 for at in range(args.tokens)]
    # The two differ from the first token on, so that no cell is the same in both.
    corrupted = [id + 7 for id in clean]
    answers = [260, 281]
    given = [str(args.model), args.threads, args.every, clean, corrupted, answers]
    theirs = subprocess.Popen([args.python, "-c", THEIRS, json.dumps(given)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    joined = lambda ids: ",".join(map(str, ids))
    command = [args.lookback, "sweep", str(args.model), "--ids", joined(clean), "--corrupt-ids", joined(corrupted),
               "--answer", f"#{answers[0]}", "--wrong", f"#{answers[1]}", "--over", "z-by-position", "--json",
               "--threads", str(args.threads)]
    ratios, own, other = [], [], []
    for number in range(args.rounds):
        theirs.stdin.write("\n")
        theirs.stdin.flush()
        line = theirs.stdout.readline()
        if not line:
            sys.exit("transformer_lens ended; run its part alone to see why")
        seconds, values = json.loads(line)
        begun = time.perf_counter()
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ours = time.perf_counter() - begun
        grid = found["grids"][0]["values"]
        largest = max(abs(x - found["corrupted"]) for x in grid)
        apart = max(abs(x - y) for x, y in zip(grid[::args.every], values)) / largest
        if apart > 1e-4:
            sys.exit(f"the two differ by {apart:.1e} of the largest change, so they are not timed")
        scaled = seconds / len(values) * len(grid)
        ratios.append(scaled / ours)
        own.append(ours)
        other.append(scaled)
        print(f"round {number + 1}: {ours:.2f} s ours, {scaled:.2f} s theirs ({len(values)} of {len(grid)} cells in "
              f"{seconds:.2f} s), {scaled / ours:.1f} times; {apart:.1e} apart", flush=True)
    theirs.stdin.close()
    theirs.wait()
    print(f"{statistics.median(ratios):.1f} times TransformerLens ({min(ratios):.1f} to {max(ratios):.1f}), "
          f"{statistics.median(own):.2f} s and {statistics.median(other):.2f} s")


if __name__ == "__main__":
    main()
