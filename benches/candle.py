#!/usr/bin/env python3
"""lookback on its AVX2 path beside candle, a library in Rust: runs that take turns on this machine, one model or several.

  benches/candle.py MODEL... [--candle PROGRAM]

MODEL is a GGUF file, which candle reads as it is, or a Hugging Face directory of f32. Beside a GGUF file of f32 may lie a
directory of the same weights, named as the file up to its last hyphen (llama110m-f32.gguf, llama110m): candle reads that
too, widened to f32. candle's program is benches/candle/, built here in release for AVX2 (x86-64-v3) unless one is named.
candle finds more instructions than AVX2 itself where a processor has them, so that only one without AVX-512 times the
same path of both.

Before a model is timed, ours writes greedily on from a text, and candle, led along the same ids, must find each of them
likeliest, or one that ours says is as good as likeliest. candle rounds what it multiplies with quantised weights to 8
bits, which ours does not, so there more counts as that.
"""
import argparse
import json
import os
import random
import statistics
import tempfile
from pathlib import Path

from pairs import last_object, machine, of_processor, ratio, refuse, run, spread, take_turns, values
from stories import read_safetensors

HERE = Path(__file__).resolve().parent
PREFILL, DECODE = "prefill_tokens_per_second", "decode_tokens_per_second"
# Tokens of the text, and those that are written on from it.
TEXT, WRITTEN = 64, 32

# How far below the likeliest, by our logits in units of their own spread over the vocabulary, one that candle finds
# likelier may stand, and at which share of positions both agree at least. In f32 sums differ in their order only.
TIE = {"F32": 1e-3, "quantised": 0.25}
AGREE = {"F32": 0.9, "quantised": 0.8}


def built(args):
    """candle's program."""
    if args.candle:
        return args.candle
    folder = HERE / "candle"
    run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", folder / "Cargo.toml", "--target-dir",
         folder / "target"], RUSTFLAGS="-C target-cpu=x86-64-v3")
    return folder / "target/release/lookback-candle"


def ours(args, command, model, *words):
    return [args.lookback, command, model, "--compute", "f32", "--threads", args.threads, "--json", *words]


def joined(ids):
    return ",".join(map(str, ids))


def beginning(args, model, vocabulary):
    """A text's first ids."""
    text = (HERE.parent / "README.md").read_text()
    ids = last_object([args.lookback, "tokenizer", "encode", text, "--tokenizer", model, "--json"])["ids"]
    # A tokenizer that knows bytes only stands in a file of random weights, to which all ids are the same.
    if len(ids) > len(text.encode()) / 2:
        ids = random.Random(1).choices(range(3, vocabulary), k=TEXT)
    return ids[:TEXT]


def check(args, model, theirs, kind, text, folder):
    """Says in words where candle's likeliest tokens are ours, and refuses where they are neither that nor near ties."""
    written = last_object(ours(args, "generate", model, "--ids", joined(text), "--greedy", "--ignore-end", "-n", WRITTEN))["ids"]
    passed = joined(text + written[:-1])
    out = folder / "logits.safetensors"
    run(ours(args, "look", model, "--ids", passed, "--sites", "logits", "-o", out))
    shape, numbers = read_safetensors(out)["logits"]
    width = shape[-1]
    said = last_object([args.candle, theirs, "--ids", passed, "--prompt", TEXT, "--decode", WRITTEN - 1, "--rounds", 1])
    ties = []
    for place, (expected, guess) in enumerate(zip(written, said["likeliest"], strict=True)):
        row = numbers[(TEXT - 1 + place) * width :][:width]
        if row[expected] != max(row):
            refuse(f"{model}: {expected} was written at {place}, which is not the likeliest in one pass over the whole")
        if guess != expected:
            ties.append((row[expected] - row[guess]) / statistics.pstdev(row))
    agreed = 1 - len(ties) / WRITTEN
    # Written so that a distance that is no number is refused too.
    if not (all(apart <= TIE[kind] for apart in ties) and agreed >= AGREE[kind]):
        refuse(f"{model}: candle agrees with {100 * agreed:.0f} % of {WRITTEN} greedy tokens; it finds others likelier that "
               f"stand {', '.join(f'{apart:.1e}' for apart in ties)} of the logits' spread below")
    if not ties:
        return f"all {WRITTEN} greedy tokens are candle's"
    return f"{WRITTEN - len(ties)} of {WRITTEN} greedy tokens are candle's, the others near ties: {max(ties):.1e} of the spread apart"


def measure(args, model, folder):
    """Compares, times and prints one model."""
    read = {"candle": model}
    what = last_object([args.candle, model, "--prompt", 1, "--decode", 0, "--rounds", 1])
    # A short context is shared between both.
    decode = min(args.decode, what["context"] // 4)
    prompt = min(args.prompt, what["context"] - decode)
    lengths = ["--prompt", prompt, "--decode", decode]
    kind = "F32" if what["stored"] == "F32" else "quantised"
    if model.is_dir() and kind != "F32":
        refuse(f"{model}: it is stored in {what['stored']}, of which candle makes f32 and lookback does not; name its GGUF file")
    beside = model.parent / model.stem.rsplit("-", 1)[0]
    if model.is_file() and kind == "F32" and beside.is_dir():
        read["candle, directory"] = beside
    text = beginning(args, model, what["vocabulary"])
    told = [check(args, model, theirs, kind, text, folder) for theirs in read.values()]

    runs = {"lookback": ours(args, "bench", model, *lengths)}
    runs |= {name: [args.candle, theirs, *lengths] for name, theirs in read.items()}
    found = take_turns(runs, args.pairs)
    said = dict(model=model.name, stored=what["stored"], prompt=prompt, decode=decode, checked=dict(zip(read, told)), rounds=found)
    for name, words in zip(read, told):
        for key, count in ((PREFILL, prompt), (DECODE, decode)):
            speeds = [values(found[who], key) for who in ("lookback", name)]
            row = [model.name, what["stored"], f"{key.split('_')[0]} of {count}", *(spread(of, "{:.1f}") for of in speeds),
                   f"{ratio(*speeds)} {name}", words]
            print(f"| {' | '.join(row)} |", flush=True)
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--candle", help="candle's program, built before")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one object in the last line, with every round")
    parser.add_argument("--lookback", default="target/release/lookback")
    args = parser.parse_args()
    os.environ |= {"LOOKBACK_PATH": "avx2", "RAYON_NUM_THREADS": str(args.threads), "CANDLE_NUM_THREADS": str(args.threads)}
    args.candle = built(args)
    print(machine(args.threads))
    if "avx512f" in of_processor("flags").split():
        print("this processor has AVX-512, which candle uses and lookback's AVX2 path does not")
    heads = ["model", "stored", "what", "lookback, tokens/s", "candle, tokens/s", "ratio", "said before"]
    print(f"\n| {' | '.join(heads)} |\n|{' --- |' * len(heads)}", flush=True)
    all_said = []
    for model in args.models:
        with tempfile.TemporaryDirectory() as folder:
            all_said.append(measure(args, model, Path(folder)))
    if args.json:
        print(json.dumps(dict(machine=machine(args.threads), pairs=args.pairs, models=all_said)))


if __name__ == "__main__":
    main()
