#!/usr/bin/env python3
"""Ids of `tokenizer.model` files against the library `sentencepiece`, and of tiktoken's files against tiktoken.

  same_ids_as_sentencepiece.py IDS SHARED

IDS is the built example `ids` of crates/text, SHARED the folder with data. First the models of scripts/sentence_piece.py with SentencePiece's own
rules of normalization; then the vocabularies of Llama, Mistral, Gemma, Qwen, DeepSeek and others, which the crates `splintr-vocab-*` carry as
text: pieces with their scores, of which a `tokenizer.model` is made, or tiktoken's ranks. Cargo fetches them from crates.io.
"""
import base64, json, random, subprocess, sys, tempfile
from pathlib import Path

import sentencepiece, tiktoken
from sentencepiece import sentencepiece_model_pb2 as messages

from same_ids import LLAMA3, texts

CRATES = "llama2 llama3 mistral gemma2 gemma3 qwen glm deepseek kimi".split()
QWEN2 = LLAMA3.replace("{1,3}", "")
# Of tiktoken's files: what says how lookback cuts their texts, and how their models do.
PATTERNS = {"llama3": ({"tokenizer_class": "LlamaTokenizer"}, LLAMA3), "qwen": ({"tokenizer_class": "ChatGLM4Tokenizer"}, LLAMA3), "glm": ({"tokenizer_class": "ChatGLM4Tokenizer"}, LLAMA3)}


def same(name, ids, folder, expected, all_texts):
    run = subprocess.run([ids, "encode", str(folder)], input="".join(json.dumps(t) + "\n" for t in all_texts), capture_output=True, text=True)
    if run.returncode:
        print(f"{name}: {run.stderr}")
        return 1
    wrong = tokens = 0
    for text, line in zip(all_texts, run.stdout.split("\n")[:-1], strict=True):
        ours, theirs = json.loads(line).get("typed"), expected(text)
        tokens += len(theirs)
        if ours != theirs:
            wrong += 1
            at = next((i for i, (a, b) in enumerate(zip(ours or [], theirs)) if a != b), min(len(ours or []), len(theirs)))
            if wrong < 4:
                print(f"{name}: {text[:60]!r} differs at {at}: ours {(ours or [])[at:at + 8]}, theirs {theirs[at:at + 8]}")
    print(f"{name}: {len(all_texts)} texts, {tokens} tokens, {wrong} wrong")
    return wrong


def pieces_of(file):
    """A `tokenizer.model` of lines with a piece, its score and its type; Llama's and Mistral's have no types."""
    it = messages.ModelProto()
    for line in file.read_text().splitlines():
        piece, score, *kind = line.split()
        piece = base64.b64decode(piece).decode()
        of_llama = 2 if piece == "<unk>" else 3 if piece in ("<s>", "</s>") else 6 if len(piece) == 6 and piece.startswith("<0x") else 1
        it.pieces.add(piece=piece, score=float(score), type=int(kind[0]) if kind else of_llama)
    is_gemma = "gemma" in file.name
    it.trainer_spec.model_type, it.trainer_spec.byte_fallback = 2, True
    it.normalizer_spec.name, it.normalizer_spec.remove_extra_whitespaces, it.normalizer_spec.add_dummy_prefix = "identity", False, not is_gemma
    return it.SerializeToString()


def crates(folder):
    """The files of vocabularies that the crates carry."""
    (folder / "src").mkdir()
    (folder / "src/lib.rs").touch()
    lines = "".join(f'splintr-vocab-{name} = "1"\n' for name in CRATES)
    (folder / "Cargo.toml").write_text(f'[package]\nname = "vocabularies"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n{lines}')
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=folder, check=True)
    metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1"], cwd=folder, capture_output=True, check=True).stdout)
    found = [Path(package["manifest_path"]).parent / "vocabs" for package in metadata["packages"]]
    return sorted(file for path in found if path.is_dir() for file in path.iterdir())


def main():
    ids, shared = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    root = Path(__file__).parent.parent
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        models = json.loads(subprocess.run([sys.executable, root / "scripts/sentence_piece.py", "full"], cwd=root, capture_output=True, check=True).stdout)
        everything = texts(shared)
        chance = random.Random(3)
        plain = ["".join(chr(c) for c in (chance.randrange(0x30000) for _ in range(20)) if not 0xD800 <= c < 0xE000) for _ in range(3000)]
        file = folder / "tokenizer.model"
        for model in models:
            bytes_ = base64.b64decode(model["model"])
            file.write_bytes(bytes_)
            it = sentencepiece.SentencePieceProcessor(model_proto=bytes_)
            wrong += same(model["name"], ids, file, it.encode, everything + plain + [text for text, _ in model["cases"]])
        (folder / "crates").mkdir()
        for vocabulary in crates(folder / "crates"):
            name = vocabulary.stem
            if vocabulary.suffix == ".spm":
                bytes_ = pieces_of(vocabulary)
                file.write_bytes(bytes_)
                it = sentencepiece.SentencePieceProcessor(model_proto=bytes_)
                wrong += same(name, ids, file, it.encode, everything + plain)
            elif vocabulary.suffix == ".tiktoken" and (of := next((PATTERNS[key] for key in PATTERNS if name.startswith(key)), None)):
                settings, pattern = of
                target = folder / name
                target.mkdir()
                (target / "tokenizer.model").write_bytes(vocabulary.read_bytes())
                (target / "tokenizer_config.json").write_text(json.dumps(settings))
                lines = (line.split() for line in vocabulary.read_bytes().splitlines() if line)
                ranks = {base64.b64decode(piece): int(rank) for piece, rank in lines}
                it = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
                wrong += same(name, ids, target, it.encode_ordinary, everything + plain)
            else:
                print(f"{name}: not compared ({vocabulary.name})")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
