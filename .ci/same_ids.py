#!/usr/bin/env python3
"""Ids of lookback's tokenizers against Hugging Face `tokenizers`, both ways.

  same_ids.py IDS SHARED [MODELS]

IDS is the built example `ids` of crates/text, SHARED the folder with data and models, MODELS a folder with Hugging Face directories of real
models. Tokenizers that lookback learns are opened by Hugging Face, and tokenizers that Hugging Face wrote by lookback; hard texts, the data
and random strings must give the same ids everywhere, and merges learned here must be those of Hugging Face's trainer.
"""
import json, random, subprocess, sys, tempfile
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HARD = [
    "", " ", "  ", "\n", "the bird is red", " the  bird\tis\r\nred \n\n", "it's IT'S we'LL don't 'tis O'Neill", "1 12 123 1234 12345.67 ½ ٣٤٥ Ⅷ",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. 🦊 日本語", "e\u0301 é ﬁ ǆ Å", "👩‍👩‍👧‍👦🏽 🇩🇪", "שלום עולם مرحبا بالعالم",
    "\x00\x01\x07\x1b[0m\x7f\x80\x85\xa0\xad\u200b\u2028\u2029\ufeff\ufffd", "\u3000 \u2003x", "a" * 10000, "ab" * 5000, " " * 5000 + "x", "▁ ▁▁a Ġb Ċ",
    "<s> </s> <unk> <0x41> <|endoftext|>x<|im_start|> user<|im_end|>\n", "x<|endoftext|>", "foo_bar fooBar foo-bar ___ --- ... !!!\n\n??", "\ud7ff\ue000\U0010ffff",
    "[MASK] a[MASK]b  [MASK]  [W] a[W] [W]b ab[LR]  cd  [NORM] x[norm]y",
]
SIGNS = "aabcdeéßſKkİ ABZ  \t\n\r\u00a0\u3000\u200b019٣½.,!?'’-_▁Ġ日本語🦊\u0301ـשم\x00\x7f"


def texts(shared):
    chance = random.Random(1)
    words = [" the", "bird", "'s", "'LL", "<|endoftext|>", "<s>", "[MASK]", "[W]", "[LR]", "[NORM]", "\r\n", "   ", "123"]
    fuzz = ["".join(chance.choice(words) if chance.random() < 0.2 else chance.choice(SIGNS) for _ in range(chance.randrange(30))) for _ in range(3000)]
    data = [path.read_text(encoding="utf8") for path in sorted((shared / "data").glob("*.txt"))]
    return HARD + fuzz + data


