#!/usr/bin/env python3
"""lookback's tokenizers beside Hugging Face's tokenizers, tiktoken and rustbpe: runs that take turns on this machine.

  benches/tokenizers.py TEXT [--python PYTHON] [--vocab 8192] [--pairs 5]

Learning: a byte-level BPE of --vocab tokens from TEXT, all on --threads threads. Encoding: TEXT in documents of 10 kB by
the tokenizer that lookback learned, on one thread, each the best of three. Encoding is not timed unless all ids are the
same. PYTHON has tokenizers, tiktoken and rustbpe (by default the variable LOOKBACK_PEERS_PYTHON names it); --ids is the
example of crates/text, built by `cargo build --release -p lookback-text --example ids`.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from pairs import last_object, machine, ratio, refuse, spread, take_turns, values

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def documents(path):
    """The text in documents of 10 kB, as the example `ids` cuts it."""
    rest, found = Path(path).read_bytes(), []
    while rest:
        end = rest.find(b"\n", 10_000) + 1 or len(rest)
        found.append(rest[:end].decode())
        rest = rest[end:]
    return found


def learn(tool, text, vocabulary):
    texts = documents(text)
    began = time.perf_counter()
    if tool == "rustbpe":
        import rustbpe

        rustbpe.Tokenizer().train_from_iterator(iter(texts), vocabulary, pattern=GPT2)
    else:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        level = pre_tokenizers.ByteLevel
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = level(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False, initial_alphabet=level.alphabet())
        tokenizer.train_from_iterator(texts, trainer)
    return dict(seconds=time.perf_counter() - began)


def of_tiktoken(file):
    """The encoding of a byte-level tokenizer.json: its merges rank as its ids do."""
    import tiktoken
    from tokenizers import Tokenizer

    stored, tokenizer = json.loads(Path(file).read_text()), Tokenizer.from_file(str(file))
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    byte_of = {chr(byte): byte for byte in printed}
    byte_of |= {chr(256 + at): byte for at, byte in enumerate(byte for byte in range(256) if byte not in printed)}
    special = {token["content"] for token in stored["added_tokens"]}
    ranks = {bytes(byte_of[sign] for sign in piece): id for piece, id in tokenizer.get_vocab().items() if piece not in special}
    return tiktoken.Encoding("bench", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})


def encode(tool, text, file):
    texts = documents(text)
    if tool == "tiktoken":
        of_text = of_tiktoken(file).encode_ordinary
    else:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(file))
        of_text = lambda one: tokenizer.encode(one, add_special_tokens=False).ids
    least = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        ids = [of_text(one) for one in texts]
        least = min(least, time.perf_counter() - began)
    checksum = 0
    for one in ids:
        for id in one:
            checksum = (31 * checksum + id) % 2**64
    return dict(seconds=least, tokens=sum(map(len, ids)), checksum=checksum)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--python", default=os.environ.get("LOOKBACK_PEERS_PYTHON", "python3"))
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lookback", default="target/release/lookback")
    parser.add_argument("--ids", default="target/release/examples/ids")
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        what, tool, file = args.part
        print(json.dumps(learn(tool, args.text, args.vocab) if what == "learn" else encode(tool, args.text, file)))
        return
    os.environ["RAYON_NUM_THREADS"] = str(args.threads)
    megabytes = args.text.stat().st_size / 1e6
    print(f"{machine(args.threads)}; {megabytes:.1f} MB", flush=True)
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / "tokenizer.json"
        part = lambda what, tool: [args.python, __file__, args.text, "--vocab", args.vocab, "--part", what, tool, file]
        runs = {"lookback": [args.lookback, "tokenizer", "train", args.text, "--vocab", args.vocab, "--out", file, "--json"]}
        runs |= {tool: part("learn", tool) for tool in ("tokenizers", "rustbpe")}
        report("learning", take_turns(runs, args.pairs), megabytes)
        runs = {"lookback": [args.ids, "speed", file, args.text]}
        runs |= {tool: part("encode", tool) for tool in ("tokenizers", "tiktoken")}
        if len({one["checksum"] for one in (last_object(command) for command in runs.values())}) > 1:
            refuse("the programs give other ids")
        report("encoding on one thread", take_turns(runs, args.pairs), megabytes)


def report(what, found, megabytes):
    speed = {name: [megabytes / seconds for seconds in values(of, "seconds")] for name, of in found.items()}
    print(what)
    for name, of in speed.items():
        against = "" if name == "lookback" else f"; lookback {ratio(speed['lookback'], of)} that"
        print(f"  {name:12} {spread(of, '{:.1f}')} MB/s{against}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
