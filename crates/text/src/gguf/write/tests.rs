//! Tokenizers as GGUF files have them: the ids stay, and what a file cannot say is refused.

use serde_json::json;

use super::*;

/// What was written, with the ids of a text there and here.
fn round_trip(tokenizer: &Tokenizer, rows: usize, text: &str) -> GgufVocabulary {
    let written = tokenizer.to_gguf(rows).unwrap();
    let other = Tokenizer::from_gguf(&written).unwrap();
    let ids = |tokenizer: &Tokenizer| tokenizer.encode(text, Specials::Allowed).unwrap();
    assert_eq!(ids(&other), ids(tokenizer));
    assert_eq!(other.decode(&ids(&other)), tokenizer.decode(&ids(tokenizer)));
    assert_eq!((other.bos(), other.eos()), (tokenizer.bos(), tokenizer.eos()));
    written
}

#[test]
fn a_byte_level_bpe_keeps_its_merges_and_the_name_of_its_words() {
    let text = "the bird is red. the red bird sings. 123 birds<|endoftext|>sing";
    let tokenizer = Tokenizer::train_bpe(&[text], 280, &["<|endoftext|>"]).unwrap();
    let written = round_trip(&tokenizer, 283, text);
    assert_eq!((&*written.model, written.pre.as_deref()), ("gpt2", Some("gpt-2")));
    assert_eq!(written.merges.map(|merges| merges.len()), Some(tokenizer.merges()));
    // A table may have more rows than there are tokens.
    assert_eq!(written.tokens.len(), 283);
    let types = written.token_types.unwrap();
    assert_eq!((written.tokens[282].as_str(), types[282]), ("[PAD282]", UNUSED));
    assert_eq!((types[0], types[1]), (CONTROL, NORMAL));
}

#[test]
fn every_way_of_cutting_words_is_found_by_its_own_words() {
    let (mut seen, mut same) = (Vec::new(), Vec::new());
    for name in NAMES {
        let pre = pre::Pre::of(Some(name)).unwrap();
        let own = (
            words(&Splitter::read(&pre.pre_tokenizer).unwrap()).unwrap(),
            pre.normalizer.is_null(),
            pre.ignore_merges,
        );
        if let Some(at) = seen.iter().position(|other| *other == own) {
            same.push((*name, NAMES[at]));
        }
        seen.push(own);
    }
    assert!(same.is_empty(), "{same:?}");
}

#[test]
fn characters_are_spelled_so_that_each_stays_one_token() {
    for text in ["the bird\nis red", "der Vögel Lied\nist schön"] {
        let tokenizer = Tokenizer::characters(&[text], &["<|endoftext|>"]).unwrap();
        let written = round_trip(&tokenizer, tokenizer.vocabulary(), text);
        let model = if text.is_ascii() { "gpt2" } else { "llama" };
        assert_eq!(written.model, model);
    }
    let taken = Tokenizer::characters(&["ö ▁"], &["<|endoftext|>"]).unwrap();
    let said = taken.to_gguf(taken.vocabulary()).unwrap_err().to_string();
    assert!(said.contains("▁"), "{said}");
}

/// SentencePiece's spelling with merges, as files of Llama 2 have it.
fn spelled(change: impl FnOnce(&mut Value)) -> Tokenizer {
    let mut vocab = serde_json::Map::new();
    let bytes = (0..256).map(|byte| format!("<0x{byte:02X}>"));
    let pieces = ["<unk>", "<s>", "</s>"].map(str::to_owned).into_iter().chain(bytes);
    let others = ["▁", "b", "i", "r", "d", "ir", "▁b", "bir", "▁bir", "bird", "▁bird"];
    for (id, piece) in pieces.chain(others.map(str::to_owned)).enumerate() {
        vocab.insert(piece, json!(id));
    }
    let special = |id: u32, content: &str| json!({"id": id, "content": content, "special": true, "normalized": false});
    let mut file = json!({
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": null,
        "post_processor": crate::template::write(Some(("<s>", 1)), None),
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {
            "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "vocab": vocab,
            "merges": [["i", "r"], ["▁", "b"], ["b", "ir"], ["▁", "bir"], ["▁b", "ir"],
                ["bir", "d"], ["▁bir", "d"], ["▁", "bird"]],
        },
    });
    change(&mut file);
    Tokenizer::from_json(&file.to_string()).unwrap()
}

#[test]
fn merges_become_scores_in_their_order() {
    let tokenizer = spelled(|_| {});
    let rows = tokenizer.vocabulary();
    let written = round_trip(&tokenizer, rows, "bird  birds\nbi rd é");
    assert_eq!((&*written.model, written.add_space_prefix), ("llama", Some(true)));
    let scores = written.scores.unwrap();
    let of = |piece: &str| scores[tokenizer.id_of(piece).unwrap().index()];
    let order = ["ir", "▁b", "bir", "▁bir", "bird", "▁bird"].map(of);
    assert_eq!(order, [-0.0, -1.0, -2.0, -3.0, -4.0, -5.0]);
    assert_eq!(written.add_bos, Some(true));

    let without = spelled(|file| {
        file["normalizer"] = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        file["decoder"]["decoders"].as_array_mut().unwrap().pop();
    });
    let written = round_trip(&without, rows, "bird  birds\nbi rd é");
    assert_eq!(written.add_space_prefix, Some(false));
}

#[test]
fn what_a_file_has_no_words_for_is_refused() {
    let refused = |tokenizer: Tokenizer| {
        let said = tokenizer.to_gguf(tokenizer.vocabulary()).unwrap_err().to_string();
        assert!(said.starts_with("a GGUF file has no words for this tokenizer: "), "{said}");
        said
    };
    let twice = spelled(|file| {
        let before = [("<s>".to_owned(), 1), ("</s>".to_owned(), 2)];
        file["post_processor"] = crate::template::write_all(&before, &[]);
    });
    assert!(refused(twice).contains("before texts"));
    let unigram = spelled(|file| {
        file["model"] = json!({"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0], ["b", -1.0]]});
        file["post_processor"] = Value::Null;
    });
    assert!(refused(unigram).contains("Unigram"));
    let cut = spelled(|file| {
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
        ]});
        file["normalizer"] = Value::Null;
        file["model"]["byte_fallback"] = json!(false);
    });
    assert!(refused(cut).contains("cuts words"));
    let lower = spelled(|file| {
        file["normalizer"]["normalizers"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!({"type": "Lowercase"}));
        file["model"]["vocab"]["B"] = json!(270);
    });
    assert!(refused(lower).contains("ids would be others"));
}
