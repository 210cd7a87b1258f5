#!/usr/bin/env python3
"""lookback training beside PyTorch: runs that take turns on this machine, one shape or several.

  benches/training.py --peers DIR --python PYTHON [A B C D]

DIR holds train_bench.py, which prints tokens_per_second for `speed --shape SHAPE --mode MODE`; PYTHON has PyTorch
(by default the variables LOOKBACK_PEERS and LOOKBACK_PEERS_PYTHON name them). Before a shape is timed, each way of
computing must lower the loss on a text and leave the same bits on one thread as on several, and a step of that shape must too.
Of PyTorch's modes each is tried once, and the fastest, with the fastest in f32, takes turns with ours; with --scaling, ours
on one thread takes turns with ours on several afterwards. A run's speed is that of its median step, ours as PyTorch's.
Shares count the operations of causal attention, against the limit of multiply-adds that `lookback bench` measures.
"""
import argparse
import hashlib
import json
import os
import statistics
import tempfile
from pathlib import Path

from pairs import last_object, machine, median, ratio, refuse, run, spread, take_turns

# Layers, width, context, vocabulary: what operations are counted from; and sequences of a step.
SHAPES = {"A": (4, 128, 64, 65, 12), "B": (6, 384, 256, 65, 16), "C": (8, 512, 512, 8192, 4), "D": (12, 768, 1024, 50304, 1)}


# Tokens of a run that is timed: a tenth is judged by at its end, for which one window of D is enough.
RANDOM_DATA = 12000


def flops_per_token(shape):
    """Forward and backward: six for each weight that is multiplied; of attention only what is visible."""
    layers, width, context, vocabulary, _ = SHAPES[shape]
    return 6 * (12 * layers * width**2 + vocabulary * width) + 6 * layers * width * context


def digest(directory):
    return hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()


def check_learning(args, compute, work):
    """A model that learns from a text, the same on one thread and on several. Gives its directory."""
    text = work / "text.txt"
    text.write_text(run([args.lookback, "corpus", "--bytes", 300000, "--seed", 5]).stdout)
    found = {}
    for threads in sorted({1, args.threads}):
        out = work / f"learned-{compute}-{threads}"
        run([args.lookback, "train", text, "--out", out, "--preset", "tiny", "--tokenizer", "char", "--steps", 60,
             "--compute", compute, "--threads", threads, "--json"])
        losses = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        losses = [line["training_loss"] for line in losses if "training_loss" in line]
        if not losses[-1] < 0.8 * losses[0]:
            refuse(f"{compute}: 60 steps took the loss from {losses[0]:.3f} to {losses[-1]:.3f} only")
        found[threads] = digest(out)
    if len(set(found.values())) > 1:
        refuse(f"{compute}: a trained model has other bits on one thread than on {args.threads}")
    return out


def check_shape(args, shape, compute):
    """One step of the very shape, and the validation after it, say the same on one thread and on several."""
    found = set()
    for threads in sorted({1, args.threads}):
        # A timing keeps nothing; after so little time it has taken one step.
        said = last_object([args.lookback, "train", "--preset", f"bench-{shape.lower()}", "--random-data", RANDOM_DATA,
                            "--seconds", 0.001, "--compute", compute, "--threads", threads, "--json"])
        found.add((said["steps"], said["training_loss"], said["validation_loss"]))
    if len(found) > 1:
        refuse(f"shape {shape}, {compute}: one thread and {args.threads} disagree: {sorted(found)}")


def ours(args, shape, compute, threads):
    return [args.lookback, "train", "--preset", f"bench-{shape.lower()}", "--random-data", RANDOM_DATA, "--seconds",
            args.seconds, "--compute", compute, "--threads", threads, "--json"]


def theirs(args, shape, mode, seconds):
    return [args.python, Path(args.peers) / "train_bench.py", "speed", "--shape", shape, "--mode", mode, "--seconds",
            seconds, "--threads", args.threads]


