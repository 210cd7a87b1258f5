"""Writes what Hugging Face's tokenizers make of regular expressions, for the test of `text/src/pattern.rs`.

    python3 scripts/patterns.py > crates/text/src/pattern/cases.json

Each pattern with its texts: the words into which it cuts them, and the text with a bar for each match.
"""

import json
import sys

from tokenizers import Regex
from tokenizers.normalizers import Replace
from tokenizers.pre_tokenizers import Split

LINES = ["a\n", " \na \n\nb", "a\r\nb", "\n", "ab\ncd\n\n", ""]
WORDS = ["a² b½c", "x\u200cy\u200dz", "é_1 ٣٤ Ⅷ", "日本 a-b", "e\u0301x \u00b7y", "don't"]
MARKS = ["a+b=$5 “q”", "#!x^~`|", "a\u00a0b\u3000c\tD\u0085e", "fF0g G9", "\x07\x7f\u200b\ue000 x", "ǅ Aa ß"]
CASES = ["ss SS Ss sS", "ß ẞ ſſ", "ﬁ fi FI Fi", "K k K", "ﬀi ﬃ ffi", "ſt ﬆ ﬅ st", "İ i̇ I i ı", "ΐ Σς σ", "straße STRASSE", "aSSb aßb"]
REPEATS = ["aaaa", "aab abab", "aaa b", "ab{,}x a{1", "", "xaaay"]
SETS = ["abc-]^[x", "a&b&&c", "hello w0rld_", "cdef\n", "z-9 \\"]
ORDER = ["aXbxAbBc", "ab AB\naB c C", "a b#c\nd"]

