//! Added tokens and roles that stand beside a `tokenizer.json`: the ids that transformers 5.24 gives.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::fs;

use lookback_text::{Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

/// A byte-level vocabulary of 256 bytes and four special tokens.
fn tokenizer_json() -> Value {
    let letter = |byte: u32| match byte {
        0..=32 => 256 + byte,
        127..=160 => 289 + byte - 127,
        173 => 323,
        printable => printable,
    };
    let letters = (0..256).map(|byte| char::from_u32(letter(byte)).unwrap().to_string());
    let vocabulary: serde_json::Map<String, Value> =
        letters.zip(0..).map(|(letter, byte)| (letter, json!(byte))).collect();
    let added = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
        .iter()
        .zip(256..)
        .map(|(name, id)| json!({"id": id, "content": name, "special": true, "normalized": false}));
    json!({
        "added_tokens": added.collect::<Vec<_>>(),
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    })
}

/// The tokenizer with these files beside it.
fn open(files: &[(&str, Value)]) -> lookback_files::Result<Tokenizer> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tokenizer.json"), tokenizer_json().to_string()).unwrap();
    for (name, value) in files {
        fs::write(folder.path().join(name), value.to_string()).unwrap();
    }
    Tokenizer::open(folder.path())
}

const SETTINGS: &str = "tokenizer_config.json";
const NAMES: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let ids = tokenizer.encode(text, Specials::Allowed).unwrap();
    ids.into_iter().map(|id| id.0).collect()
}

fn token(content: &str, special: bool) -> Value {
    json!({"content": content, "lstrip": false, "rstrip": false, "normalized": false, "single_word": false, "special": special})
}

#[test]
fn added_tokens_decoder_adds_what_the_tokenizer_lacks() {
    let settings = json!({
        "bos_token": "<s>", "eos_token": "<|eot|>",
        "added_tokens_decoder": {"260": token("<tool>", false), "261": token("<|eot|>", true)},
    });
    let tokenizer = open(&[(SETTINGS, settings)]).unwrap();
    assert_eq!(ids(&tokenizer, "a<tool>b<|eot|>"), [97, 260, 98, 261]);
    let as_text = tokenizer.encode("<tool>b<|eot|>", Specials::Text).unwrap();
    let spelled = [260, 98, 60, 124, 101, 111, 116, 124, 62].map(TokenId);
    assert_eq!(as_text, spelled, "a token that is not special is found in any text");
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(TokenId(256)), Some(TokenId(261))));
    assert_eq!(tokenizer.vocabulary(), 262);
}

#[test]
fn added_tokens_are_numbered_by_the_ids_of_the_file_not_by_their_order_in_it() {
    let settings =
        json!({"added_tokens_decoder": {"261": token("<tool>", false), "260": token("<x>", true)}});
    let tokenizer = open(&[(SETTINGS, settings)]).unwrap();
    assert_eq!(ids(&tokenizer, "a<tool>b<x>"), [97, 261, 98, 260]);
}

#[test]
fn what_is_not_said_of_an_added_token_is_what_transformers_takes() {
    let settings = json!({"added_tokens_decoder": {
        "260": {"content": "<tool>"},
        "261": {"content": "<b>", "special": true},
    }});
    let tokenizer = open(&[(SETTINGS, settings)]).unwrap();
    assert_eq!(ids(&tokenizer, "a <tool> b"), [97, 32, 260, 32, 98]);
    assert_eq!([260, 261].map(|id| tokenizer.is_special(TokenId(id))), [false, true]);
}

#[test]
fn the_later_file_says_how_a_token_is_found() {
    let mut changed = token("<|im_start|>", false);
    (changed["lstrip"], changed["rstrip"]) = (json!(true), json!(true));
    let tokenizer = open(&[(SETTINGS, json!({"added_tokens_decoder": {"258": changed}}))]).unwrap();
    assert_eq!(ids(&tokenizer, "a <|im_start|> b"), [97, 258, 98]);
    assert!(!tokenizer.is_special(TokenId(258)));
}

