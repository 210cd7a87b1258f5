"""Trains unigram language models with Hugging Face's tokenizers, and writes what they make of texts, for a test.

    python3 scripts/unigram.py > crates/text/tests/it/unigram.json

Run in the repository: they learn from its documents.
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXTS = [
    "", " ", "  ", "\n", "a", "the model", "The model reads tokens, and gives logits.", " the  model\tis\r\nread \n\n", "tokenstokenstokens",
    "Zwölf Boxkämpfer jagen Viktor 🦊 日本語日本", "e\u0301 ﬁ ½ Å", "<unk> <unk>x x<unk>é", "<s> </s> <0x41> <0xC3>", "▁ ▁▁the ▁model", "aaaaaaaaaa" * 30,
    "attentionattentionqueryvaluekey", "\x00\x7f\u200b\ufeff", "x" * 100, "weights weights weights 12345 1 22 333",
]  # fmt: skip
SIGNS = "aabcdeinorst  ▁\n.,'éßλ日🦊1"


def trained(lines, size, byte_fallback, normalizer, pre_tokenizer, decoder):
    it = Tokenizer(models.Unigram())
    it.normalizer, it.pre_tokenizer, it.decoder = normalizer, pre_tokenizer, decoder
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
    it.train_from_iterator(lines, trainers.UnigramTrainer(vocab_size=size + len(bytes_), special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False))
    model = json.loads(it.to_str())
    if byte_fallback:
        model["model"]["vocab"] = model["model"]["vocab"][:2] + [[byte, 0.0] for byte in bytes_] + model["model"]["vocab"][2:]
        model["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(model))


def made(pieces, bytes=False, **rest):
    model = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], *pieces], "byte_fallback": bytes}
    file = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": {"type": "Fuse"}, "model": model}  # fmt: skip
    return Tokenizer.from_str(json.dumps(file | rest))


def main():
    lines = [line for path in ["README.md", "ARCHITECTURE.md", "GLOSSARY.md"] for line in Path(path).read_text(encoding="utf8").splitlines()]
    metaspace = pre_tokenizers.Metaspace()
    fallback = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    letters = "a b ab ba aa aab bab abab aaaa".split()
    tokenizers = {
        "words": trained(lines, 600, False, normalizers.NFKC(), metaspace, decoders.Metaspace()),
        "bytes": trained(lines, 400, True, normalizers.Replace(" ", "▁"), None, fallback),
        "whole texts": trained(lines, 300, False, normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")]), None, fallback),
        "equal scores": made([[piece, -1.0] for piece in letters]),
        "scores that add up alike": made([[piece, -0.1 * len(piece)] for piece in letters]),
        "scores above 0": made([[piece, 50.0] for piece in [*letters, "éé", "éλ"]]),
        "some bytes": made([["a", -1.0], ["b", -2.0], ["<0xC3>", -3.0], ["<0xA9>", -3.0], ["<0x0A>", -9.0]], bytes=True),
        "bytes of an alphabet": made([[piece, -1.0 - place] for place, piece in enumerate("Ġ a Ġa b Ã ©".split())],
                                     pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                                     decoder={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}),
    }  # fmt: skip
    chance = random.Random(1)
    texts = TEXTS + ["".join(chance.choice(SIGNS) for _ in range(chance.randrange(40))) for _ in range(60)]
    texts += ["".join(chance.choice("abéλ") for _ in range(chance.randrange(40))) for _ in range(40)]
    files = []
    for name, it in tokenizers.items():
        cases = [[text, (ids := it.encode(text).ids), it.decode(ids, skip_special_tokens=False) if ids and ids[0] > 1 else None] for text in texts]
        files.append({"name": name, "tokenizer": json.loads(it.to_str()), "cases": cases})
    print("[\n" + ",\n".join(json.dumps(file, ensure_ascii=False) for file in files) + "\n]")


main()
