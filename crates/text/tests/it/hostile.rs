//! Tokenizers made to do harm are refused by name, in bounded memory and time; real ones reach no limit.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{GgufVocabulary, NamedTokenizer, Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

/// A tokenizer of the letters a and b, with something else put in.
fn with(key: &str, value: Value) -> String {
    let model = json!({"type": "BPE", "vocab": {"a": 0, "b": 1, " ": 2}, "merges": []});
    let mut file = json!({ "model": model, "decoder": {"type": "Fuse"} });
    file[key] = value;
    file.to_string()
}

fn normalizers(steps: Vec<Value>) -> String {
    with("normalizer", json!({"type": "Sequence", "normalizers": steps}))
}

fn replace(pattern: Value, content: &str) -> Value {
    json!({"type": "Replace", "pattern": pattern, "content": content})
}

fn split(regex: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false})
}

fn refused(file: &str) -> String {
    let said = Tokenizer::from_json(file).unwrap_err().to_string();
    assert!(said.chars().count() < 500, "{said}");
    said
}

/// Why a tokenizer that can be read does not encode a text.
fn refused_text(file: &str, text: &str) -> String {
    let said = Tokenizer::from_json(file).unwrap().encode(text, Specials::Text).unwrap_err();
    assert!(said.to_string().chars().count() < 500, "{said}");
    said.to_string()
}

#[test]
fn a_part_beyond_its_limit_is_refused_before_it_is_used() {
    let digits = json!({"type": "Digits", "individual_digits": true});
    let sequence = |all: Vec<Value>| json!({"type": "Sequence", "pretokenizers": all});
    let template = |single: Vec<Value>, ids: usize| {
        let tokens = json!({"b": {"id": "b", "ids": vec![1; ids], "tokens": ["b"]}});
        json!({"type": "TemplateProcessing", "single": single, "special_tokens": tokens})
    };
    let (text, special) = (json!({"Sequence": {"id": "A"}}), json!({"SpecialToken": {"id": "b"}}));
    let mut single = vec![special.clone(); 500_000];
    single.push(text.clone());
    let roberta = json!({"type": "RobertaProcessing", "cls": ["a", 0], "sep": ["b", 1]});
    let decoder = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    let mut strips = vec![json!({"type": "Fuse"})];
    strips.resize(100, json!({"type": "Strip", "content": "a", "start": 1, "stop": 1}));
    for (file, says) in [
        (with("pre_tokenizer", sequence(vec![digits; 20_000])), "more than 64 pre-tokenizers"),
        (with("pre_tokenizer", sequence(vec![split("a(?=b)"); 100])), "patterns in pre-tokenizers"),
        (normalizers(vec![json!({"type": "NFC"}); 20_000]), "more than 256 normalizers"),
        (normalizers(vec![replace(json!({"Regex": "a"}), "b"); 200]), "patterns in normalizers"),
        (with("post_processor", template(single, 1)), "pieces in its TemplateProcessing"),
        (with("post_processor", template(vec![special, text], 500_000)), "ids of one token"),
        (
            with("post_processor", json!({"type": "Sequence", "processors": vec![roberta; 5000]})),
            "tokens around a text",
        ),
        (
            with("pre_tokenizer", split(&"(?=a)".repeat(100_000))),
            "more than 8192 bytes in a pattern",
        ),
        (with("pre_tokenizer", split(&format!("{}a{}", "(".repeat(500), ")".repeat(500)))), "deep"),
        (with("pre_tokenizer", split(r"(?:(?:\p{L}{1000}){1000}){1000}(?=a)")), "cannot be read"),
        (
            with("decoder", json!({"type": "Sequence", "decoders": vec![decoder; 20_000]})),
            "replacements in its decoder",
        ),
        (
            with("pre_tokenizer", json!({"type": "Metaspace", "replacement": "▁▁"})),
            "not one character",
        ),
        (
            json!({"model": {"vocab": {"a".repeat(1 << 20): 0}, "merges": []}}).to_string(),
            "bytes in a piece",
        ),
        (
            with("added_tokens", json!([{"id": 3, "content": "c".repeat(5 << 20)}])),
            "bytes of added tokens",
        ),
        (with("pre_tokenizer", json!({"type": "a".repeat(1 << 20)})), "is not understood"),
        (
            with("decoder", json!({"type": "Sequence", "decoders": strips})),
            "more than 16 Strip in its decoder",
        ),
        (
            format!(
                "{}null{}",
                "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[".repeat(300),
                "]}".repeat(300)
            ),
            "within each other deeper than is read (recursion limit",
        ),
        (format!("{{\"normalizer\": {}", "[".repeat(1 << 20)), "recursion limit"),
        (format!("[{}", "[],".repeat(6 << 20)), "values in its file"),
    ] {
        let said = refused(&file);
        assert!(said.contains(says), "{said}\nshould say: {says}");
    }
}

