"""Trains and changes SentencePiece models, and writes what the library `sentencepiece` makes of texts, for a test.

    python3 scripts/sentence_piece.py > crates/text/tests/it/sentence_piece.json
    python3 scripts/sentence_piece.py full > FILE

Run in the repository: they learn from its documents. Needs sentencepiece and protobuf. With `full` the rules of
normalization are SentencePiece's own, a quarter of a megabyte each; the test has a few of their kinds.
"""

import base64
import io
import json
import random
import sys
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as messages

TEXTS = [
    "", " ", "   ", "\n", "a", "the model", "The model reads tokens, and gives logits.", " the  model\tis\r\nread \n\n  ", "tokenstokenstokens",
    "Zwölf Boxkämpfer jagen Viktor 🦊 日本語日本", "e\u0301 ﬁ ½ Å ㍿ Ｔｈｅ\u3000ＭＯＤＥＬ", "<unk> <unk>x x<unk>é", "<s> </s> <0x41> <0xC3> <pad>", "▁ ▁▁the ▁model▁ ▁",
    "aaaaaaaaaa" * 30, "attentionattentionqueryvaluekey", "\x00\x01\x7f\u200b\ufeff\xad\x00", "x" * 100, "weights weights weights 12345 1 22 333",
    "<sep> <sep>the<sep>model <sep>  ﬁ<ﬁ>x <ﬁ> <ab>abab <aba>", "the  the   the    the\u00a0the\u2003the", "İSTANBUL Straße ΣΑΣ", "a\u0300\u0301 \u0301x", "\u30c8\u3099 ｶﾞ",
]  # fmt: skip
SIGNS = "aabcdeinorst  ▁\n.,'éßλ日🦊1ﬁ<>\u0301\u3000"
BITS = ["<sep>", "<ﬁ>", "<ab>", "<aba>", "ab", "  ", " ", "▁▁", "the", "x", "é", "<s>", "🦊"]


# Several characters that become one, one that becomes several, a space or nothing, and rules that begin alike.
RULES = ["ﬁ fi", "e\u0301 é", "a\u0300 à", "a\u0300\u0301 Á", "\u3000 \u0020", "\u00a0 \u0020", "\u200b ", "\u00ad ", "½ 1\u20442", "㍿ 株式会社", "\u2003 \u0020",
         *(f"{chr(letter + 0xFEE0)} {chr(letter)}" for letter in range(0x41, 0x7B)), "\t \u0020", "\n \u0020", "\r \u0020", "ß ss", "日本 \u0020\u0020x", "🦊 \u0020"]  # fmt: skip


def rules(name):
    """The option that chooses rules of normalization."""
    if "full" in sys.argv:
        return {"normalization_rule_name": name}
    hexed = lambda text: " ".join(f"{ord(sign):X}" for sign in text)
    path = Path(tempfile.gettempdir()) / "rules.tsv"
    path.write_text("".join("\t".join(map(hexed, rule.split(" ", 1))) + "\n" for rule in RULES))
    return {"normalization_rule_tsv": str(path)}


def trained(**options):
    out = io.BytesIO()
    lines = [line for path in ["README.md", "ARCHITECTURE.md", "GLOSSARY.md"] for line in Path(path).read_text(encoding="utf8").splitlines() if line]
    sentencepiece.SentencePieceTrainer.Train(sentence_iterator=iter(lines), model_writer=out, minloglevel=2, num_threads=1, **options)
    return messages.ModelProto.FromString(out.getvalue())


def made(pieces, model_type, byte_fallback=False, **normalizer):
    """A model of these pieces, each with its score and type."""
    it = messages.ModelProto()
    if byte_fallback:
        pieces = [*pieces, *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256))]
    for piece, score, kind in [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), *pieces]:
        it.pieces.add(piece=piece, score=score, type=kind)
    it.trainer_spec.model_type, it.trainer_spec.byte_fallback = model_type, byte_fallback
    it.normalizer_spec.name = "identity"
    for key, value in normalizer.items():
        setattr(it.normalizer_spec, key, value)
    return it


def with_normalizer(it, **changes):
    changed = messages.ModelProto()
    changed.CopyFrom(it)
    for key, value in changes.items():
        setattr(changed.normalizer_spec, key, value)
    return changed