#[test]
fn an_id_that_transformers_would_change_is_refused_by_name() {
    // Behind a gap, of a piece that has another id, of an id that a piece has.
    for (id, content) in [("262", "<tool>"), ("300", "a"), ("97", "<tool>")] {
        let settings = json!({"added_tokens_decoder": {id: token(content, false)}});
        let refused = open(&[(SETTINGS, settings)]).unwrap_err().to_string();
        let begins =
            format!("the added token {content:?} has the id {id}, but transformers makes it");
        assert!(refused.contains(SETTINGS) && refused.contains(&begins), "{refused}");
    }
}

#[test]
fn added_tokens_json_is_read_where_there_is_no_decoder() {
    let added = json!({"<tool>": 260, "<|eot|>": 261});
    let named =
        open(&[(SETTINGS, json!({"eos_token": "<|eot|>"})), (ADDED, added.clone())]).unwrap();
    assert_eq!(ids(&named, "a<tool>b<|eot|>"), [97, 260, 98, 261]);
    assert_eq!([260, 261].map(|id| named.is_special(TokenId(id))), [false, true]);
    let alone = open(&[(ADDED, added.clone())]).unwrap();
    assert_eq!(ids(&alone, "a<tool>b<|eot|>"), [97, 260, 98, 261]);
    assert!(!alone.is_special(TokenId(261)));
    let decoder = json!({"added_tokens_decoder": {"260": token("<other>", false)}});
    let both = open(&[(SETTINGS, decoder), (ADDED, added)]).unwrap();
    assert_eq!(ids(&both, "<other><tool>")[..2], [260, 60]);
}

#[test]
fn special_tokens_map_names_roles_and_goes_before_the_settings() {
    let names = json!({"eos_token": "</s>", "bos_token": token("<s>", true), "pad_token": "<pad>"});
    let settings = json!({"eos_token": "<s>"});
    let tokenizer = open(&[(SETTINGS, settings), (NAMES, names.clone())]).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(TokenId(256)), Some(TokenId(257))));
    assert_eq!(ids(&tokenizer, "a<pad>b</s>"), [97, 260, 98, 257]);
    let decoder = json!({"added_tokens_decoder": {"260": token("<tool>", false)}});
    let unread = open(&[(SETTINGS, decoder), (NAMES, names)]).unwrap();
    assert_eq!(unread.eos(), None);
}

#[test]
fn a_role_whose_token_is_nowhere_adds_it() {
    let settings =
        json!({"eos_token": "<|new|>", "pad_token": "<pad>", "extra_special_tokens": ["<ex>"]});
    let tokenizer = open(&[(SETTINGS, settings)]).unwrap();
    assert_eq!(ids(&tokenizer, "a<|new|>b<pad><ex>"), [97, 260, 98, 261, 262]);
    assert_eq!(tokenizer.eos(), Some(TokenId(260)));
    // A piece that has a role is special from then on.
    let piece = open(&[(SETTINGS, json!({"eos_token": "e"}))]).unwrap();
    assert_eq!(ids(&piece, "aeb"), [97, 101, 98]);
    assert!(piece.is_special(TokenId(101)));
}

#[test]
fn only_a_template_puts_tokens_around_a_text() {
    let settings = json!({
        "bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "add_eos_token": true,
    });
    let tokenizer = open(&[(SETTINGS, settings)]).unwrap();
    assert_eq!(ids(&tokenizer, "a"), [97]);
}

#[test]
fn files_beside_that_are_broken_are_refused_by_name() {
    for (file, value, says) in [
        (
            SETTINGS,
            json!({"added_tokens_decoder": {"x": token("<a>", false)}}),
            "\"x\", which is no id",
        ),
        (SETTINGS, json!({"added_tokens_decoder": []}), "no object of tokens"),
        (SETTINGS, json!({"added_tokens_decoder": {"260": {}}}), "no text `content`"),
        (SETTINGS, json!([]), "no object of settings"),
        (ADDED, json!({"<a>": "260"}), "has the id \"260\", which is none"),
        (NAMES, json!(7), "no object of settings"),
    ] {
        let refused = open(&[(file, value)]).unwrap_err().to_string();
        assert!(refused.contains(file) && refused.contains(says), "{refused}");
    }
}