def same(name, ids, folder, theirs, all_texts, allowed_to_refuse=False, decodes=False):
    run = subprocess.run([ids, "encode", str(folder)], input="".join(json.dumps(t) + "\n" for t in all_texts), capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{name}: {run.stderr}")
    wrong = refused = tokens = 0
    for text, line in zip(all_texts, run.stdout.split("\n")[:-1], strict=True):
        ours = json.loads(line)
        if "refusal" in ours:
            refused += 1
            if not allowed_to_refuse:
                print(f"{name}: {text[:60]!r}: {ours['refusal']}")
                wrong += 1
            continue
        expected = {"ids": theirs.encode(text).ids, "bare": theirs.encode(text, add_special_tokens=False).ids}
        theirs.encode_special_tokens = True
        expected["typed"] = theirs.encode(text, add_special_tokens=False).ids
        theirs.encode_special_tokens = False
        if decodes:
            expected["text"] = theirs.decode(ours["ids"], skip_special_tokens=False)
        tokens += len(ours["ids"])
        for key, value in expected.items():
            if ours[key] != value:
                wrong += 1
                at = next((i for i, (a, b) in enumerate(zip(ours[key], value)) if a != b), min(len(ours[key]), len(value)))
                if wrong < 4:
                    print(f"{name}: {key} of {text[:60]!r} differ at {at}: ours {ours[key][at:at + 8]}, theirs {value[at:at + 8]}")
    print(f"{name}: {len(all_texts)} texts, {tokens} tokens, {refused} refused, {wrong} wrong")
    return wrong


def written_by_hugging_face(shared):
    """Tokenizers of every supported kind, trained by Hugging Face on a little text."""
    corpus = (shared / "data/wikitext2-valid.txt").read_text(encoding="utf8")[:300_000].splitlines(keepends=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    byte_level = lambda regex=True, prefix=False: pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    split = lambda pattern, behavior, invert=False: pre_tokenizers.Split(pattern, behavior, invert)
    kinds = {
        "gpt2": byte_level(), "prefix": byte_level(prefix=True), "no-regex": byte_level(False),
        "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level()]),
        "digits": pre_tokenizers.Sequence([pre_tokenizers.Digits(False), byte_level()]),
        "llama3": pre_tokenizers.Sequence([split(Regex(LLAMA3), "isolated"), byte_level(False)]),
        "qwen2": pre_tokenizers.Sequence([split(Regex(LLAMA3.replace("{1,3}", "")), "isolated"), byte_level(False)]),
        "white": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), byte_level()]),
    }
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        kinds[behavior] = pre_tokenizers.Sequence([split("e", behavior), byte_level(False)])
        kinds[behavior + "-regex"] = pre_tokenizers.Sequence([split(Regex(r"\p{L}+"), behavior, True), byte_level(False)])
        kinds[behavior + "-punctuation"] = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(behavior), byte_level(False, True)])
    kinds["scripts"] = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), byte_level()])
    kinds["words"] = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), byte_level(False)])
    kinds["letters-split"] = pre_tokenizers.Sequence([byte_level(prefix=True), split("Ġ", "merged_with_next"), pre_tokenizers.Digits(True)])
    kinds["letters-twice"] = pre_tokenizers.Sequence([byte_level(), pre_tokenizers.Punctuation(), byte_level(False)])
    kinds["letters-scripts"] = pre_tokenizers.Sequence([byte_level(False), pre_tokenizers.UnicodeScripts(), pre_tokenizers.Metaspace("Ġ", prepend_scheme="first")])
    for name, pre in kinds.items():
        it = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
        it.pre_tokenizer, it.decoder = pre, decoders.ByteLevel()
        if name == "qwen2":
            it.normalizer = normalizers.NFC()
        it.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1000, show_progress=False, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"]))
        it.add_tokens([AddedToken("[W]", single_word=True), AddedToken("[LR]", lstrip=True, rstrip=True), AddedToken("[NORM]", normalized=True)])
        it.add_special_tokens([AddedToken("[MASK]", lstrip=True)])
        if name == "llama3":
            end = ("<|endoftext|>", 0)
            template = processors.TemplateProcessing(single="<|endoftext|> $A", special_tokens=[end])
            it.post_processor = processors.Sequence([processors.ByteLevel(), template])
        yield name, it
    forms = {"nfd": normalizers.NFD(), "nfkc": normalizers.NFKC(), "nfkd": normalizers.NFKD(), "nmt": normalizers.Nmt(), "strip": normalizers.Strip(),
             "accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
             "prepend": normalizers.Sequence([normalizers.Prepend("a"), normalizers.Replace(Regex(r"(?<=\S) +$"), "")])}
    for name, form in forms.items():
        # Once as letters that a normalizer makes, once with the words of a Metaspace, of which the first depends on what was taken away.
        for pre in (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(False), pre_tokenizers.Metaspace(prepend_scheme="first")])):
            it = Tokenizer(models.BPE(unk_token="<unk>"))
            it.normalizer = normalizers.Sequence([form, normalizers.ByteLevel()]) if pre is None else form
            it.decoder = decoders.ByteLevel() if pre is None else decoders.Metaspace(prepend_scheme="first")
            if pre is not None:
                it.pre_tokenizer = pre
            it.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1000, show_progress=False, initial_alphabet=alphabet, special_tokens=["<unk>", "<s>"]))
            it.add_tokens([AddedToken("[NORM]", normalized=True), AddedToken("[LR]", lstrip=True, rstrip=True), AddedToken("[W]", single_word=True, normalized=False)])
            it.post_processor = processors.RobertaProcessing(("<s>", 1), ("<unk>", 0))
            yield f"{name}-{'letters' if pre is None else 'first'}", it
    signs = {"metaspace": pre_tokenizers.Metaspace(), "first": pre_tokenizers.Metaspace(prepend_scheme="first"),
             "never": pre_tokenizers.Metaspace(prepend_scheme="never", split=False)}
    for name, pre in signs.items():
        for fuse in (False, True):
            it = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuse, byte_fallback=name == "first"))
            it.pre_tokenizer, it.decoder = pre, decoders.Metaspace(prepend_scheme=pre.prepend_scheme)
            if name == "first":
                it.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"(?<=\S)\n+"), "\n")])
            bytes_ = [f"<0x{i:02X}>" for i in range(256)] if name == "first" else []
            it.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1200, show_progress=False, special_tokens=["<unk>", "<s>"] + bytes_))
            it.add_tokens([AddedToken("[NORM]", normalized=True)])
            yield f"{name}-{'fused' if fuse else 'single'}", it


