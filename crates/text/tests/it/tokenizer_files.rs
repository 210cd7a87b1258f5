//! Tokenizers that are not kept in a `tokenizer.json`: `vocab.json` with `merges.txt`, and tiktoken's files.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_text::{NamedTokenizer, Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

const TEXTS: &[&str] = &[
    "",
    "the bird's red, isn't it? IT'S we'LL",
    " x  \n \n\ta",
    "1 22 333 4444",
    "日本語 e\u{301} 🦊",
    "<|endoftext|><s>x",
];

fn opened(files: &[(&str, String)]) -> lookback_files::Result<Tokenizer> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    Tokenizer::open(folder.path())
}

fn refused(files: &[(&str, String)]) -> String {
    let said = opened(files).unwrap_err().to_string();
    assert!(!said.contains('\n') && said.len() < 700, "{said}");
    said
}

/// GPT-2's vocabulary as its first files had it: `vocab.json`, `merges.txt`.
fn gpt2() -> [(&'static str, String); 2] {
    let written: Value =
        serde_json::from_str(&NamedTokenizer::Gpt2.tokenizer().unwrap().to_json()).unwrap();
    let mut vocab = written["model"]["vocab"].clone();
    vocab["<|endoftext|>"] = json!(50_256);
    let merges: Vec<String> = written["model"]["merges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{} {}\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    [
        ("vocab.json", vocab.to_string()),
        ("merges.txt", format!("#version: 0.2\n{}", merges.concat())),
    ]
}

#[test]
fn vocab_json_and_merges_txt_give_gpt2s_ids() {
    let [vocab, merges] = gpt2();
    let named = NamedTokenizer::Gpt2.tokenizer().unwrap();
    let windows = ("merges.txt", merges.1.replace('\n', "\r\n"));
    for merges in [merges, windows] {
        let tokenizer = opened(&[vocab.clone(), merges]).unwrap();
        assert_eq!((tokenizer.eos(), tokenizer.vocabulary()), (named.eos(), 50_257));
        for text in TEXTS {
            for specials in [Specials::Allowed, Specials::Text] {
                let [one, other] =
                    [&tokenizer, &named].map(|tokenizer| tokenizer.encode(text, specials).unwrap());
                assert_eq!(one, other, "{text:?}");
                assert_eq!(tokenizer.decode(&one), *text);
            }
        }
    }
}

#[test]
fn the_class_beside_a_vocabulary_says_how_texts_are_cut_and_what_is_put_around() {
    let [vocab, merges] = gpt2();
    let pieces = |settings: Value, text: &str| {
        let settings = ("tokenizer_config.json", settings.to_string());
        let tokenizer = opened(&[vocab.clone(), merges.clone(), settings]).unwrap();
        let ids = tokenizer.encode(text, Specials::Text).unwrap();
        ids.into_iter().map(|id| tokenizer.piece(id)).collect::<Vec<_>>().join("|")
    };
    let class = |name: &str| json!({ "tokenizer_class": name });
    assert_eq!(pieces(class("GPT2TokenizerFast"), " 2023 a"), " 20|23| a");
    assert_eq!(pieces(class("Qwen2Tokenizer"), " 2023 a"), " |2|0|2|3| a");
    assert_eq!(pieces(class("Qwen2Tokenizer"), "e\u{301}"), pieces(class("GPT2Tokenizer"), "é"));
    assert_eq!(pieces(class("GPTNeoXTokenizer"), "e\u{301}"), pieces(class("GPT2Tokenizer"), "é"));
    // OPT: GPT-2's class, and a token before each text.
    let opt =
        json!({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": "</s>"});
    let settings = ("tokenizer_config.json", opt.to_string());
    let tokenizer = opened(&[vocab.clone(), merges.clone(), settings]).unwrap();
    assert_eq!(tokenizer.encode("a", Specials::Text).unwrap(), [TokenId(50_257), TokenId(64)]);
    assert_eq!(pieces(json!({"add_prefix_space": true}), "a"), " a");
    let said = refused(&[
        vocab.clone(),
        merges.clone(),
        ("tokenizer_config.json", class("CLIPTokenizer").to_string()),
    ]);
    assert!(said.contains("how the class CLIPTokenizer cuts texts is not understood"), "{said}");
}

#[test]
fn broken_vocabulary_files_are_refused_by_their_names_and_lines() {
    let vocab = ("vocab.json", r#"{"a": 0, "b": 1, "ab": 2}"#.to_owned());
    let merges = |text: &str| ("merges.txt", text.to_owned());
    assert!(refused(std::slice::from_ref(&vocab)).contains("merges.txt"));
    let said = refused(&[vocab.clone(), merges("#version: 0.2\na b\na c\n")]);
    assert!(said.contains("merges.txt: line 3: merge 1: \"c\" is not in the vocabulary"), "{said}");
    let said = refused(&[vocab.clone(), merges("a b c\n")]);
    assert!(said.contains("merges.txt: line 1: the merge \"a b c\" is not two pieces"), "{said}");
    let said = refused(&[("vocab.json", "{".to_owned()), merges("")]);
    assert!(said.contains("vocab.json: this is no JSON"), "{said}");
    let said = refused(&[("vocab.json", "[]".to_owned()), merges("")]);
    assert!(said.contains("vocab.json: the vocabulary cannot be read"), "{said}");
    let tokenizer = opened(&[vocab, merges("a b")]).unwrap();
    assert_eq!(tokenizer.encode("ab", Specials::Text).unwrap(), [TokenId(2)]);
}

/// A named vocabulary as tiktoken keeps it.
fn ranks(named: NamedTokenizer) -> String {
    let tokenizer = named.tokenizer().unwrap();
    let pieces = (0..tokenizer.vocabulary() as u32).map(TokenId);
    let known =
        pieces.filter(|&id| !tokenizer.is_special(id) && !tokenizer.bytes_of(id).is_empty());
    known.map(|id| format!("{} {}\n", STANDARD.encode(tokenizer.bytes_of(id)), id.0)).collect()
}

#[test]
fn a_tiktoken_file_gives_the_ids_of_its_vocabulary() {
    let of = [
        (NamedTokenizer::Gpt2, "r50k_base.tiktoken"),
        (NamedTokenizer::O200k, "o200k_base.tiktoken"),
    ];
    for (named, name) in of {
        let tokenizer = opened(&[(name, ranks(named))]).unwrap();
        let named = named.tokenizer().unwrap();
        assert_eq!((tokenizer.vocabulary(), tokenizer.eos()), (named.vocabulary(), named.eos()));
        for text in TEXTS {
            let [one, other] = [&tokenizer, &named]
                .map(|tokenizer| tokenizer.encode(text, Specials::Allowed).unwrap());
            assert_eq!(one, other, "{text:?}");
        }
    }
}

/// A vocabulary of so many pieces: the bytes, and numbers of more and more digits.
fn many(pieces: usize) -> String {
    let bytes = (0..=255u8).map(|byte| vec![byte]);
    let numbers = (10..).map(|number: u32| number.to_string().into_bytes());
    let all = bytes.chain(numbers).take(pieces).enumerate();
    all.map(|(rank, bytes)| format!("{} {rank}\n", STANDARD.encode(bytes))).collect()
}

#[test]
fn llama_3s_and_qwens_first_files_have_their_special_tokens() {
    let config = ("config.json", json!({"model_type": "llama"}).to_string());
    let tokenizer = opened(&[("tokenizer.model", many(128_000)), config]).unwrap();
    assert_eq!(tokenizer.vocabulary(), 128_256);
    let encoded = tokenizer.encode("<|eot_id|>1234", Specials::Allowed).unwrap();
    // Digits by threes; before each text its first special token.
    assert_eq!(encoded[..2], [TokenId(128_000), TokenId(128_009)]);
    assert_eq!(tokenizer.bytes_of(encoded[2]), b"123");
    assert_eq!(tokenizer.eos(), tokenizer.id_of("<|end_of_text|>"));
    let special = |name: &str| tokenizer.id_of(name).unwrap().0;
    assert_eq!(special("<|start_header_id|>"), 128_006);
    assert_eq!(special("<|reserved_special_token_250|>"), 128_255);

    // Llama 3.1 gave names to some of those.
    let stated = json!({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|eom_id|>", "added_tokens_decoder":
        {"128008": {"content": "<|eom_id|>", "special": true}}});
    let config = ("config.json", json!({"model_type": "llama"}).to_string());
    let files =
        [("tokenizer.model", many(128_000)), config, ("tokenizer_config.json", stated.to_string())];
    let tokenizer = opened(&files).unwrap();
    assert_eq!(tokenizer.eos(), Some(TokenId(128_008)));
    assert_eq!(
        (tokenizer.vocabulary(), tokenizer.id_of("<|reserved_special_token_4|>")),
        (128_256, None)
    );

    let tokenizer = opened(&[("qwen.tiktoken", many(151_643))]).unwrap();
    assert_eq!(tokenizer.id_of("<|im_end|>"), Some(TokenId(151_645)));
    assert_eq!(tokenizer.vocabulary(), 151_851);
    assert_eq!(tokenizer.encode("12", Specials::Text).unwrap(), [TokenId(49), TokenId(50)]);
}

#[test]
fn tokens_of_kimi_stand_at_their_ids_and_those_between_are_reserved() {
    let stated = json!({"tokenizer_class": "TikTokenTokenizer", "bos_token": "[BOS]", "eos_token": "[EOS]",
        "added_tokens_decoder": {"1000": {"content": "[BOS]", "special": true}, "1007": {"content": "<|im_user|>", "special": true}}});
    let files = [("tiktoken.model", many(1000)), ("tokenizer_config.json", stated.to_string())];
    let tokenizer = opened(&files).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.vocabulary()), (Some(TokenId(1000)), 1258 + 1));
    assert_eq!(tokenizer.id_of("<|im_user|>"), Some(TokenId(1007)));
    assert_eq!(tokenizer.id_of("<|reserved_token_1006|>"), Some(TokenId(1006)));
}

#[test]
fn tiktoken_files_that_are_not_understood_or_cut_short_are_refused() {
    let class =
        |name: &str| ("tokenizer_config.json", json!({ "tokenizer_class": name }).to_string());
    let said = refused(&[("hy.tiktoken", many(300)), class("HYTokenizer")]);
    assert!(
        said.contains("the class HYTokenizer of its tokenizer_config.json does not say how"),
        "{said}"
    );
    let said = refused(&[("cl100k_base.tiktoken", many(300)), class("Phi3SmallTokenizer")]);
    assert!(said.contains("Phi3SmallTokenizer"), "{said}");
    let said = refused(&[
        ("tokenizer.model", many(300)),
        ("config.json", json!({"model_type": "x"}).to_string()),
    ]);
    assert!(said.contains("the model type x does not say"), "{said}");
    assert!(
        refused(&[("tokenizer.model", many(300))])
            .contains("its name, and no file beside it, does not")
    );
    let said = refused(&[("qwen.tiktoken", many(151_642))]);
    assert!(
        said.contains("it has 151642 pieces, and the vocabulary that it is has 151643"),
        "{said}"
    );
    let text = many(151_643);
    let said = refused(&[("qwen.tiktoken", text[..text.len() - 8].to_owned())]);
    assert!(said.contains("line 151643") || said.contains("it has 151642"), "{said}");
    for (text, says) in [
        ("IQ== 0\nIg== x\n", "line 2, \"Ig== x\", is not a piece in base64 and its rank"),
        ("IQ== 0\nIg= 1\n", "line 2"),
        ("IQ== 0\nIQ== 1\n", "line 2: the piece \"!\" has two ids, 0 and 1"),
        ("IQ== 0\nIg== 0\n", "line 2: the pieces \"!\" and \"\\\"\" share the id 0"),
        ("IQ== 0\nIg== 4000000000\n", "line 2 has the impossible rank 4000000000"),
        ("IQ== 0\nISI= 1\n", "is itself no piece"),
    ] {
        let said = refused(&[("qwen.tiktoken", text.to_owned())]);
        assert!(said.contains(says), "{said}\nshould say: {says}");
    }
}

/// A small file of Mistral's: its pattern, 24 special tokens, and three pieces more than its vocabulary takes.
fn tekken(specials: Value) -> Value {
    let pattern = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let longer = [
        "th", "er", " t", " th", "the", " the", "bird", " bi", "rd", " bird", "in", "ing", "\n\n",
        "12", "isn", "é", "日本",
    ];
    let bytes = (0..=255u8).map(|byte| vec![byte]);
    let pieces: Vec<Vec<u8>> = bytes.chain(longer.map(|piece| piece.as_bytes().to_vec())).collect();
    let vocab: Vec<Value> = pieces
        .iter()
        .enumerate()
        .map(|(rank, bytes)| json!({"rank": rank, "token_bytes": STANDARD.encode(bytes), "token_str": null}))
        .collect();
    json!({
        "config": {"pattern": pattern, "num_vocab_tokens": pieces.len(), "default_vocab_size": pieces.len() - 3 + 24,
            "default_num_special_tokens": 24, "version": "v3"},
        "vocab": vocab,
        "special_tokens": specials,
    })
}

/// The ids of mistral-common 1.8, of this file.
#[test]
fn mistrals_file_gives_the_ids_of_its_own_program() {
    let tokenizer = opened(&[("tekken.json", tekken(Value::Null).to_string())]).unwrap();
    let ids = |text: &str, specials| -> Vec<u32> {
        tokenizer.encode(text, specials).unwrap().iter().map(|id| id.0).collect()
    };
    let expected = [
        1, 284, 56, 122, 129, 288, 291, 56, 129, 139, 134, 63, 140, 56, 73, 74, 292, 56, 219, 193,
        254, 175, 189, 254, 180, 196,
    ];
    assert_eq!(ids("the birding isn't 12\n\n é日本", Specials::Allowed), expected);
    assert_eq!(ids("[INST] the", Specials::Text), [1, 115, 97, 102, 107, 108, 117, 285]);
    assert_eq!(ids("[INST] the", Specials::Allowed), [1, 3, 285]);
    assert_eq!((tokenizer.vocabulary(), tokenizer.eos()), (294, Some(TokenId(2))));
    assert_eq!(tokenizer.id_of("<SPECIAL_23>"), Some(TokenId(23)));

    // Newer files name their special tokens, in any order, and not all of them are for control.
    let named = json!([{"rank": 1, "token_str": "<s>", "is_control": true},
        {"rank": 0, "token_str": "<unk>"}, {"rank": 5, "token_str": "[THINK]", "is_control": false}]);
    let tokenizer = opened(&[("tekken.json", tekken(named).to_string())]).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(TokenId(1)), None));
    assert_eq!(tokenizer.id_of("[THINK]"), Some(TokenId(5)));
    assert!(tokenizer.is_special(TokenId(4)) && !tokenizer.is_special(TokenId(5)));
}

