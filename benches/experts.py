#!/usr/bin/env python3
"""Decoding a mixture of experts beside a dense model of the same type that reads as many bytes for a token.

  benches/experts.py --python PYTHON [--lookback BIN] [--types Q4_K,Q8_0] [--pairs 5] [--json]

Both files are of random blocks, written once into --models by random_files.py: eight experts of which two are chosen,
one to two gigabytes, and a dense model whose MLP is as wide as two of those experts. PYTHON has gguf and numpy. Which
experts a token goes to is random too, so that caches help as little as they can. A ratio of 1 says that going from expert
to expert costs nothing.
"""
import argparse
import json
import os
import sys
from pathlib import Path

from pairs import machine, ratio, refuse, run, spread, take_turns, values

HERE = Path(__file__).resolve().parent


def measure(args, kind):
    """The table's row of a type: rounds of both models in each precision."""
    files = {name: Path(args.models) / f"{name}-{kind.lower()}.gguf" for name in ("experts", "dense")}
    for name, path in files.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            run([args.python, HERE / "random_files.py", path, name, kind.lower()])
    said = dict(kind=kind, megabytes={name: path.stat().st_size / 2**20 for name, path in files.items()}, computed_in={})
    for compute in args.compute:
        found = take_turns({name: [args.lookback, "bench", path, "--compute", compute, "--prompt", 16, "--decode", args.decode,
                                   "--threads", args.threads, "--json"] for name, path in files.items()}, args.pairs)
        read = {name: of[0]["read_bytes"] for name, of in found.items()}
        # The router has eight outputs, and is read as a panel of 64.
        if abs(read["experts"] / read["dense"] - 1) > 0.05:
            refuse(f"{kind}: a token reads {read['experts']:.0f} bytes of the experts, {read['dense']:.0f} of the dense model")
        speeds = {name: values(of, "decode_tokens_per_second") for name, of in found.items()}
        said["computed_in"][compute] = dict(tokens_per_second=speeds, read_bytes=read, ratio=ratio(speeds["experts"], speeds["dense"]))
        print(f"| {kind}, {compute} | {spread(speeds['experts'], '{:.1f}')} | {spread(speeds['dense'], '{:.1f}')} "
              f"| {said['computed_in'][compute]['ratio']} | {read['experts'] / 2**20:.0f} of {said['megabytes']['experts']:.0f} MB |", flush=True)
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", sys.executable))
    parser.add_argument("--models", default=Path.home() / ".cache/lookback-peers/models", help="where files are made")
    parser.add_argument("--types", type=words, default=["Q4_K", "Q8_0"])
    parser.add_argument("--compute", type=words, default=["f32", "bf16"])
    parser.add_argument("--decode", type=int, default=96)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lookback", default="target/release/lookback")
    parser.add_argument("--json", action="store_true", help="one object in the last line, with every round")
    args = parser.parse_args()
    print(machine(args.threads))
    print("\n| type, computed in | 8 experts, 2 chosen, tokens/s | dense, tokens/s | ratio | a token reads |")
    print("| --- | --- | --- | --- | --- |")
    report = dict(machine=machine(args.threads), pairs=args.pairs, types=[measure(args, kind) for kind in args.types])
    if args.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
