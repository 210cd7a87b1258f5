"""Writes what each component of a `tokenizer.json` does in Hugging Face's tokenizers, for the tests of crates/text.

    python3 scripts/components.py        writes normal.json, words.json, decoders.json and components.json where the tests read them

The rules of Precompiled are made by SentencePiece's own compiler (`pip install sentencepiece`) from the few below. Texts are made here from
odd parts, by chance with a fixed seed; of each component those are kept that it changes.
"""

import base64
import io
import json
import random
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CRATE = Path(__file__).parent.parent / "crates/text"
ODD = [
    "the bird is red", " the  bird\tis\r\nred \n\n", "it's IT'S 1 12 123 ½ ٣٤ Ⅷ ²", "Zwölf Boxkämpfer, e\u0301 é ﬁ ǆ Å İstanbul ΑΣ", "日本語のカタカナー、ひらがな。 中文 English 한국어 ไทย",
    "👩‍👩‍👧‍👦🏽 🇩🇪 a\u200db", "שלום، عالم؟ мир — «ok» … ¿qué? §¶", "\x01\x02a\x00\x07b\x7f\x80\x85\x8f\xa0\xad\u200b\u200c\u2028\ufeff\ufffdz", "\u3000x\u2003 y\u1680", "▁ ▁▁a Ġb Ċ <0x41>",
    "foo_bar-baz...!?", "a1b22c333 9", "e\u0301\u0323\u0302x q\u0307\u0323", "ﷺ ㌀ ㎏ ™ ℌ ① ﬀi", "\u0958 \u0344 \u0f43 \u1e9b\u0323", "ｆｕｌｌ ﾊﾝｶｸ ﾞ", "xX XY xxx o\u0301o\u0302 \r\r\na\r", "\u0301\u0327a", "𝔾𝕠𝕠𝕕 𝒳", "ᄀᄁ 가각 ᄀ\u1161\u11a8",
    "don’t “quote” ‘x’ $5+3=8 ^~`|<>", " ", "  ", "\n", "a", "\u0d00 \U00011935\U00011930 \u08d4 \ua7f2", "ааа aaa ααα ァア ーー", "[MASK] <s>the</s>  <s> ab", "-- --- - -",
]  # fmt: skip
PARTS = "a b the é e\u0301 ﬁ ½ ² 12 3 X ß İ _ - . , ! ’ $ ▁ Ġ 日 ー カ か ไ م م ש α я 🦊 \u200d \u200b \x01 \t \n \r\n \u3000 \u0301 \u0323".split(" ") + [" ", "  "]
# Accents, ligatures, characters that become nothing, one that grows, and two whose beginnings are rules too.
RULES = {"e\u0301": "é", "o": "0", "o\u0301": "ó", "\r": "",  "ﬁ": "fi", "½": "1/2", "\x01": "", "\u200b": "", "\t": " ", "\n": " ", "日": "nichi", "X": "x", "XY": "z", "ー": "-", "a\u0301\u0323": "ạ́", "カ\u3099": "ガ", "🇩🇪": "DE"}


def texts(seed, count, parts=PARTS):
    chance = random.Random(seed)
    return ODD + ["".join(chance.choice(parts) for _ in range(chance.randrange(1, 12))) for _ in range(count)]