#[test]
fn a_text_that_a_tokenizer_makes_grow_without_end_is_refused() {
    let double = || replace(json!({"String": "a"}), "aa");
    let said = refused_text(&normalizers(vec![double(); 60]), "aaaa");
    assert!(said.starts_with("the tokenizer's normalizer 18 (Replace) makes far more"), "{said}");
    let said = refused_text(
        &normalizers(vec![replace(json!({"Regex": "a"}), "aa"); 16]),
        &"a".repeat(1 << 20),
    );
    assert!(said.contains("normalizer 6 (Replace)"), "{said}");
    let long = replace(json!({"String": "a"}), &"b".repeat(1 << 20));
    let said = refused_text(&normalizers(vec![long]), &"a".repeat(1 << 20));
    assert!(said.contains("normalizer 1 (Replace)"), "{said}");
    let before = json!({"type": "Prepend", "prepend": "b".repeat(2 << 20)});
    let said = refused_text(&normalizers(vec![before]), "a");
    assert!(said.contains("normalizer 1 (Prepend)"), "{said}");
    // The same in a decoder makes pieces grow while the file is read.
    let decoders = json!({"type": "Sequence", "decoders": vec![double(); 60]});
    assert!(refused(&with("decoder", decoders)).contains("decoder (Replace)"));
    // And before an added token, which is normalized too.
    let mut file: Value = serde_json::from_str(&normalizers(vec![double(); 60])).unwrap();
    file["added_tokens"] = json!([{"id": 3, "content": "aaaa", "normalized": true}]);
    assert!(refused(&file.to_string()).contains("normalizer 18 (Replace)"));
}

#[test]
fn a_pattern_that_backtracks_without_end_is_given_up() {
    for regex in [r"(?:a|aa)+(?=c)| ", r"(?:a+)+(?!a)c", r"(a+)+\1c"] {
        let said = refused_text(&with("pre_tokenizer", split(regex)), &"a".repeat(50_000));
        assert!(said.contains("pattern") && !said.contains('\n'), "{said}");
        let file = normalizers(vec![replace(json!({"Regex": regex}), "b")]);
        refused_text(&file, &"a".repeat(50_000));
    }
}

#[test]
fn a_budget_is_for_the_whole_text_not_for_each_word() {
    // Each word takes some sixty thousand steps, which one search may take, and a text of a megabyte of
    // them may not.
    let file = with("pre_tokenizer", split(r"(?:a|aa)+(?=c)| "));
    let word = format!("{} ", "a".repeat(22));
    let few = Tokenizer::from_json(&file).unwrap().encode(&word.repeat(2), Specials::Text);
    assert!(few.is_ok(), "{few:?}");
    let said = refused_text(&file, &word.repeat(50_000));
    assert!(said.contains("takes too many steps"), "{said}");
}

#[test]
fn a_pattern_that_reads_the_rest_of_a_long_text_at_each_place_is_given_up() {
    let text = "a".repeat(1 << 20);
    for regex in [
        r"(?=.*b)a|a",
        r"a(?!.*b)|a",
        r"(?=(\w+)!)a|a",
        r"(?>\w+)!|a",
        r"\w++!|a",
        r"(?=a)\w+!|a",
        r"\w+!|a",
        r"(?=\w*b)x",
        r"(?=(?:a(?!b))*c)a|a",
        r"(a)(?=.*\1b)|a",
    ] {
        let began = std::time::Instant::now();
        let said = refused_text(&with("pre_tokenizer", split(regex)), &text);
        assert!(began.elapsed().as_secs() < 10, "{regex}: the clock and not the budget ended it");
        let says = |said: &str| {
            // The engine has a limit of its own, of places that it remembers to go back to.
            [" takes too many steps to search", " gave up on this text"]
                .iter()
                .any(|what| said.contains(&format!("the tokenizer's pattern {regex:?}{what}")))
        };
        assert!(says(&said), "{said}");
        let file = normalizers(vec![replace(json!({"Regex": regex}), "b")]);
        let said = refused_text(&file, &text);
        assert!(says(&said), "{said}");
    }
}

