//! Words of real patterns, and what every part of a pattern means.

use std::sync::LazyLock;

use super::*;
use proptest::prelude::*;

fn words(pattern: &Pattern, text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let budget = Budget::new(text.len(), 1);
    let mut push = |span: Range<usize>, _| {
        words.push(text[span].to_owned());
        Ok(())
    };
    pattern.spans(text, &budget, &mut push).unwrap();
    words
}

#[test]
fn white_space_before_a_word_leaves_it_one_space() {
    let pattern = Pattern::regex(GPT2).unwrap();
    assert_eq!(words(&pattern, "a   b\n\n c  "), ["a", "  ", " b", "\n\n", " c", "  "]);
}

/// A pattern, and texts with the words into which it cuts them and with what is left once each match has
/// become a bar.
type Case = (String, Vec<(String, Vec<String>, String)>);

/// What is refused by name, though Oniguruma reads it.
const REFUSED: &[&str] = &[
    r"\101",
    "(?i)ffi",
    r"(?i)(s)\1",
    "(?i)sss",
    "(?i)ssss",
    "(?i)(?<=ss)b",
    "(?i)(?<=ß)b",
    "(?i)(?<!ss)b",
    "(?i)ffl",
    "a{3,2}",
    "a**",
    "(?:)*",
    "(|a)+",
    "(a|)+",
    "(?:a*)*",
    "(?:a*)+",
    "(?:a?){3}",
    "(?:a?)*?",
    "(?:a??)+",
    "a?{2}",
    "a(?#c)+",
    "(a*)+",
    "(a*?)+",
    r"[\q]",
    r"\q",
    r"\l",
    r"\Q",
    "(?W)a",
    r"(?D:\d)",
    r"\Ga",
    r"a\Kb",
    "(?~a)",
    r"\X",
    r"\y",
    "(?y{g}).",
    "(a)?(?(1)b)",
    r"\pL",
    r"\cA",
    r"\M-a",
    r"\C-a",
];

/// `scripts/patterns.py` writes the cases: what Hugging Face's tokenizers 0.23.3 make of each pattern.
#[test]
fn patterns_mean_what_they_mean_to_hugging_face_or_are_refused_by_name() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    let mut wrong = Vec::new();
    for (source, texts) in &cases {
        let pattern = match Pattern::regex(source) {
            Ok(pattern) => pattern,
            Err(_) if REFUSED.contains(&source.as_str()) => continue,
            Err(refusal) => panic!("{refusal}"),
        };
        assert!(!REFUSED.contains(&source.as_str()), "{source} is read");
        for (text, expected, marked) in texts {
            let (mut found, mut bars) = (Vec::new(), String::new());
            let visit = &mut |span: Range<usize>, matches| {
                bars += if matches { "|" } else { &text[span.clone()] };
                if !span.is_empty() {
                    found.push(text[span].to_owned());
                }
                Ok(())
            };
            let budget = Budget::new(text.len(), 1);
            if pattern.spans(text, &budget, visit).is_err() || found != *expected || bars != *marked
            {
                wrong.push(format!("{source}: {text:?} gives {found:?}, {bars:?}"));
            }
        }
    }
    assert!(cases.len() > 350 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pattern_that_cannot_be_read_is_refused_in_one_short_sentence() {
    for (source, says) in [
        ("(?<=a", "a group is not closed"),
        ("a)", "closes a group that is not open"),
        ("[a", "a class is not closed"),
        ("*a", "a quantifier stands behind nothing to repeat"),
        (r"\p{Klingon}", r"\p{klingon} is not understood"),
        ("[[:wrd:]]", "[:wrd is not understood"),
        (r"(?s).", "(?s is not understood"),
        (r"\X", r"\X is not understood"),
        (r"(?~a)", "(?~ is not understood"),
        (r"\xe9", r"\x is not understood"),
        (r"(a)\g<1>", r"\g is not understood"),
        ("a{100001}", "the limits of a repetition cannot be"),
        ("[z-a]", "a range ends before it begins"),
        ("a\\", "it ends in a backslash"),
        (&"(".repeat(300), "more than 200 deep"),
        (&"[".repeat(300), "more than 50 deep"),
    ] {
        let said = Pattern::regex(source).unwrap_err().to_string();
        let shown: String = source.chars().take(60).collect();
        assert!(said.starts_with(&format!("the pattern {shown:?}")), "{said}");
        assert!(said.contains(says) && said.len() < 300 && !said.contains('\n'), "{said}");
    }
    let long = Pattern::regex(&"a{2}".repeat(300_000)).unwrap_err().to_string();
    assert!(long.contains("more than 8192 bytes in a pattern"), "{long}");
}

/// A pattern in our form, and what must cut the same words. Compiling takes long, so each is compiled once.
type Twins = (Pattern, Vec<Pattern>);

static GIVING_BACK: LazyLock<Vec<Twins>> = LazyLock::new(|| {
    let mut all: Vec<Twins> = Vec::new();
    for source in WORDS {
        let slow = Pattern::of_rust(source).unwrap();
        let translated = Pattern::of_rust(&onig::translated(source).unwrap()).unwrap();
        all.push((Pattern::regex(source).unwrap(), vec![slow, translated]));
    }
    // As tiktoken writes the two that differ in letters, not in words.
    for (ours, theirs) in [
        (GPT2, r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"),
        (
            CL100K,
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        ),
    ] {
        all.push((Pattern::regex(ours).unwrap(), vec![Pattern::of_rust(theirs).unwrap()]));
    }
    all
});

static ENDINGS: LazyLock<Vec<Twins>> = LazyLock::new(|| {
    let of = |source: &&str| {
        let slow = Pattern::of_rust(&onig::translated(source).unwrap()).unwrap();
        (Pattern::regex(source).unwrap(), vec![slow])
    };
    let all = [
        r"(?:'s|'t)| ?\p{L}+| ?\p{N}+|\s+(?!\S)|\s+",
        r"[^\r\n\p{L}\p{N}]?+\p{L}++|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        r"a\s\s|\s{3}|\s+(?!\S)|\s+",
        r"(?i)A+\s*|\s\t|\s+(?!\S)|\s",
        r"(a)\1|\s(?=\s\s)|\s+(?!\S)|\s+",
    ];
    all.iter().map(of).collect()
});

proptest! {
    #[test]
    fn giving_back_equals_looking_ahead(text in r#"([a-zA-Zé/' \t\r\n\u{3000}\u{85}0-9.,日ſ]|\PC){0,40}"#) {
        for (pattern, twins) in GIVING_BACK.iter() {
            let found = words(pattern, &text);
            for twin in twins {
                prop_assert_eq!(&found, &words(twin, &text));
            }
        }
    }

    #[test]
    fn any_front_leaves_the_ending_its_white_space(text in r"([ab' \t\r\n\u{3000}1.é]|\PC){0,30}") {
        for (pattern, twins) in ENDINGS.iter() {
            let is_given_back = matches!(pattern, Pattern::Ending { .. });
            prop_assert!(is_given_back);
            for twin in twins {
                prop_assert_eq!(words(pattern, &text), words(twin, &text));
            }
        }
    }
}