GROUPS = [
    (LINES, r"\s+$ $ ^ ^\s* \s*$ \n$ $\n ^$ (?m).+ .+ (?m)^.*$ (?-m:.)+ \A. .\z .\Z \Z \z (?<=\n)^ ^a|b$ \R \R+ \N+ \O+ (?=\n) (?!\n) \n^ (?m:.)$ [^a]+ [^\n]+ \s+(?!\S) \s+(?!\S)|\s+ ^b ^\z ^\n"),
    (WORDS, r"\w+ \W+ [\w]+ [\W]+ [^\w]+ [^\W_]+ \b \B \b\w \w\b \d+ [\d]+ \D+ \p{word}+ [\p{word}]+ [[:word:]]+ [[:alpha:]]+ [[:alnum:]]+ [[:^alpha:]]+ \p{L}+ \p{M}+ \p{N}+ \p{Nd}+ \p{^L}+ \P{L}+ [^\p{L}\p{N}]+ [\p{L}\p{M}]+ \p{Han}+ \p{Latin}+ \p{Alphabetic}+ (?i)\w+ (?i)[\w]+ [\w&&[^\d]]+ [\w&&\p{L}]+ \p{Lu}|\p{Ll} \p{letter}+ \p{Decimal_Number}+ \p{^word}+ \p{Arabic}+ \p{gc} \p{Any}+ '(?:[sdmt]|ll|ve|re) \bx\b [^\s\p{L}\p{N}]+ \p{script=Han} \p{Greek}+ \p{Pc}"),
    (MARKS, r"[[:punct:]]+ \p{Punct}+ [\p{punct}]+ [[:^punct:]]+ \p{S}+ \p{P}+ [[:space:]]+ \s+ \S+ [\S]+ [[:blank:]]+ [[:cntrl:]]+ [[:graph:]]+ [[:print:]]+ [[:^print:]]+ [[:upper:]]+ [[:lower:]]+ [[:xdigit:]]+ [[:digit:]]+ [[:ascii:]]+ \h+ \H+ [\h]+ [^\h]+ [\H]+ \p{Upper}+ \p{Lower}+ \p{Space}+ \p{XDigit}+ \p{Graph}+ \p{Print}+ \p{ASCII}+ \p{Cntrl}+ \p{Zs}+ \p{Z}+ \p{Sc} \p{Pi}.*\p{Pf} \p{Lt} \p{LC}+ \p{Titlecase_Letter} \p{Co} \p{Cf} \p{Cc} \p{White_Space}+ \p{Math}+ [[:foo:]] [[:punct:][:space:]]+ [^[:alnum:]]+ [[:^space:]&&[:^alnum:]]+ \a \e \f \v \t \x41 \x{41} \x{b2} \u00DF \xe9 \p{Emoji} \0 \101 [\x41-\x43]"),
    (CASES, "(?i)ß (?i)ss (?i)s (?i)s+ (?i)ss+ (?i)s{2} (?i)(?:s)s (?i)[s]s (?i)ẞ (?i)[ß] (?i)[ß]+ (?i)[^ß] (?i)[^s] (?i)[a-z] (?i)[a-z]+ (?i)[à-ÿ] (?i)[\\p{L}] (?i)\\p{Lu} (?i)\\p{Lu}+ (?i)[\\p{Lu}]+ (?i)[[:upper:]] (?i)fi (?i)ﬁ (?i)ffi (?i)ff (?i)f (?i)st (?i)ſt (?i)ﬆ (?i)k (?i)K (?i)i (?i)İ (?i)ı (?i)I (?i)σ (?i)Σ (?i)ΐ (?i)straße (?i)STRASSE (?i)strasse (?i)asSb (?i:ss)|x a(?i)ß (?i)a(?-i)ß (?i:'s|'t|'re|'ve|'m|'ll|'d) (?i)[k] (?i)[^K]+ (?i)(s)\\1 (?i)sss (?i)ssss (?i)[st]+ (?i)\\x{DF} (?i)[[^s]s] (?i)(?<=ss)b (?i)(?<=ß)b (?i)(?<!ss)b (?i)(?=ss) (?i)ﬀ (?i)ffl (?i)\\h+ (?i)[f][i] (?i)f(?:i) (?i)ʼn (?i)s\\u0073".split(" ")),
    (REPEATS, r"a+ a++ a++a a*+ a?+ a?+a a{2} a{2}+ a{2}? a{2}?b a{2}?? a{2,3} a{2,3}? a{2,3}+ a{2,}+ a{,2} a{,2}? a{,} a{2,}? a{3,2} a** a+* a+? a+?? (?:a+)+ (?:a|ab)+b (?>a+)a (?>a|ab)b (a)\1 (?<x>a)\k<x> (ab)+ (?:)* a|b|| (|a)+ (a|)+ (?:a*)* (?:a*)+ (?:a?){3} a{0} a{1} {1} *a a{1 x{, (?:a?)*? (?:a??)+ a*?$ a{2}{2} (?:a{2}){2} a?{2} (?=a)* (?=a)+ ^* \b+ (?#c)a a(?#c)+ (?#c\)d)a (?:(?=a)|b)+ (?:\b)+ (a*)+ (a*?)+ (?:a|b)*?b a{100001} (?<n>a)(b) \k<n>(?<n>a) \1(a) (a)(b)\2 (?'n'a)+"),
    (SETS, r"[]a]+ [^]a]+ []] [a-]+ [-a]+ [a-c-e]+ [\d-a]+ [a-\d]+ [a-w&&[^c-g]z]+ [^a-w&&[^c-g]]+ [a&&b] [a-z&&d-f]+ [a-z&&[d-f]]+ [[a-c][x-z]]+ [^[a-c]]+ [[^a-c]]+ [^[^a-c]]+ [a\]b]+ [a\-c]+ [\\]+ [\[]+ [a-z&&]+ [&&a]+ [a&b]+ [a&&&&a] [\b] [.]+ [$^]+ [*+?]+ [|]+ [z-a] [a-zA-Z0-9_]+ [^\s]+ [\s\S]+ [\n-\r]+ [!-/:-@]+ [\q] \q \- \_ \/ \' \, [\/\-] [] [^] [[:alpha:]-z]+ [\w-]+ [-\w]+ [a-c&&b-d&&c] [^&&a] \l \Q [\p{L}&&[^a-c]]+ [\p{L}--[a-c]] [a~~b] [a--b] [[a]&&[b]] [[:alpha:]&&[^x]]+ [^a-c\n]+ [a#b]+ []-a] [a-]] [--a]"),
    (ORDER, "a(?i)b|c (?i)a|b a(?i:b)|c (?:a(?i)b|c)B (?i)a(?-i)b (?x)a\\ b (?x)a#c\nb (?x)a b (?x:a\\ b)|c (?x)[a\\ b] (?x)a +b (?im)a.b (?i-m:a.) (?s). (?s:.) (?u)a (?a)a (?W)a (?D:\\d) (?i (?i)|a (?i:a|b)c (?<=a)b (?<!a)b (?<=a|xA)b (?<=a*)b (?<=a+)b (?<!ab|c)\\s (?<=\\s)c (?=a)a (?!a). a(?=.b) \\Ga a\\Kb (?~a) (?(1)a|b) (?P<n>a) (?'n'a) \\g<0> (?&n) \\X \\y (?y{g}). (?<=(?i)A)b (?<=\\b)a (?<=^)a (?<=$) (a)?(?(1)b) \\pL \\p{L \\c \\cA \\M-a \\C-a".split(" ")),
]


def cases(pattern, texts):
    """The words and the marked text of each text; nothing if the pattern is refused."""
    try:
        split, mark = Split(Regex(pattern), "isolated"), Replace(Regex(pattern), "|")
    except Exception as error:
        print(f"refused: {pattern}: {error}", file=sys.stderr)
        return None
    made = []
    for text in texts:
        words, marked = [word for word, _ in split.pre_tokenize_str(text)], mark.normalize_str(text)
        if marked != text and len(made) < 4:
            made.append([text, words, marked])
    return made or [[texts[0], [texts[0]], texts[0]]]


def main():
    lines = []
    for texts, patterns in GROUPS:
        for pattern in patterns.split(" ") if isinstance(patterns, str) else patterns:
            made = cases(pattern, texts)
            if made is not None:
                lines.append(json.dumps([pattern, made], ensure_ascii=True, separators=(",", ":")))
    print("[\n" + ",\n".join(lines) + "\n]")


main()