/// Those of BLOOM, cl100k, o200k, Llama 3, Qwen2 and DeepSeek, each but for a group that changes nothing, so
/// that it is searched with its look-ahead; and SuperBPE's, whose look-ahead reads on.
const REAL: &[&str] = &[
    r"(?:'s|'t|'re|'ve|'m|'ll|'d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r" ?[^(\s|[.,!?…。，、।۔،])]+",
    r"(?:'(?i:[sdmt]|ll|ve|re))|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    r"(?:[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}+)|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}+)|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[!\x22#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[\r\n]",
    r"\s?\p{L}+",
    r"\s?\p{P}+",
    r"[一-龥ࠀ-一가-퟿]+",
    r"\s+$",
    r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))|\P{N}+",
];

#[test]
fn real_patterns_read_a_long_text_of_any_kind() {
    let long = |text: &str| text.repeat((1 << 20) / text.len());
    for (name, text) in [
        ("words", long("The quick brown Fox's 1,234 jumps, isn't it?\n")),
        ("no white space", long("今天天气很好我们去公园散步吧")),
        ("white space", format!("{}a", long(" "))),
        ("line ends", format!("a{}", long(" \n"))),
        ("digits", long("1234567 ")),
        ("letters", long("a")),
        ("signs", long("!?-")),
    ] {
        for regex in REAL {
            let mut file: Value =
                serde_json::from_str(&with("pre_tokenizer", split(regex))).unwrap();
            file["model"]["unk_token"] = json!("b");
            let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
            let encoded = tokenizer.encode(&text, Specials::Text);
            assert!(encoded.is_ok(), "{regex}, {name}: {}", encoded.unwrap_err());
        }
    }
}

#[test]
fn a_hundred_thousand_added_tokens_of_one_beginning_cost_a_text_no_more_than_one() {
    let tokens: Vec<Value> = (3..60_000)
        .map(|id| json!({"id": id, "content": format!("{}{id}", "a".repeat(20)), "special": true}))
        .collect();
    let tokenizer = Tokenizer::from_json(&with("added_tokens", json!(tokens))).unwrap();
    let text = format!("{}{}", "a".repeat(2_000_000), "777b");
    let ids = tokenizer.encode(&text, Specials::Allowed).unwrap();
    assert_eq!(ids[ids.len() - 2..], [TokenId(777), TokenId(1)]);
    assert_eq!(ids.len(), 2_000_000 - 20 + 2);
}

#[test]
fn of_added_tokens_the_longest_at_the_first_place_is_found() {
    let token = |id: u32, content: &str| json!({"id": id, "content": content, "special": true});
    let tokens = [token(3, "<x"), token(4, "<x>"), token(5, "x>>"), token(6, "<x>")];
    let tokenizer = Tokenizer::from_json(&with("added_tokens", json!(tokens))).unwrap();
    let ids = |text: &str| {
        let ids = tokenizer.encode(text, Specials::Allowed).unwrap();
        ids.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids("a<x>b<xa"), [0, 4, 1, 3, 0]);
    // The search goes on behind what it found.
    assert_eq!(ids("<xx>>"), [3, 5]);
}

#[test]
fn merges_that_name_each_other_end() {
    let model = json!({"vocab": {"a": 0, "aa": 1, "aaa": 2, "aaaa": 3}, "merges": [
        ["aa", "a"], ["a", "aa"], ["aa", "aa"], ["a", "a"], ["a", "a"], ["aaa", "a"]
    ]});
    let tokenizer =
        Tokenizer::from_json(&json!({ "model": model, "decoder": {"type": "Fuse"} }).to_string())
            .unwrap();
    let text = "a".repeat(100_000);
    let ids = tokenizer.encode(&text, Specials::Text).unwrap();
    assert_eq!(tokenizer.decode(&ids), text);
}

#[test]
fn long_pieces_of_a_gguf_file_are_refused_before_they_are_tried() {
    let tokens: Vec<String> =
        (0..200).map(|at| format!("{}{at}", "a".repeat(15_000 + at))).collect();
    let scores = Some(vec![0.0; tokens.len()]);
    let from = GgufVocabulary { model: "llama".to_owned(), tokens, scores, ..Default::default() };
    let said = Tokenizer::from_gguf(&from).unwrap_err().to_string();
    assert!(said.contains("in the merges of its pieces"), "{said}");
}

