//! What others reported of SentencePiece models, unigram models and the older files, each with the right value.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_text::{GgufVocabulary, Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

fn opened(files: &[(&str, &[u8])]) -> lookback_files::Result<Tokenizer> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    Tokenizer::open(folder.path())
}

fn llama_2() -> Vec<u8> {
    let all: Vec<Value> = serde_json::from_str(include_str!("sentence_piece.json")).unwrap();
    let file = all.iter().find(|file| file["name"] == "bpe, as Llama 2").unwrap();
    STANDARD.decode(file["model"].as_str().unwrap()).unwrap()
}

fn pieces(tokenizer: &Tokenizer, text: &str, specials: Specials) -> String {
    let ids = tokenizer.encode(text, specials).unwrap();
    ids.into_iter().map(|id| tokenizer.spelled(id).to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn bytes_stand_for_a_character_where_the_vocabulary_has_those_that_it_needs() {
    // swift-transformers 387, llama.cpp 28862: a line feed became the unknown token; and a character of which one
    // byte is missing is unknown as a whole.
    let vocab = json!([["<unk>", 0], ["a", -1], ["b", -2], ["<0x0A>", -9], ["<0xC3>", -9]]);
    let model = json!({"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": vocab});
    let file = json!({"model": model, "decoder": {"type": "ByteFallback"}}).to_string();
    let tokenizer = Tokenizer::from_json(&file).unwrap();
    assert_eq!(pieces(&tokenizer, "a\nb\n\n", Specials::Text), "a <0x0A> b <0x0A> <0x0A>");
    assert_eq!(pieces(&tokenizer, "aéb", Specials::Text), "a <unk> b");
}

#[test]
fn user_defined_pieces_with_spaces_are_found_before_spaces_are_escaped() {
    // imp 657: Gemma's runs of spaces, which GGUF files keep with spaces, and tokenizer.model with ▁.
    let tokens = ["<unk>", "<s>", "  ", "   ", "<b>", "▁", "a", "▁a", "b"];
    let tokenizer = Tokenizer::from_gguf(&GgufVocabulary {
        model: "llama".to_owned(),
        tokens: tokens.map(str::to_owned).to_vec(),
        scores: Some(vec![0.0, 0.0, 0.0, 0.0, 0.0, -3.0, -4.0, -1.0, -5.0]),
        token_types: Some(vec![2, 3, 4, 4, 4, 1, 1, 1, 1]),
        unk: Some(0),
        add_bos: Some(false),
        add_space_prefix: Some(false),
        ..GgufVocabulary::default()
    })
    .unwrap();
    assert_eq!(pieces(&tokenizer, "a  a   b a<b>a", Specials::Text), "a    a     b ▁a <b> a");
    let tokenizer = opened(&[("tokenizer.model", &llama_2())]).unwrap();
    assert_eq!(pieces(&tokenizer, "a  a", Specials::Text), "<s> ▁a ▁▁ a");
}

#[test]
fn added_tokens_may_name_pieces_that_are_there() {
    // llama.cpp 3585, 3633: OpenOrca lists the first three pieces again, and then its own two.
    let added = json!({"<unk>": 0, "<s>": 1, "</s>": 2, "<|im_start|>": 601, "<|im_end|>": 600})
        .to_string();
    let names =
        json!({"bos_token": "<s>", "eos_token": "<|im_end|>", "unk_token": "<unk>"}).to_string();
    let settings = json!({"tokenizer_class": "LlamaTokenizer", "legacy": true}).to_string();
    let model = llama_2();
    let files: [(&str, &[u8]); 4] = [
        ("tokenizer.model", &model),
        ("added_tokens.json", added.as_bytes()),
        ("special_tokens_map.json", names.as_bytes()),
        ("tokenizer_config.json", settings.as_bytes()),
    ];
    let tokenizer = opened(&files).unwrap();
    assert_eq!((tokenizer.vocabulary(), tokenizer.eos()), (602, Some(TokenId(600))));
    // llama.cpp 7629: a part behind a special token has its space, as transformers' legacy has it.
    let chat = pieces(&tokenizer, "<|im_start|>a<|im_end|>\n", Specials::Allowed);
    assert_eq!(chat, "<s> <|im_start|> ▁a <|im_end|> ▁ <0x0A>");
    assert!(!pieces(&tokenizer, "<|im_end|>", Specials::Text).contains("<|im_end|>"));
}

#[test]
fn the_first_word_has_its_space_and_other_bytes_do_not_come_together() {
    // llama.cpp 167, 66, llama2.c 15: "This" without its space, characters beyond the vocabulary by their bytes.
    let tokenizer = opened(&[("tokenizer.model", &llama_2())]).unwrap();
    assert_eq!(pieces(&tokenizer, "the", Specials::Text), "<s> ▁the");
    let bytes = pieces(&tokenizer, "篇🦙", Specials::Text);
    assert!(bytes.ends_with("<0xE7> <0xAF> <0x87> <0xF0> <0x9F> <0xA6> <0x99>"), "{bytes}");
    let ids = tokenizer.encode_bare("the 篇🦙", Specials::Text).unwrap();
    assert_eq!(tokenizer.decode(&ids), "the 篇🦙");
    // What an id stands for within a text is its piece with the space.
    assert_eq!(tokenizer.bytes_of(tokenizer.id_of("▁the").unwrap()), b" the");
}

#[test]
fn a_piece_that_no_merge_makes_is_taken_as_a_whole_word() {
    // rten 453: some 600 pieces of Llama 3's tokenizer.json; in tiktoken's file the same pieces are ranks.
    let bytes = (0..=255u8).map(|byte| vec![byte]);
    let pieces_ = bytes.chain([b" sou".to_vec(), b" soubor".to_vec()]);
    let ranks: String = pieces_
        .enumerate()
        .map(|(rank, bytes)| format!("{} {rank}\n", STANDARD.encode(bytes)))
        .collect();
    let settings = json!({"tokenizer_class": "ChatGLM4Tokenizer"}).to_string();
    let files: [(&str, &[u8]); 2] =
        [("tokenizer.model", ranks.as_bytes()), ("tokenizer_config.json", settings.as_bytes())];
    let tokenizer = opened(&files).unwrap();
    let ids = |text: &str| tokenizer.encode(text, Specials::Text).unwrap();
    assert_eq!(ids(" soubor"), [TokenId(257)]);
    assert_eq!(ids(" soubory").len(), 8);
}

#[test]
fn a_vocabulary_without_its_merges_is_refused_by_the_file_that_is_missing() {
    // llama.cpp 3732: the model was loaded, and failed where merges were sought.
    let said = opened(&[("vocab.json", b"{\"a\": 0}")]).unwrap_err().to_string();
    assert!(said.contains("merges.txt"), "{said}");
}

#[test]
fn tokens_that_only_the_settings_state_follow_the_vocabulary_of_older_files() {
    // machinelearning 7507: Qwen's vocab.json has none of its special tokens.
    let settings = json!({"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "added_tokens_decoder": {
        "3": {"content": "<|endoftext|>", "special": true}, "4": {"content": "<|im_end|>", "special": true},
        "5": {"content": "<think>", "special": false}}})
    .to_string();
    let files: [(&str, &[u8]); 3] = [
        ("vocab.json", br#"{"a": 0, "b": 1, "ab": 2}"#),
        ("merges.txt", b"#version: 0.2\na b"),
        ("tokenizer_config.json", settings.as_bytes()),
    ];
    let tokenizer = opened(&files).unwrap();
    assert_eq!(tokenizer.eos(), Some(TokenId(4)));
    assert_eq!(
        pieces(&tokenizer, "ab<think>a<|im_end|>", Specials::Allowed),
        "ab <think> a <|im_end|>"
    );
    assert!(tokenizer.encode("<|im_end|>", Specials::Text).is_err());
}

#[test]
fn voiced_kana_that_are_written_apart_are_joined_as_the_models_rules_say() {
    // transformers 15970: tokenizers' Precompiled leaves カ and its mark apart, SentencePiece joins them. The rules of
    // this model join e and its accent.
    let all: Vec<Value> = serde_json::from_str(include_str!("sentence_piece.json")).unwrap();
    let file = all.iter().find(|file| file["name"] == "unigram with rules").unwrap();
    let model = STANDARD.decode(file["model"].as_str().unwrap()).unwrap();
    let tokenizer = opened(&[("tokenizer.model", &model)]).unwrap();
    let ids = |text: &str| tokenizer.encode(text, Specials::Text).unwrap();
    assert_eq!(ids("xe\u{301}\u{301}y"), ids("xé\u{301}y"));
    assert_eq!(ids("the\u{3000}ﬁrst\u{200b}"), ids("the first"));
}

#[test]
fn gemma_4s_spaces_are_escaped_and_its_merges_are_its_own() {
    // llama.cpp 21343, 21500: line feeds are merged as other characters are, and a token begins each text.
    let tokens = ["<pad>", "<bos>", "▁", "a", "▁a", "\n", "\n\n", "<0xC3>", "<0xA9>", "<unk>"];
    let tokenizer = Tokenizer::from_gguf(&GgufVocabulary {
        model: "gemma4".to_owned(),
        tokens: tokens.map(str::to_owned).to_vec(),
        token_types: Some(vec![3, 3, 1, 1, 1, 1, 1, 6, 6, 2]),
        merges: Some(vec!["▁ a".to_owned(), "\n \n".to_owned()]),
        bos: Some(1),
        unk: Some(9),
        ..GgufVocabulary::default()
    })
    .unwrap();
    assert_eq!(pieces(&tokenizer, "a a\n\né", Specials::Text), "<bos> a ▁a \n\n <0xC3> <0xA9>");
}