#[test]
fn files_of_mistral_that_are_cut_short_or_do_not_fit_are_refused() {
    let refused = |change: &dyn Fn(&mut Value), says: &str| {
        let mut file = tekken(Value::Null);
        change(&mut file);
        let said = refused(&[("tekken.json", file.to_string())]);
        assert!(said.contains(says), "{said}\nshould say: {says}");
    };
    refused(&|file| file["vocab"] = json!([]), "it has 0 of the 270 pieces of its vocabulary");
    refused(&|file| file["config"]["default_vocab_size"] = json!(23), "a vocabulary of 23 with 24");
    refused(&|file| file["vocab"][7]["token_bytes"] = json!("?"), "rank 7, \"?\", is not bytes");
    refused(&|file| file["vocab"][7]["rank"] = json!(6), "share the id 30");
    refused(&|file| file["config"]["pattern"] = json!("("), "tekken.json: ");
    let twice = json!([{"rank": 1, "token_str": "a"}, {"rank": 1, "token_str": "b"}]);
    refused(&|file| file["special_tokens"] = twice.clone(), "\"b\" cannot have the rank 1");
    let filler = json!([{"rank": 1, "token_str": "<SPECIAL_2>"}]);
    refused(&|file| file["special_tokens"] = filler.clone(), "of rank 2 has no name of its own");
    let said = refused_text("{\"config\": {");
    assert!(said.contains("this is no tekken.json"), "{said}");
}

fn refused_text(text: &str) -> String {
    refused(&[("tekken.json", text.to_owned())])
}
