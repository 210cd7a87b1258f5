#!/usr/bin/env python3
"""Ids of the vocabularies known by name against Python's tiktoken, without the network.

  same_ids_as_tiktoken.py IDS SHARED

IDS is the built example `ids` of crates/text, SHARED the folder with data. tiktoken would download its files; here they are written from
lookback's own pieces into its cache, and tiktoken itself checks their SHA-256, so they are OpenAI's to the last byte. Then hard texts, the data
and random strings must give the same ids.
"""
import base64, hashlib, json, os, random, subprocess, sys, tempfile
from pathlib import Path

from same_ids import texts

FILES = {"gpt2": "r50k_base", "cl100k": "cl100k_base", "o200k": "o200k_base"}
ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
SIGNS = "aabcdeéßſKkİ ABZ  \t\n\r\u00a0\u3000\u200b\u0085019٣½.,!?'’/-_▁Ġ日本語🦊\u0301ـשم\x00\x7fǅʰा"


def main():
    ids, shared = sys.argv[1], Path(sys.argv[2])
    cache = Path(tempfile.mkdtemp())
    os.environ["TIKTOKEN_CACHE_DIR"] = str(cache)
    for name, file in FILES.items():
        lines = subprocess.run([ids, "bytes", name], capture_output=True, text=True, check=True).stdout.splitlines()
        pairs = (line.split() for line in lines)
        text = b"".join(base64.b64encode(bytes.fromhex(piece)) + b" " + rank.encode() + b"\n" for rank, piece in pairs)
        (cache / hashlib.sha1(ADDRESS.format(file).encode()).hexdigest()).write_bytes(text)
    import tiktoken

    chance = random.Random(2)
    words = [" the", "'LL", "'s", "\r\n", "   ", "123", "/\n", "Hello", "ЩИ", " \n \n "]
    fuzz = ["".join(chance.choice(words) if chance.random() < 0.2 else chance.choice(SIGNS) for _ in range(chance.randrange(40))) for _ in range(20_000)]
    plain = ["".join(chr(c) for c in (chance.randrange(0x110000) for _ in range(20)) if not 0xD800 <= c < 0xE000) for _ in range(2_000)]
    everything = texts(shared) + fuzz + plain
    wrong = 0
    for name, file in FILES.items():
        # Reading it, tiktoken compares the hash, and would go to the network for a file that differs.
        theirs = tiktoken.get_encoding(file)
        run = subprocess.run([ids, "encode", name], input="".join(json.dumps(t) + "\n" for t in everything), capture_output=True, text=True, check=True)
        tokens = 0
        for text, line in zip(everything, run.stdout.split("\n")[:-1], strict=True):
            ours = json.loads(line)
            expected = {"typed": theirs.encode_ordinary(text), "bare": theirs.encode(text, allowed_special="all")}
            tokens += len(expected["typed"])
            for key, value in expected.items():
                if ours[key] != value:
                    wrong += 1
                    if wrong < 6:
                        print(f"{name}: {key} of {text[:60]!r}: ours {ours[key][:12]}, theirs {value[:12]}")
            if ours["text"] != text:
                wrong += 1
                print(f"{name}: {text[:60]!r} comes back as {ours['text'][:60]!r}")
        print(f"{name}: {len(everything)} texts, {tokens} tokens, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
