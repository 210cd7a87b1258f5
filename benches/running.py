#!/usr/bin/env python3
"""lookback running a model beside another program: paired runs on this machine, one after the other.

  benches/running.py MODEL --peer "PYTHON infer_bench.py llama MODEL.gguf" [--compute f32,bf16] [--prompt 512]
                     [--decode 128] [--pairs 5] [--threads 2] [--lookback target/release/lookback]

The peer is a command that takes --prompt, --decode and --threads and prints an object with
prefill_tokens_per_second, decode_tokens_per_second and peak_memory_mb. Printed are medians with the smallest
and the largest, ratios to the peer, and ours as shares of the limits that were measured in the same run.
"""
import argparse
import json
import shlex
import statistics
import subprocess

KEYS = ["prefill_tokens_per_second", "decode_tokens_per_second"]


def last_object(command):
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()
    return json.loads(lines[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--peer")
    parser.add_argument("--compute", default="f32,bf16")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    lengths = ["--prompt", str(args.prompt), "--decode", str(args.decode), "--threads", str(args.threads)]
    runs = {f"lookback {compute}": [args.lookback, "bench", args.model, "--compute", compute, "--json", *lengths]
            for compute in args.compute.split(",")}
    if args.peer:
        runs["peer"] = [*shlex.split(args.peer), *lengths]
    found = {name: [] for name in runs}
    for _ in range(args.pairs):
        for name, command in runs.items():
            found[name].append(last_object(command))
    median = {name: {key: statistics.median(one[key] for one in of) for key in KEYS} for name, of in found.items()}
    for name, of in found.items():
        parts = []
        for key in KEYS:
            rates = sorted(one[key] for one in of)
            ratio = f", {median[name][key] / median['peer'][key]:.2f} x" if args.peer else ""
            parts.append(f"{key.split('_')[0]} {median[name][key]:.1f} tokens/s ({rates[0]:.1f} to {rates[-1]:.1f}{ratio})")
        shares = [f"{key.split('_')[0]} {100 * statistics.median(one[key] for one in of):.0f} % of the limit"
                  for key in ("prefill_share", "decode_share") if key in of[0]]
        memory = max(one["peak_memory_mb"] for one in of)
        print(f"{name:14}", *parts, *shares, f"{memory} MB", sep="; ")


if __name__ == "__main__":
    main()