def tokens_per_second(shape, of):
    """Of each run: PyTorch's script says it of its median step, ours says the step."""
    _, _, context, _, sequences = SHAPES[shape]
    return [1e3 * context * sequences / one["milliseconds_per_step"] if "milliseconds_per_step" in one
            else one["tokens_per_second"] for one in of]


def best_modes(args, shape):
    """The fastest of PyTorch's modes, and the fastest in f32, each tried once."""
    speed = {mode: last_object(theirs(args, shape, mode, args.seconds / 2))["tokens_per_second"] for mode in args.modes}
    if speed:
        print("  PyTorch, once each:", ", ".join(f"{mode} {of:.0f} tokens/s" for mode, of in speed.items()), flush=True)
    in_f32 = [mode for mode in speed if mode.endswith("f32")]
    best = [max(modes, key=speed.get) for modes in (list(speed), in_f32) if modes]
    return list(dict.fromkeys(best))


def table(args, shape, limits):
    print(f"shape {shape}", flush=True)
    runs = {f"lookback {compute}": ours(args, shape, compute, args.threads) for compute in args.compute}
    runs |= {f"PyTorch {mode}": theirs(args, shape, mode, args.seconds) for mode in best_modes(args, shape)}
    found = take_turns(runs, args.pairs)
    speed = {name: tokens_per_second(shape, of) for name, of in found.items()}
    peers = [name for name in found if name.startswith("PyTorch")]

    def fastest(names):
        return max(names, key=lambda name: statistics.median(speed[name]), default=None)

    best, best_f32 = fastest(peers), fastest([name for name in peers if name.endswith("f32")])
    for name, of in found.items():
        said = [f"{spread(speed[name])} tokens/s", f"{median(of, 'resident_mb'):.0f} MB"]
        if name.startswith("lookback"):
            compute = name.split()[1]
            rate = flops_per_token(shape) * statistics.median(speed[name]) / 1e9
            said.append(f"{rate:.0f} GFLOP/s, {100 * rate / limits[compute]:.0f} % of the limit")
            for peer in sorted({best, best_f32} - {None} if compute == "f32" else {best} - {None}):
                memory = median(of, "resident_mb") / median(found[peer], "resident_mb")
                said.append(f"{ratio(speed[name], speed[peer])} {peer}, {memory:.2f} × its memory")
        print(f"  {name:24}", "; ".join(said), flush=True)
    for compute in args.compute if args.scaling else []:
        runs = {threads: ours(args, shape, compute, threads) for threads in (1, args.threads)}
        found = {threads: tokens_per_second(shape, of) for threads, of in take_turns(runs, args.scaling).items()}
        print(f"  lookback {compute}, 1 thread ", f"{spread(found[1])} tokens/s;",
              f"{args.threads} threads {ratio(found[args.threads], found[1])} that", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help="of A, B, C, D [default: all]")
    parser.add_argument("--peers", default=os.environ.get("LOOKBACK_PEERS"))
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", "python3"))
    parser.add_argument("--modes", type=words, default="eager_f32,eager_bf16,compile_f32,compile_bf16")
    parser.add_argument("--compute", type=words, default="f32,bf16")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scaling", type=int, nargs="?", const=3, default=0, metavar="PAIRS", help="ours on one thread as well [3 pairs]")
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    args.shapes = args.shapes or list(SHAPES)
    args.modes = args.modes if args.peers else []
    if wrong := set(args.shapes) - set(SHAPES):
        parser.error(f"there is no shape {', '.join(sorted(wrong))}; there are A, B, C, D")
    print(machine(args.threads), flush=True)
    with tempfile.TemporaryDirectory() as work:
        work, limits = Path(work), {}
        for compute in args.compute:
            learned = check_learning(args, compute, work)
            found = last_object([args.lookback, "bench", learned, "--compute", compute, "--threads", args.threads, "--json"])
            limits[compute] = found["gemm_gflops_per_second"]
            print(f"limit in {compute}: {limits[compute]:.0f} GFLOP/s", flush=True)
        for shape in args.shapes:
            for compute in args.compute:
                check_shape(args, shape, compute)
            table(args, shape, limits)


if __name__ == "__main__":
    main()