def by_chance(shared, count):
    """Tokenizers of components in any order. Left out is what Hugging Face's decoders make of broken bytes."""
    chance = random.Random(3)
    corpus = (shared / "data/wikitext2-valid.txt").read_text(encoding="utf8")[:40_000].splitlines(keepends=True) + HARD[:16]
    some = lambda makers, most: [chance.choice(makers)() for _ in range(chance.randrange(most + 1))]
    flag, behavior = lambda: chance.random() < 0.5, lambda: chance.choice(["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"])
    pattern = lambda: chance.choice(["e", " ", "▁", "Ġ", "", Regex(r"\s+"), Regex(r"\p{L}+"), Regex(r"\d|[.,]"), Regex(r"^\W|\W$"), Regex(r"(?=[A-Z])")])
    scheme = lambda: chance.choice(["always", "first", "never"])
    form = [normalizers.NFC, normalizers.NFD, normalizers.NFKC, normalizers.NFKD, normalizers.Lowercase, normalizers.StripAccents, normalizers.Nmt, normalizers.ByteLevel,
            lambda: normalizers.Strip(flag(), flag()), lambda: normalizers.Prepend(chance.choice(["▁", "ab", "Ġ"])), lambda: normalizers.Replace(pattern(), chance.choice(["", "▁", "e", "ab"]))]
    cut = [pre_tokenizers.Whitespace, pre_tokenizers.WhitespaceSplit, pre_tokenizers.UnicodeScripts, lambda: pre_tokenizers.Digits(flag()), lambda: pre_tokenizers.Punctuation(behavior()),
           lambda: pre_tokenizers.Split(pattern(), behavior(), flag()), lambda: pre_tokenizers.ByteLevel(flag(), use_regex=flag()),
           lambda: pre_tokenizers.Metaspace(chance.choice("▁Ġ_"), prepend_scheme=scheme(), split=flag())]
    undo = [lambda: [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)], lambda: [decoders.ByteLevel()],
            lambda: [decoders.Metaspace(prepend_scheme=scheme())], lambda: [decoders.Replace(pattern(), "-"), decoders.Fuse()], lambda: []]
    for number in range(count):
        unknown = flag()
        it = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=unknown, byte_fallback=flag()))
        it.normalizer, it.pre_tokenizer = normalizers.Sequence(some(form, 3)), pre_tokenizers.Sequence(some(cut, 3))
        it.decoder = decoders.Sequence(chance.choice(undo)())
        bytes_ = [f"<0x{i:02X}>" for i in range(256)] if unknown else []
        it.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, show_progress=False, special_tokens=["<unk>", "<s>"] + bytes_))
        for content in ["[W]", "[LR]", "[NORM]", "bird", "日本"]:
            it.add_tokens([AddedToken(content, single_word=flag(), lstrip=flag(), rstrip=flag(), normalized=flag())])
        it.add_special_tokens([AddedToken("[MASK]", single_word=flag(), lstrip=flag(), rstrip=flag(), normalized=flag())])
        yield f"by chance {number}", it


def main(ids, shared, real=None):
    all_texts, wrong = texts(shared), 0
    few = all_texts[:-4] + [text[:50_000] for text in all_texts[-4:]]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        corpus = shared / "data/tinyshakespeare.txt"
        subprocess.run([ids, "bpe", "2048", corpus, folder], check=True)
        theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
        wrong += same("learned here", ids, folder, theirs, all_texts, decodes=True)
        peer = Tokenizer(models.BPE())
        peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        peer.train_from_iterator([corpus.read_text(encoding="utf8")], trainers.BpeTrainer(
            vocab_size=2048, min_frequency=2, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"]))
        merges = [json.loads(t.to_str())["model"]["merges"] for t in (theirs, peer)]
        if merges[0] != merges[1]:
            at = next(i for i, (a, b) in enumerate(zip(*merges)) if a != b)
            print(f"merge {at} differs: ours {merges[0][at]}, theirs {merges[1][at]}")
            wrong += 1
        print(f"learned here: {len(merges[0])} merges, compared with the peer's trainer")
        subprocess.run([ids, "characters", corpus, folder], check=True)
        letters = Tokenizer.from_file(str(folder / "tokenizer.json"))
        wrong += same("characters", ids, folder, letters, all_texts, allowed_to_refuse=True, decodes=True)
        for name, theirs in written_by_hugging_face(shared):
            theirs.save(str(folder / f"{name}.json"))
            wrong += same(name, ids, folder / f"{name}.json", theirs, few, allowed_to_refuse="never" in name, decodes=True)
        for name, theirs in by_chance(shared, 60):
            theirs.save(str(folder / "by-chance.json"))
            wrong += same(name, ids, folder / "by-chance.json", theirs, all_texts[:1500], decodes=True)
        for model in [shared / "models/stories260k"] + sorted(path.parent for path in (Path(real).glob("*/tokenizer.json") if real else [])):
            theirs = Tokenizer.from_file(str(model / "tokenizer.json"))
            wrong += same(model.name, ids, model, theirs, all_texts)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