def main():
    symbols = ["<sep>", "<ﬁ>", "<ab>", "<aba>", "▁▁"]
    unigram = trained(vocab_size=400, **rules("nmt_nfkc"), user_defined_symbols=symbols[:4])
    bpe = trained(vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, user_defined_symbols=symbols)
    letters = "a b ab ba aa aab bab abab aaaa ▁ ▁a ▁▁".split()
    equal = [(piece, -1.0, 1) for piece in letters]
    alike = [(piece, -0.1 * len(piece), 1) for piece in letters]
    falling = [(piece, -float(place), 1) for place, piece in enumerate(letters)]
    models = {
        "unigram with rules": unigram,
        "unigram with rules and bytes": trained(vocab_size=500, byte_fallback=True, **rules("nmt_nfkc_cf"), add_dummy_prefix=False),
        "unigram, spaces kept": with_normalizer(unigram, remove_extra_whitespaces=False),
        "unigram, spaces not escaped": with_normalizer(unigram, escape_whitespaces=False),
        "bpe, as Llama 2": bpe,
        "bpe, as Gemma": with_normalizer(bpe, add_dummy_prefix=False),
        "bpe with rules": trained(vocab_size=400, model_type="bpe", **rules("nfkc"), user_defined_symbols=symbols[:3], character_coverage=0.98),
        "equal scores": made(equal, 1), "scores that add up alike": made(alike, 1), "scores above 0": made([(piece, 50.0, 1) for piece in letters], 1),
        "sums far below 0": made([("a", -970.1, 1), ("b", -970.1, 1), ("aa", -1940.2, 1), ("bb", -1940.1, 1), ("ab", -1940.3, 1), ("aab", -2910.3, 1)], 1),
        "sums far above 0": made([("a", 970.1, 1), ("b", 970.1, 1), ("aa", 1940.2, 1), ("bb", 1940.1, 1), ("ab", 1940.3, 1), ("aab", 2910.3, 1)], 1),
        "an unused piece": made([*alike, ("abb", 5.0, 5), ("bb", 5.0, 4), ("b<s>", 5.0, 3)], 1, byte_fallback=True),
        "user-defined pieces of several bytes": made([("é", -0.1, 1), ("b", -0.1, 1), ("éb", -0.2, 1), ("bé", -0.2, 1), ("ééb", -0.3, 1), ("ébéb", 0.0, 4), ("bb", 3.0, 4), ("éé", 0.0, 4)], 1),
        "merges of equal scores": made(equal, 2), "merges by score": made(falling, 2, byte_fallback=True),
        "merges of characters that are no pieces": made([("é🦊", -1.0, 1), ("é🦊a", -2.0, 1), ("xx", -3.0, 1), ("▁x", -2.5, 1), ("a", -9.0, 1)], 2),
        "the same with bytes": made([("é🦊", -1.0, 1), ("é🦊a", -2.0, 1), ("xx", -3.0, 1), ("▁x", -2.5, 1), ("a", -9.0, 1)], 2, byte_fallback=True),
    }  # fmt: skip
    chance = random.Random(1)
    texts = TEXTS + ["".join(chance.choice(SIGNS) for _ in range(chance.randrange(30))) for _ in range(20)]
    texts += ["".join(chance.choice(BITS) for _ in range(chance.randrange(14))) for _ in range(25)]
    texts += ["".join(chance.choice("abx é🦊") for _ in range(chance.randrange(40))) for _ in range(25)]
    texts += ["".join(chance.choice("éb") for _ in range(100)) for _ in range(3)]
    texts += ["".join(chance.choice("ab") for _ in range(300)) for _ in range(2)]
    files = []
    for name, model in models.items():
        it = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
        cases = [[text, it.encode(text)] for text in texts]
        pieces = [id for id in range(it.get_piece_size()) if not it.is_unknown(id) and not it.is_control(id) and not it.is_byte(id)]
        # The library takes a space from each of the first pieces where it removes white space; here the text loses one.
        keeps = not model.normalizer_spec.remove_extra_whitespaces
        some = [[chance.choice(pieces) for _ in range(chance.randrange(8))] for _ in range(20 * keeps)]
        known = [ids for text, ids in cases if it.unk_id() not in ids and (keeps or "▁" not in text)]
        decoded = [[ids, it.decode(ids)] for ids in some + known[:30]]
        files.append({"name": name, "model": base64.b64encode(model.SerializeToString()).decode(), "cases": cases, "decoded": decoded})
    print("[\n" + ",\n".join(json.dumps(file, ensure_ascii=False) for file in files) + "\n]")


main()