#[test]
fn ten_megabytes_of_text_reach_no_limit_of_a_real_tokenizer() {
    let steps = vec![
        json!({"type": "NFKC"}),
        json!({"type": "Lowercase"}),
        json!({"type": "Prepend", "prepend": "b"}),
        replace(json!({"String": "   "}), "ab"),
    ];
    let mut file: Value = serde_json::from_str(&normalizers(steps)).unwrap();
    file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": true},
        split(r"a+(?=b)|\s+(?!\S)|\s+"),
        {"type": "Metaspace", "replacement": " ", "prepend_scheme": "never"},
    ]});
    let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
    let text = "AB aab b   a".repeat(850_000);
    let ids = tokenizer.encode(&text, Specials::Text).unwrap();
    assert_eq!(
        tokenizer.decode(&ids),
        format!("b{}", "ab aab babA".to_lowercase().repeat(850_000))
    );
    // Neither one match at the very end of a text nor none at all is a search without end.
    let file = with("pre_tokenizer", split(r"(?<=a)c(?=a)|b(?!b)"));
    let tokenizer = Tokenizer::from_json(&file).unwrap();
    let text = format!("{}b", "a".repeat(10_000_000));
    assert_eq!(tokenizer.encode(&text, Specials::Text).unwrap().len(), 10_000_001);
}

#[test]
fn what_brought_other_tokenizers_down_is_refused_or_read() {
    // tokenizers 2151 and 2094, lattice 338: parts that pass where the file is read, and panic or never end
    // where a text is.
    let template = json!({"type": "TemplateProcessing", "special_tokens": {},
        "single": [{"SpecialToken": {"id": "none"}}, {"Sequence": {"id": "A"}}]});
    let fixed = json!({"type": "FixedLength", "length": 0});
    let precompiled = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
    let long = json!({"vocab": {"aaaa": 0, "bbbb": 1}, "merges": [["aaaa", "bbbb"]]});
    for (file, says) in [
        (with("post_processor", template), "has no list `ids`"),
        (with("pre_tokenizer", fixed), "FixedLength is not understood"),
        (with("normalizer", precompiled), "Precompiled is cut short"),
        (json!({ "model": long }).to_string(), "which is not in the vocabulary"),
        (
            with("decoder", json!({"type": "Strip", "content": "", "start": 9, "stop": 9})),
            "is not one character",
        ),
    ] {
        let said = refused(&file);
        assert!(said.contains(says), "{said}\nshould say: {says}");
    }
    // What takes away more than there is leaves nothing.
    let strip = |content| json!({"type": "Strip", "content": content, "start": 9, "stop": 9});
    let strips = vec![json!({"type": "Fuse"}), strip("a"), strip("b")];
    for decoder in [strip("a"), json!({"type": "Sequence", "decoders": strips})] {
        let tokenizer = Tokenizer::from_json(&with("decoder", decoder)).unwrap();
        assert_eq!(tokenizer.decode(&[0, 0].map(TokenId)), "");
    }
    // An added token without a letter is found nowhere; a stride that is as long as a text cuts nothing.
    let mut file: Value = serde_json::from_str(&with(
        "added_tokens",
        json!([{"id": 3, "content": "", "special": true}, {"id": 4, "content": "", "normalized": true}]),
    ))
    .unwrap();
    file["truncation"] =
        json!({"max_length": 1, "stride": 1, "strategy": "LongestFirst", "direction": "Right"});
    file["decoder"] = json!({"type": "Sequence", "decoders": [{"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": u64::MAX, "stop": 0}]});
    let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
    let ids = tokenizer.encode("  ab", Specials::Allowed).unwrap();
    assert_eq!(ids, [2, 2, 0, 1].map(TokenId));
    assert_eq!(tokenizer.decode(&ids), "ab");
}

#[test]
fn many_equal_signs_are_one_word_that_ends() {
    // tiktoken 15: the stack overflowed.
    for named in NamedTokenizer::ALL {
        let tokenizer = named.tokenizer().unwrap();
        for sign in ["^", "a", " ", "\n", "\u{300}"] {
            let text = sign.repeat(200_000);
            let ids = tokenizer.encode(&text, Specials::Text).unwrap();
            assert_eq!(tokenizer.decode(&ids), text, "{named}, {sign:?}");
        }
    }
}

#[test]
fn many_tokens_beside_a_tokenizer_are_added_in_the_time_of_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("tokenizer.json", with("normalizer", Value::Null));
    let tokens = (3..200_003).map(|id| (format!("<{id}>"), json!(id)));
    write("added_tokens.json", Value::Object(tokens.collect()).to_string());
    let names: Vec<String> = (3..200_003).map(|id| format!("<{id}>")).collect();
    write("special_tokens_map.json", json!({ "additional_special_tokens": names }).to_string());
    let tokenizer = Tokenizer::open(folder.path()).unwrap();
    let ids = tokenizer.encode("a<200002><77>b", Specials::Allowed).unwrap();
    assert_eq!(ids, [0, 200_002, 77, 1].map(TokenId));
}
