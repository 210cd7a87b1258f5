//! Kinds of characters that words are cut at, as Hugging Face's tokenizers know them.

use std::{ops::RangeInclusive, sync::LazyLock};

use regex_syntax::hir::{Class, Hir, HirKind};

/// Which characters are delimiters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Digits,
    WhiteSpace,
    Punctuation,
}

impl Kind {
    pub(super) fn has(self, sign: char) -> bool {
        match self {
            Self::Digits => sign.is_numeric(),
            Self::WhiteSpace => sign.is_whitespace(),
            Self::Punctuation if sign.is_ascii() => sign.is_ascii_punctuation(),
            Self::Punctuation => {
                let at = PUNCTUATION.partition_point(|range| *range.end() < sign);
                PUNCTUATION.get(at).is_some_and(|range| range.contains(&sign))
            }
        }
    }
}

/// Unicode 8's, and two that were punctuation then and are none now.
static PUNCTUATION: LazyLock<Vec<RangeInclusive<char>>> =
    LazyLock::new(|| ranges(r"[\x{166D}\x{111C9}[\p{P}&&\p{Age=8.0}]]"));

fn ranges(class: &str) -> Vec<RangeInclusive<char>> {
    match regex_syntax::Parser::new().parse(class).map(Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| range.start()..=range.end()).collect()
        }
        _ => unreachable!("{class} is a class of characters"),
    }
}

/// The number of a script among `SCRIPTS`. A space and what Unicode 9 did not have belong to any script,
/// Japanese syllables to Chinese characters.
pub(super) fn script(sign: char) -> Option<usize> {
    match sign {
        ' ' => return None,
        '\u{589}' | '\u{61C}' => return Some(COMMON),
        '\u{953}' | '\u{954}' => return Some(DEVANAGARI),
        '\u{30FC}' => return Some(HAN),
        _ => {}
    }
    let at = SCRIPT_RANGES.partition_point(|(range, _)| *range.end() < sign);
    let (_, script) = SCRIPT_RANGES.get(at).filter(|(range, _)| range.contains(&sign))?;
    Some(*script)
}

static SCRIPT_RANGES: LazyLock<Vec<(RangeInclusive<char>, usize)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (number, name) in SCRIPTS.iter().enumerate() {
        let number = if matches!(*name, "Hiragana" | "Katakana") { HAN } else { number };
        let known = ranges(&format!(r"[\p{{sc={name}}}&&\p{{Age=9.0}}]"));
        all.extend(known.into_iter().map(|range| (range, number)));
    }
    all.sort_by_key(|(range, _)| *range.start());
    all
});

const HAN: usize = 0;
const COMMON: usize = 1;
const DEVANAGARI: usize = 2;

/// The scripts of Unicode 9.
const SCRIPTS: &[&str] = &[
    "Han",
    "Common",
    "Devanagari",
    "Hiragana",
    "Katakana",
    "Adlam",
    "Ahom",
    "Anatolian_Hieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Bassa_Vah",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Canadian_Aboriginal",
    "Carian",
    "Caucasian_Albanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyrillic",
    "Deseret",
    "Duployan",
    "Egyptian_Hieroglyphs",
    "Elbasan",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Hangul",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Imperial_Aramaic",
    "Inherited",
    "Inscriptional_Pahlavi",
    "Inscriptional_Parthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Kayah_Li",
    "Kharoshthi",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Linear_A",
    "Linear_B",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Meetei_Mayek",
    "Mende_Kikakui",
    "Meroitic_Cursive",
    "Meroitic_Hieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "New_Tai_Lue",
    "Newa",
    "Nko",
    "Ogham",
    "Ol_Chiki",
    "Old_Hungarian",
    "Old_Italic",
    "Old_North_Arabian",
    "Old_Permic",
    "Old_Persian",
    "Old_South_Arabian",
    "Old_Turkic",
    "Oriya",
    "Osage",
    "Osmanya",
    "Pahawh_Hmong",
    "Palmyrene",
    "Pau_Cin_Hau",
    "Phags_Pa",
    "Phoenician",
    "Psalter_Pahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "Sign_Writing",
    "Sinhala",
    "Sora_Sompeng",
    "Sundanese",
    "Syloti_Nagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Tai_Le",
    "Tai_Tham",
    "Tai_Viet",
    "Takri",
    "Tamil",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Ugaritic",
    "Vai",
    "Warang_Citi",
    "Yi",
];