def charsmap():
    """The rules, compiled by SentencePiece: `length | double array | replacements`."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.tsv"
        code = lambda text: " ".join(f"{ord(sign):x}" for sign in text)
        rules.write_text("".join(f"{code(source)}\t{code(target)}\n" for source, target in RULES.items()))
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g"] * 20), model_writer=model, vocab_size=12, model_type="char", hard_vocab_limit=False,
            normalization_rule_tsv=str(rules), minloglevel=2)  # fmt: skip
        read = proto.ModelProto()
        read.ParseFromString(model.getvalue())
        return base64.b64encode(read.normalizer_spec.precompiled_charsmap).decode()


def described(kind, component):
    """A component as a file has it."""
    it = Tokenizer(models.BPE())
    setattr(it, kind, component)
    return json.loads(it.to_str())[kind]


def normalizer_cases(precompiled):
    n = normalizers
    one = {
        "NFC": n.NFC(), "NFD": n.NFD(), "NFKC": n.NFKC(), "NFKD": n.NFKD(), "Lowercase": n.Lowercase(), "Nmt": n.Nmt(), "StripAccents": n.StripAccents(),
        "ByteLevel": n.ByteLevel(), "Strip": n.Strip(), "left": n.Strip(True, False), "right": n.Strip(False, True), "Prepend": n.Prepend("▁▁"),
        "string": n.Replace(" ", "▁"), "empty": n.Replace("", "-"), "grows": n.Replace("a", "aaa"), "shrinks": n.Replace("the", ""),
        "regex": n.Replace(Regex(r"\s+"), " "), "ends": n.Replace(Regex(r"^\s+|\s+$"), ""), "lookahead": n.Replace(Regex(r"(?<=\S)\n+(?!\S)"), "¶"),
        "t5": n.Sequence([n.Nmt(), n.NFKC(), n.Replace(Regex(" {2,}"), " ")]), "accents": n.Sequence([n.NFKD(), n.StripAccents(), n.Lowercase()]),
        "llama": n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), "twice": n.Sequence([n.Sequence([n.NFC(), n.Strip()]), n.Sequence([]), n.ByteLevel()]),
        "letters": n.Sequence([n.ByteLevel(), n.Replace("Ġ", "_"), n.ByteLevel()]),
    }  # fmt: skip
    yield from ((described("normalizer", component), component) for component in one.values())
    spelled = {"type": "Precompiled", "precompiled_charsmap": precompiled}
    for steps in ([spelled], [{"type": "Strip", "strip_left": False, "strip_right": True}, spelled, {"type": "NFKC"}]):
        file = {"type": "Sequence", "normalizers": steps}
        yield file, Tokenizer.from_str(json.dumps({**json.loads(Tokenizer(models.BPE()).to_str()), "normalizer": file})).normalizer


def pre_tokenizer_cases():
    p = pre_tokenizers
    sequence = lambda *all_of_them: p.Sequence(list(all_of_them))
    bare = lambda: p.ByteLevel(False, use_regex=False)
    kinds = [p.Whitespace(), p.WhitespaceSplit(), p.UnicodeScripts(), p.Digits(False), p.Digits(True), p.CharDelimiterSplit("-"), p.ByteLevel(True), p.ByteLevel(False), bare()]
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        kinds.append(p.Punctuation(behavior))
        for pattern in ["-", "", "a", Regex(r"\s+"), Regex(r"[a-z]+"), Regex("(?=b)"), Regex(r"\d|-")]:
            kinds += [p.Split(pattern, behavior), p.Split(pattern, behavior, True)]
    for scheme in ["always", "first", "never"]:
        kinds += [p.Metaspace(prepend_scheme=scheme), p.Metaspace(prepend_scheme=scheme, split=False), p.Metaspace("_", prepend_scheme=scheme)]
        kinds.append(sequence(p.WhitespaceSplit(), p.Metaspace(prepend_scheme=scheme)))
        kinds.append(sequence(p.UnicodeScripts(), p.Metaspace(prepend_scheme=scheme), p.Digits(True), p.Punctuation()))
        kinds.append(sequence(p.ByteLevel(True), p.Metaspace("Ġ", prepend_scheme=scheme)))
    kinds += [
        sequence(p.ByteLevel(False), p.Digits(True)), sequence(p.ByteLevel(True), p.ByteLevel(True)), sequence(bare(), p.Split("Ġ", "merged_with_next")),
        sequence(p.Digits(True), p.ByteLevel(True), p.Punctuation("contiguous")), sequence(p.Whitespace(), bare(), p.UnicodeScripts()),
        sequence(p.ByteLevel(True, use_regex=False), p.Split(Regex(r"Ġ+|Ċ"), "isolated"), p.Split(Regex("."), "removed", True)),
        sequence(sequence(p.Punctuation(), sequence()), sequence(p.UnicodeScripts(), p.Digits(False)), p.Metaspace()),
    ]  # fmt: skip
    return ((described("pre_tokenizer", component), component) for component in kinds)


def decoder_cases():
    d = decoders
    replace, fuse, fallback = d.Replace("▁", " "), d.Fuse(), d.ByteFallback()
    strip = lambda start, stop, content=" ": d.Strip(content, start, stop)
    space = lambda scheme: d.Metaspace(prepend_scheme=scheme)
    kinds = [
        [d.ByteLevel()], [d.ByteLevel(), fuse, strip(1, 0)], [d.ByteLevel(), d.Replace("a", "the")], [replace], [d.Replace("a", "")], [d.Replace("", "-")], [fallback], [fuse],
        [d.Replace(Regex(r"▁+|\d"), "_")], [replace, d.Replace(Regex(r"^ a"), "b")], [strip(1, 0)], [strip(1, 1)], [strip(2, 0, "▁"), strip(0, 1, "a"), fuse],
        [replace, fallback, fuse, strip(1, 0)], [replace, fallback, fuse, strip(2, 2)], [replace, fuse, strip(0, 1), strip(1, 0, "a")], [replace, fallback, fuse],
        [space("always")], [space("first")], [space("never")], [fallback, space("always")], [fallback, space("never")], [fuse, space("always")], [fuse, space("never")],
        [space("always"), d.Replace("a", "bb"), fuse, strip(1, 1, "b")], [fallback, replace, fuse, strip(1, 0)], [fallback, fuse, replace, strip(1, 0)], [d.Replace("é", "▁"), fuse, replace, strip(1, 1)],
        [d.Metaspace("_"), fallback, fuse], [replace, d.ByteLevel()], [d.Sequence([replace, d.Sequence([fallback])]), d.Sequence([fuse]), strip(1, 0)], [],
    ]  # fmt: skip
    return (d.Sequence(all_of_them) for all_of_them in kinds)


# Runs of bytes are characters, or end within one only at the end: of what is broken tokenizers make a U+FFFD for each byte.
PIECES = ["▁", "▁▁", "▁a", "a", "aa", "b", "Ġa", "Ċ", "é", " ", "  ", "_a_", "1", "<0x41>", "<0x20>", "<s>", "日", "ĠæĹ", "¥", "▁é"]


def piece_lists(decodes, seed):
    chance = random.Random(seed)
    for _ in range(400):
        pieces = [chance.choice(PIECES) for _ in range(chance.randrange(0, 7))]
        for at in range(len(pieces), 0, -1):
            if chance.random() < 0.1:
                pieces[at:at] = [f"<0x{byte:02X}>" for byte in chance.choice(["é", "日", "🦊"]).encode()]
        try:
            yield pieces, decodes(pieces)
        except BaseException:  # Strip panics where it takes more than there is
            pass


def whole_tokenizers(precompiled):
    """Tokenizers of several components, learned from the texts."""
    n, p, d = normalizers, pre_tokenizers, decoders
    added = [
        AddedToken("[W]", single_word=True), AddedToken("[L]", lstrip=True), AddedToken("[R]", rstrip=True), AddedToken("[LR]", lstrip=True, rstrip=True),
        AddedToken("[N]", normalized=True), AddedToken("[RAW]", normalized=False), AddedToken("▁▁▁", normalized=False), AddedToken("\n\n", normalized=False, rstrip=True),
        AddedToken("the", normalized=True, single_word=True), AddedToken(" red", normalized=True, lstrip=True), AddedToken("日本", normalized=True),
    ]  # fmt: skip
    special = [AddedToken("<s>", normalized=False), AddedToken("</s>", normalized=True), AddedToken("[MASK]", lstrip=True, normalized=False), AddedToken("<S>", normalized=True)]
    llama = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    spm = n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")])
    first = p.Metaspace(prepend_scheme="first")
    sequence = lambda *all_of_them: p.Sequence(list(all_of_them))
    template = processors.TemplateProcessing(single="<s> $A </s>:1", pair="<s> $A $B", special_tokens=[("<s>", 1), ("</s>", 2)])
    kinds = [
        (spm, None, llama, template), (n.Replace(" ", "▁"), p.Split(" ", "merged_with_previous"), llama, None), (None, first, d.Metaspace(prepend_scheme="first"), None),
        (n.Strip(), first, d.Metaspace(), None), (n.NFKC(), sequence(p.Digits(True), first), d.Metaspace(prepend_scheme="first"), template),
        (n.Lowercase(), p.Metaspace(), d.Metaspace(), processors.RobertaProcessing(("</s>", 2), ("<s>", 1))), (n.ByteLevel(), None, d.ByteLevel(), None),
        (n.Sequence([n.NFD(), n.StripAccents(), n.Lowercase()]), p.ByteLevel(True), d.ByteLevel(), processors.ByteLevel()),
        (None, sequence(p.Punctuation(), p.ByteLevel(False), p.Digits(True)), d.ByteLevel(), processors.Sequence([processors.ByteLevel(), template])),
        (n.Nmt(), sequence(p.UnicodeScripts(), p.Metaspace("_")), d.Metaspace("_"), None), (precompiled, first, d.Metaspace(), template), (n.Prepend("a"), sequence(p.Split("a", "isolated"), first), None, None),
        (n.Replace(Regex("^ ?"), "▁"), sequence(p.Whitespace(), first), d.Replace("▁", ""), None), (n.Sequence([n.Lowercase(), n.Strip(True, False)]), sequence(p.Split("t", "removed"), first), d.Fuse(), None),
    ]  # fmt: skip
    for number, (normalizer, pre_tokenizer, decoder, processor) in enumerate(kinds):
        model = models.BPE(unk_token="<unk>", fuse_unk=number % 2 == 0, byte_fallback=number < 3)
        # Of other tokenizers the decoder ByteLevel takes such letters for bytes that they are not.
        spelled = [AddedToken("añb", normalized=True)] if isinstance(normalizer, n.ByteLevel) else []
        yield f"components {number}", learned(model, normalizer, pre_tokenizer, decoder, processor, added + spelled, special, texts(7, 300))


def learned(model, normalizer, pre_tokenizer, decoder, processor, added, special, all_texts, size=300):
    it = Tokenizer(model)
    for kind, component in [("normalizer", normalizer), ("pre_tokenizer", pre_tokenizer), ("decoder", decoder), ("post_processor", processor)]:
        if component is not None:
            setattr(it, kind, component)
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)] if model.byte_fallback else []
    trainer = trainers.BpeTrainer(vocab_size=size + len(bytes_), show_progress=False, special_tokens=["<unk>", "<s>", "</s>", *bytes_])
    it.train_from_iterator(all_texts * 2, trainer)
    it.add_tokens(added)
    it.add_special_tokens(special)
    return it


STABLELM2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HUNYUAN = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""]


def reported_tokenizers(precompiled):
    """Tokenizers like those of which public reports say that a program reads them otherwise, with texts like theirs."""
    n, p, d = normalizers, pre_tokenizers, decoders
    metaspace, bare = (lambda scheme, **more: p.Metaspace(prepend_scheme=scheme, **more)), p.ByteLevel(False, use_regex=False)
    split = lambda pattern, behavior="isolated", invert=False: p.Split(Regex(pattern), behavior, invert)
    token = lambda content, **more: AddedToken(content, normalized=more.pop("normalized", False), **more)
    spm = n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")])
    llama = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    bpe = lambda fallback=False: models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=fallback)
    phi3 = [token("<|end|>", special=True, rstrip=True), token("<|assistant|>", special=True, rstrip=True)]
    return [
        ("a rule that is the beginning of a longer one (tokenizers 2334)", bpe(), precompiled, metaspace("always"), d.Metaspace(), [], "o\u0302 o\u0301 o\u0301\u0302 Ti e\u0301 e\u0302\u0301 a\u0301\u0323"),
        ("line ends before rules (sugarme 84)", bpe(), precompiled, metaspace("first"), d.Metaspace(), [], "\r\n x\r\n a\r\nb a\r ##\r\n\r\n \r"),
        ("several signs in the first piece (tokenizers 2212)", bpe(), None, metaspace("always", split=False), d.Metaspace(), [], "in the house‖Hey friend‖  in the‖a b c"),
        ("a scheme without a flag (swift-transformers 318)", bpe(), None, p.Sequence([p.WhitespaceSplit(), metaspace("always")]), d.Metaspace(), [], "Hello world‖ Hello‖Hello  world ‖"),
        ("a split by what does not match (swift-transformers 55)", bpe(), None, p.Sequence([split(STABLELM2, "removed", True), bare]), d.ByteLevel(), [], "Why did the chicken cross the road? ‖Why‖ ?‖12 3a"),
        ("several splits in a row (onnxruntime-extensions 1064)", bpe(), None, p.Sequence([*map(split, HUNYUAN), bare]), d.ByteLevel(), [], "1234 日本語 abc日本12‖#include <a.h>\n12345‖カタカナ!x"),
        ("text behind an added token (transformers 28218)", bpe(), None, metaspace("always"), d.Metaspace(), [token("abcd")], "abcdgym‖walk abcdgym along‖abcd gym‖gymabcd"),
        ("the first word among special tokens (openvino_tokenizers 658)", bpe(), None, metaspace("first"), d.Metaspace(prepend_scheme="first"), [token("<x>", special=True)], "<x>a b‖a<x>b‖<x> a‖a <x>"),
        ("line ends before a token (CodeT5 147)", bpe(), None, p.ByteLevel(False), d.ByteLevel(), [token("<e0>", lstrip=True), token("<e1>", lstrip=True, rstrip=True)], "# this\n\t<e0>\n‖\t\n <e1> \n\t<e0>‖<e0><e1>"),
        ("spaces around special tokens (transformers 30590)", bpe(True), spm, None, llama, phi3, "<|end|>\n<|assistant|>\n‖hi<|end|> \n <|assistant|>ok"),
        ("added tokens of letters that are bytes (tokenizers 1392)", bpe(), n.ByteLevel(), None, d.ByteLevel(), [token("ilÖve", normalized=True), token("我今", normalized=True), token("č", normalized=True)], "ilÖveyou‖我今天‖č ilÖve č"),
        ("single words at the ends of a text (tokenizers 918)", bpe(), n.Lowercase(), p.Whitespace(), None, [token("<mask>", single_word=True, normalized=True), token("B", single_word=True)], "<mask> a<mask> <mask>ony <mask>‖<MASK> B AB B.‖é<mask>e B"),
        ("pieces one by one (tokenizers 1141)", bpe(True), spm, None, llama, [token("<s>", special=True)], "I am testing out‖<s> I am‖é 日 I"),
    ]  # fmt: skip


def is_plain(it, ids):
    """Whether no byte of a fallback in it is broken: of those tokenizers make one U+FFFD for each byte."""
    return "\ufffd" not in it.decode(ids, skip_special_tokens=False)


def whole_cases(name, it, all_texts, seed):
    size, file = it.get_vocab_size(), json.loads(it.to_str())
    model = file["model"]
    model["vocab"] = sorted(model["vocab"], key=model["vocab"].get)
    model["merges"] = [" ".join(merge) if " " not in "".join(merge) else merge for merge in model["merges"]]
    made = []
    for text in all_texts:
        ids = it.encode(text).ids
        it.encode_special_tokens = True
        typed = it.encode(text, add_special_tokens=False).ids
        it.encode_special_tokens = False
        made.append([text, ids, typed])
    chance, decoded = random.Random(seed), []
    added = it.get_added_tokens_decoder()
    named = sorted(added)
    while len(decoded) < 20:
        first = 259 if it.token_to_id("<0x00>") == 3 else 0
        ids = [chance.choice(named) if chance.random() < 0.4 else chance.randrange(first, size) for _ in range(chance.randrange(1, 9))]
        if is_plain(it, ids):
            # tokenizers leaves a special token in that a normalizer changes: it compares spellings.
            plain = [id for id in ids if not (id in added and added[id].special)]
            decoded.append([ids, it.decode(ids, skip_special_tokens=False), it.decode(plain, skip_special_tokens=False)])
    return {"name": name, "tokenizer": file, "encoded": made, "decoded": decoded}


def write(path, rows):
    line = lambda row: json.dumps(row, ensure_ascii=True, separators=(",", ":"))
    (CRATE / path).write_text("[\n" + ",\n".join(map(line, rows)) + "\n]\n")


def changed(cases, of_text, at_most):
    for file, component in cases:
        made = [(text, of_text(component, text)) for text in texts(3, 120)]
        made = [(text, after) for text, after in made if after not in (text, [text])]
        yield [file, random.Random(4).sample(made, min(at_most, len(made)))]


def ranges(is_in):
    found = []
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000 and is_in(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return found


def main():
    precompiled = charsmap()
    write("src/normalize/normal.json", changed(normalizer_cases(precompiled), lambda it, text: it.normalize_str(text), 24))
    words = lambda it, text: [word for word, _ in it.pre_tokenize_str(text)]
    punctuation, scripts = pre_tokenizers.Punctuation("removed"), pre_tokenizers.UnicodeScripts()
    every = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    begins = [ord(word[0]) for word, _ in scripts.pre_tokenize_str(every)]
    kinds = [["punctuation", ranges(lambda sign: not punctuation.pre_tokenize_str(sign))], ["script begins", begins]]
    write("src/split/words.json", [*kinds, *changed(pre_tokenizer_cases(), words, 8)])
    decoded = ([described("decoder", it), list(piece_lists(it.decode, 5))[:40]] for it in decoder_cases())
    write("tests/it/decoders.json", decoded)
    of_file = Tokenizer.from_str(json.dumps({**json.loads(Tokenizer(models.BPE()).to_str()), "normalizer": {"type": "Precompiled", "precompiled_charsmap": precompiled}}))
    parts = PARTS + "[W] [L] [R] [LR] [N] [n] [RAW] [raw] ▁▁▁ the red <s> </s> <S> [MASK] 日本 añb".split(" ") + ["\n\n", " ", "  ", " "]
    rows = [whole_cases(name, it, texts(11, 45, parts)[::2], 11) for name, it in whole_tokenizers(of_file.normalizer)]
    for name, model, normalizer, pre_tokenizer, decoder, added, like in reported_tokenizers(of_file.normalizer):
        like, chance = like.split("‖"), random.Random(name)
        pieces = [word for text in like for word in text.split(" ")] + [" ", " ", "a", "\n"]
        varied = ["".join(chance.choice(pieces) for _ in range(chance.randrange(1, 8))) for _ in range(16)]
        it = learned(model, normalizer, pre_tokenizer, decoder, None, added, [], like * 20 + varied * 3, 90)
        rows.append(whole_cases(name, it, like + varied, 11))
    write("tests/it/components.json", rows)


main()
