//! `tekken.json`, in which Mistral keeps tokenizers: how texts are cut, a list of pieces, each with its bytes in
//! base64 and its rank, and the special tokens, whose ids come before those of all pieces.
//!
//! ```text
//! {"config": {"pattern": …, "default_vocab_size": 131072, "default_num_special_tokens": 1000, "version": "v3"},
//!  "vocab": [{"rank": 0, "token_bytes": "AA=="}, …], "special_tokens": [{"rank": 0, "token_str": "<unk>"}, …]}
//! ```
//! The id of a piece is its rank and the number of special tokens. A file may have more pieces than its vocabulary
//! takes. Older files name no special tokens; those were the same in all of them.

use std::{collections::HashSet, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_files::{Refusal, Result, quoted_excerpt};
use serde::Deserialize;
use serde_json::json;

use crate::{
    added::Added, alphabet, bpe::ranked, budget, tokenizer::Parts, tokenizer_settings::around,
    vocabulary::Vocabulary,
};

/// Pieces of a file. The largest that are known have 150,000.
const PIECES: usize = 1 << 22;
/// Special tokens of a file. Those that are known have 1,000.
const SPECIALS: u32 = 1 << 16;

/// The first special tokens where a file names none (mistral-common, to its version v7).
const NAMES: [&str; 20] = [
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
];

#[derive(Deserialize)]
struct Tekken {
    config: Settings,
    vocab: Vec<Piece>,
    special_tokens: Option<Vec<Special>>,
}

#[derive(Deserialize)]
struct Settings {
    pattern: String,
    default_vocab_size: u32,
    default_num_special_tokens: u32,
}

#[derive(Deserialize)]
struct Piece {
    rank: u32,
    token_bytes: String,
}

#[derive(Deserialize)]
struct Special {
    rank: u32,
    token_str: String,
    is_control: Option<bool>,
}

/// Whether a file has the name of one.
pub(crate) fn is_named_so(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tekken.json")
}

/// Reads a file.
pub(crate) fn parts(text: &str) -> Result<Parts> {
    let Tekken { config, vocab, special_tokens } = serde_json::from_str(text).map_err(|error| {
        Refusal::user(format!("this is no tekken.json ({error}); fetch it again"))
    })?;
    budget::check(vocab.len(), PIECES, "pieces in its file")?;
    let specials = config.default_num_special_tokens;
    let pieces = config.default_vocab_size.checked_sub(specials);
    let Some(pieces) = pieces.filter(|pieces| *pieces > 0 && specials <= SPECIALS) else {
        return Err(Refusal::user(format!(
            "a vocabulary of {} with {specials} special tokens cannot be",
            config.default_vocab_size
        )));
    };
    let added = added(special_tokens, specials)?;
    let vocabulary = vocabulary(&vocab, pieces, specials)?;
    let split = json!({"type": "Split", "pattern": {"Regex": config.pattern}, "behavior": "Isolated", "invert": false});
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let id = |name: &str| added.iter().find(|token| token.content == name).map(|token| token.id);
    let (bos, eos) = (id("<s>"), id("</s>"));
    let mut parts = Parts {
        vocabulary,
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [split, bytes]}),
        decoder: json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        added,
        bos,
        eos,
        ..Parts::default()
    };
    parts.post_processor = around(&parts, bos, None);
    Ok(parts)
}

/// The special tokens, with those that fill the ids up to the first piece's.
fn added(named: Option<Vec<Special>>, specials: u32) -> Result<Vec<Added>> {
    let usual = || {
        let special = |(rank, name): (u32, &str)| Special {
            rank,
            token_str: name.to_owned(),
            is_control: None,
        };
        (0..specials).zip(NAMES).map(special).collect()
    };
    let named: Vec<Special> = named.unwrap_or_else(usual);
    let mut tokens: Vec<Option<Added>> = Vec::new();
    tokens.resize_with(specials as usize, || None);
    for Special { rank, token_str: content, is_control } in named {
        let Some(place) = tokens.get_mut(rank as usize).filter(|place| place.is_none()) else {
            return Err(Refusal::user(format!(
                "the special token {} cannot have the rank {rank}: another has it, or it is no rank of the {specials} \
                 special tokens",
                quoted_excerpt(&content)
            )));
        };
        let special = is_control.unwrap_or(true);
        *place = Some(Added { id: rank, content, special, ..Added::default() });
    }
    let filled = (0..).zip(tokens).map(|(id, token)| {
        let filler =
            || Added { id, content: format!("<SPECIAL_{id}>"), special: true, ..Added::default() };
        token.unwrap_or_else(filler)
    });
    let filled: Vec<Added> = filled.collect();
    check_names(&filled)?;
    Ok(filled)
}

fn check_names(tokens: &[Added]) -> Result<()> {
    let mut names = HashSet::new();
    for Added { id, content, .. } in tokens {
        if content.is_empty() || !names.insert(content.as_str()) {
            return Err(Refusal::user(format!(
                "the special token {} of rank {id} has no name of its own",
                quoted_excerpt(content)
            )));
        }
    }
    Ok(())
}

/// The pieces that the vocabulary takes, each at its rank behind the special tokens.
fn vocabulary(listed: &[Piece], pieces: u32, specials: u32) -> Result<Vocabulary> {
    let mut vocabulary = Vocabulary::default();
    let mut found = 0;
    for Piece { rank, token_bytes } in listed.iter().filter(|piece| piece.rank < pieces) {
        let bytes = STANDARD.decode(token_bytes).ok().filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| {
            let bytes = quoted_excerpt(token_bytes);
            Refusal::user(format!("the piece of rank {rank}, {bytes}, is not bytes in base64"))
        })?;
        let spelled: String = bytes.into_iter().map(alphabet::letter).collect();
        vocabulary.insert(&spelled, specials + rank)?;
        found += 1;
    }
    if found != pieces {
        return Err(Refusal::user(format!(
            "it has {found} of the {pieces} pieces of its vocabulary; it is probably half downloaded, so fetch it again"
        )));
    }
    ranked::merges(&mut vocabulary)?;
    Ok(vocabulary)
}
