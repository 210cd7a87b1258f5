"""Writes how Hugging Face's tokenizers cut texts with the patterns of the models behind GGUF's `tokenizer.ggml.pre`.

    python3 scripts/pre_tokenizers.py > crates/text/src/gguf/pre/words.json

Each pattern stands as the model's own `tokenizer.json` has it; llama.cpp's source names it beside its own form of it.
"""

import json

from tokenizers import Regex
from tokenizers.pre_tokenizers import ByteLevel, Digits, Punctuation, Sequence, Split

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
ENDING = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + ENDING
QWEN2 = LLAMA3.replace("{1,3}", "")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def cased(upper, lower, suffix, digits, signs=r"[\r\n/]*"):
    word = r"[^\r\n\p{L}\p{N}]?"
    return f"{word}{upper}*{lower}+{suffix}|{word}{upper}+{lower}*{suffix}|{digits}| ?[^\\s\\p{{L}}\\p{{N}}]+{signs}|{ENDING}"


O200K = cased(UPPER, LOWER, CONTRACTIONS + "?", r"\p{N}{1,3}")
HAN_AND_KANA = "[一-龥\u3040-ゟ゠-ヿ]+"
DEEPSEEK_V3 = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|""" + ENDING
# The letters with case that Unicode 11 had, as DeepSeek's first tokenizer spells them out.
CASED = [
    (0x41, 0x5A), (0x61, 0x7A), (0xB5, 0xB5), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x1BA), (0x1BC, 0x1BF), (0x1C4, 0x293), (0x295, 0x2AF),
    (0x370, 0x373), (0x376, 0x377), (0x37B, 0x37D), (0x37F, 0x37F), (0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1),
    (0x3A3, 0x3F5), (0x3F7, 0x481), (0x48A, 0x52F), (0x531, 0x556), (0x10A0, 0x10C5), (0x13A0, 0x13F5), (0x13F8, 0x13FD), (0x1C90, 0x1CBA),
    (0x1CBD, 0x1CBF), (0x1D00, 0x1D2B), (0x1D6B, 0x1D77), (0x1D79, 0x1D9A), (0x1E00, 0x1F15), (0x1F18, 0x1F1D), (0x1F20, 0x1F45),
    (0x1F48, 0x1F4D), (0x1F50, 0x1F57), (0x1F59, 0x1F59), (0x1F5B, 0x1F5B), (0x1F5D, 0x1F5D), (0x1F5F, 0x1F7D), (0x1F80, 0x1FB4),
    (0x1FB6, 0x1FBC), (0x1FBE, 0x1FBE), (0x1FC2, 0x1FC4), (0x1FC6, 0x1FCC), (0x1FD0, 0x1FD3), (0x1FD6, 0x1FDB), (0x1FE0, 0x1FEC),
    (0x1FF2, 0x1FF4), (0x1FF6, 0x1FFC), (0x2102, 0x2102), (0x2107, 0x2107), (0x210A, 0x2113), (0x2115, 0x2115), (0x2119, 0x211D),
    (0x2124, 0x2124), (0x2126, 0x2126), (0x2128, 0x2128), (0x212A, 0x212D), (0x212F, 0x2134), (0x2139, 0x2139), (0x213C, 0x213F),
    (0x2145, 0x2149), (0x214E, 0x214E), (0x2183, 0x2184), (0x2C00, 0x2C7B), (0x2C7E, 0x2CE4), (0x2CEB, 0x2CEE), (0x2CF2, 0x2CF3),
    (0xA640, 0xA66D), (0xA680, 0xA69B), (0xA722, 0xA76F), (0xA771, 0xA787), (0xA78B, 0xA78E), (0xAB70, 0xABBF), (0xFB00, 0xFB06),
    (0xFB13, 0xFB17), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A), (0x10400, 0x1044F), (0x104B0, 0x104D3), (0x104D8, 0x104FB), (0x10C80, 0x10CB2),
    (0x10CC0, 0x10CF2), (0x118A0, 0x118DF), (0x1E900, 0x1E943),
]  # fmt: skip
LETTERS = "".join(f"{chr(first)}-{chr(last)}" if last > first else chr(first) for first, last in CASED)
CJK = "[一-龥ࠀ-一가-퟿]+"
HAN = r"&&[^\p{Han}]]"
KIMI = r"[\p{Han}]+|" + cased(UPPER[:-1] + HAN, LOWER[:-1] + HAN, CONTRACTIONS + "?", r"\p{N}{1,3}", r"[\r\n]*")
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"


def split(*patterns):
    return [Split(Regex(pattern), "isolated") for pattern in patterns]


BARE = [ByteLevel(False, use_regex=False)]
GPT2 = [ByteLevel(False)]
DIGITS = [Digits(True), *GPT2]
GROUPS = [
    ("gpt-2 phi-2 mpt olmo jais trillion gigachat mellum exaone4 modern-bert", GPT2),
    ("smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", DIGITS),
    ("llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral lfm2 dbrx smaug-bpe glm4 chatglm-bpe", split(LLAMA3) + BARE),
    ("qwen2 deepseek-r1-qwen megrez kormo stablelm2 hunyuan solar-open grok-2", split(QWEN2) + BARE),
    ("qwen35", split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + ENDING) + BARE),
    ("gpt-4o llama4 kanana2 talkie minimax-m2 granite-embed-multi-97m", split(O200K) + BARE),
    ("tekken", split(cased(UPPER, LOWER, "", r"\p{N}")) + BARE),
    ("falcon", [Punctuation("contiguous"), ByteLevel(False), *split("[0-9][0-9][0-9]")]),
    ("deepseek-llm", split(r"[\r\n]", rf"\s?[{LETTERS}]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", CJK) + [Digits(True)] + BARE),
    ("deepseek-coder", split(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK) + [Digits(True)] + BARE),
    ("deepseek-v3 hunyuan-dense joyai-llm hy_v4", split(r"\p{N}{1,3}", HAN_AND_KANA, DEEPSEEK_V3) + BARE),
    ("spark2_5", split(r"\p{N}{1,3}", HAN_AND_KANA, DEEPSEEK_V3.replace(r"[\r\n]*|\s*[\r\n]+", r"|[\r\n]"), r"\p{N}") + BARE),
    ("youtu", split("[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|" + HAN_AND_KANA, cased(UPPER, LOWER, CONTRACTIONS + "?", r"\p{N}")) + BARE),
    ("bloom poro-chat gpt3-finnish", split(BLOOM) + BARE),
    ("viking", split(BLOOM, r"\p{N}") + BARE),
    ("tiny_aya cohere2moe", split(r"\d{1,3}(?=(?:\d{3})*\b)", O200K) + BARE),
    ("jais-2", split(LLAMA3.removesuffix(r"\s+(?!\S)|\s+") + "|".join(rf"\s{{{count}}}(?!\S)" for count in "512 256 128 64 32 16 8 4 1,2".split()) + r"|\s{1}") + BARE),
    ("exaone-moe", split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+") + BARE),
    ("superbpe", split(r"\p{N}+", r"(?=(\d{3})+(?!\d))") + BARE),
    ("bailingmoe bailingmoe2 llada-moe", split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+") + BARE),
    ("seed-coder", split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}" + "\r\n" + r"]+|" + ENDING) + BARE),
    ("kimi-k2", split(KIMI) + BARE),
    ("ufakzeka", split(QWEN2.removeprefix(CONTRACTIONS + "|")) + BARE),
    ("laguna", split(r"[^\n]+|[\n]+", QWEN2) + BARE),
    ("minicpm5", split(r"\p{N}{1,3}", LLAMA3.replace("{1,3}", "+")) + BARE),
]  # fmt: skip

TEXTS = [
    "the bird's song, isn't it? IT'S we'LL 'tis O'Neill's", " the  bird\tis\r\nred \n\n  x", "1 12 123 1234 12345.67 1,234,567 x1y ½ ٣٤٥ Ⅷ²",
    "fooBar FooBAR foo_bar ABCdef ǅa ßẞ İi ƻƼ ʔʕ ΐ\u1fd3 Ωω\u2126 K\u212a Აᏸꭰ 𐐀𐐨", "日本語テキスト、한국어 텍스트。中文，今天。ㄅㄆ “a” —…", "e\u0301 a\u0308b नमस्ते สวัสดี שָׁלוֹם मैं১২",
    "<p>a+b=$5~`^|</p> #!x @y (z) [w] {v} \"q\"; //\n/* c */\r\n\r\n", "👩‍👩‍👧‍👦🏽 🇩🇪!!! ???\n", "a\u00a0b\u3000c\u200bd\ufeff\x00\x85", "    \n   x\n \n", "!a 'b -c .d\n!\n", "a ", " ", "\n",
    "x" + " " * 15 + "y" + " " * 37 + "\n" + " " * 600 + "z" + " " * 9,
]  # fmt: skip


def spoken(word):
    """The text of a word in the alphabet of bytes."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    byte_of = {chr(byte): byte for byte in printed}
    byte_of |= {chr(256 + place): byte for place, byte in enumerate(sorted(set(range(256)) - set(printed)))}
    return bytes(byte_of[letter] for letter in word).decode()


def main():
    groups = []
    for names, stages in GROUPS:
        pre = Sequence(stages)
        cases = [[text, [spoken(word) for word, _ in pre.pre_tokenize_str(text)]] for text in TEXTS]
        groups.append({"names": names.split(), "words": cases})
    print("[\n" + ",\n".join(json.dumps(group, ensure_ascii=False) for group in groups) + "\n]")


main()
