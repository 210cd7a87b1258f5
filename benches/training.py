#!/usr/bin/env python3
"""lookback training beside PyTorch: paired runs of one shape on this machine, one after the other.

  benches/training.py SHAPE --peer train_bench.py [--python PYTHON] [--modes eager_f32,eager_bf16]
                      [--compute f32,bf16] [--pairs 5] [--seconds 5] [--threads 2] [--lookback target/release/lookback]

SHAPE is A, B, C or D. The peer is a script that prints tokens_per_second and peak_memory_mb for
`speed --shape SHAPE --mode MODE`. Each pair runs everything once; printed are medians with the smallest and
the largest, and ratios of medians to the peer's fastest mode. Hosts are shared, so only ratios of one run count.
"""
import argparse
import json
import statistics
import subprocess


def last_object(command):
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()
    return json.loads(lines[-1])


def ours(args, compute):
    preset = f"bench-{args.shape.lower()}"
    return last_object([args.lookback, "train", "--preset", preset, "--random-data", "1000000", "--seconds", str(args.seconds),
                        "--compute", compute, "--threads", str(args.threads), "--json"])


def theirs(args, mode):
    return last_object([args.python, args.peer, "speed", "--shape", args.shape, "--mode", mode, "--seconds", str(args.seconds),
                        "--threads", str(args.threads)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices="ABCD")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--python", default="python3")
    parser.add_argument("--modes", default="eager_f32,eager_bf16")
    parser.add_argument("--compute", default="f32,bf16")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    runs = {f"lookback {compute}": lambda compute=compute: ours(args, compute) for compute in args.compute.split(",")}
    runs |= {f"peer {mode}": lambda mode=mode: theirs(args, mode) for mode in args.modes.split(",")}
    found = {name: [] for name in runs}
    for _ in range(args.pairs):
        for name, run in runs.items():
            found[name].append(run())
    speed = {name: statistics.median(one["tokens_per_second"] for one in all_of) for name, all_of in found.items()}
    best = max(rate for name, rate in speed.items() if name.startswith("peer"))
    for name, all_of in found.items():
        rates = sorted(one["tokens_per_second"] for one in all_of)
        memory = max(one["peak_memory_mb"] for one in all_of)
        print(f"{args.shape} {name:20} {speed[name]:8.0f} tokens/s ({rates[0]:.0f} to {rates[-1]:.0f}), "
              f"{speed[name] / best:.2f} x the peer's best, {memory} MB")


if __name__ == "__main__":
    main()
