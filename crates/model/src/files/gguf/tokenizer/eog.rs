//! Which tokens end an answer: those that keys of the metadata name, then control tokens known by name.
//!
//! The keys and the names are llama.cpp's (`llama-vocab.cpp`), because files are made to run there: many
//! name `<|endoftext|>` as their end and close each turn with `<|im_end|>`.

use lookback_files::Result;
use lookback_text::TokenId;

use super::GgufTokenizer;

/// Tokens that end an answer wherever they are found.
const ENDS: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
];

/// Tokens for filling in the middle of a text, by the keys that may name them; some end an answer.
const FILL_IN_MIDDLE: &[(&[&str], &[&str], bool)] = &[
    (
        &["fim_pre_token_id", "prefix_token_id"],
        &[
            "<|fim_prefix|>",
            "<fim-prefix>",
            "<fim_prefix>",
            "<｜fim▁begin｜>",
            "<PRE>",
            "▁<PRE>",
            "<|code_prefix|>",
            "<|prefix|>",
        ],
        false,
    ),
    (
        &["fim_suf_token_id", "suffix_token_id"],
        &[
            "<|fim_suffix|>",
            "<fim-suffix>",
            "<fim_suffix>",
            "<｜fim▁hole｜>",
            "<SUF>",
            "▁<SUF>",
            "<|code_suffix|>",
            "<|suffix|>",
        ],
        false,
    ),
    (
        &["fim_mid_token_id", "middle_token_id"],
        &[
            "<|fim_middle|>",
            "<fim-middle>",
            "<fim_middle>",
            "<｜fim▁end｜>",
            "<MID>",
            "▁<MID>",
            "<|code_middle|>",
            "<|middle|>",
        ],
        false,
    ),
    (&["fim_pad_token_id"], &["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"], true),
    (
        &["fim_rep_token_id"],
        &["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
        true,
    ),
    (&["fim_sep_token_id"], &["<|file_sep|>"], true),
];

/// Where one of these is an end, `<|end|>` only ends a part of an answer.
const PARTS: [[&[&str]; 2]; 2] =
    [[&["<|return|>"], &["<|call|>", "<|calls|>"]], [&["<|flush|>"], &["<|call|>", "<|calls|>"]]];

const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const NORMAL: i32 = 1;

/// What the keys name.
pub(super) struct Keys {
    end_of_turn: Option<TokenId>,
    end_of_message: Option<TokenId>,
    /// As [`FILL_IN_MIDDLE`] has them.
    fill_in_middle: Vec<Option<TokenId>>,
}

impl Keys {
    /// Reads them by what stands behind `tokenizer.ggml.`.
    pub(super) fn read(id: &mut dyn FnMut(&str) -> Result<Option<TokenId>>) -> Result<Self> {
        let mut fill_in_middle = Vec::new();
        for (keys, ..) in FILL_IN_MIDDLE {
            let mut named = None;
            for key in *keys {
                named = id(key)?.or(named);
            }
            fill_in_middle.push(named);
        }
        let (end_of_turn, end_of_message) = (id("eot_token_id")?, id("eom_token_id")?);
        Ok(Self { end_of_turn, end_of_message, fill_in_middle })
    }
}

/// Finds the ends, and makes control tokens of those that are known by name.
pub(super) fn find(tokenizer: &mut GgufTokenizer, keys: &Keys) {
    let mut known: Vec<TokenId> = by_name(tokenizer, ENDS);
    let mut eog = known.clone();
    for ((_, names, is_end), key) in FILL_IN_MIDDLE.iter().zip(&keys.fill_in_middle) {
        let named = by_name(tokenizer, names).into_iter().next();
        known.extend(named.filter(|_| key.is_none()));
        eog.extend(key.or(named).filter(|_| *is_end));
    }
    override_types(tokenizer, &known);
    let named = [tokenizer.eos, keys.end_of_turn, keys.end_of_message];
    eog.extend(named.into_iter().flatten());
    eog.sort_unstable();
    eog.dedup();
    leave_out_parts(tokenizer, &mut eog);
    // Where one eos is needed, the first is taken.
    if let Some(at) = eog.iter().position(|id| Some(*id) == tokenizer.eos) {
        eog[..=at].rotate_right(1);
    }
    tokenizer.eog = eog;
}

/// The ends of a tokenizer that neither `eos` is nor a name tells: keys of their own name the first two.
pub(in crate::files::gguf) fn unnamed(tokenizer: &GgufTokenizer) -> Vec<TokenId> {
    let of_middle = FILL_IN_MIDDLE.iter().filter(|(_, _, is_end)| *is_end);
    let named: Vec<&str> = ENDS
        .iter()
        .copied()
        .chain(of_middle.flat_map(|(_, names, _)| names.iter().copied()))
        .collect();
    let is_named = |id: &TokenId| {
        let name = tokenizer.tokens.get(id.index());
        name.is_some_and(|name| named.contains(&name.as_str()))
    };
    let is_other = |id: &TokenId| Some(*id) != tokenizer.eos && !is_named(id);
    tokenizer.eog.iter().copied().filter(is_other).collect()
}

/// Tokens of these names, by id.
fn by_name(tokenizer: &GgufTokenizer, names: &[&str]) -> Vec<TokenId> {
    let tokens = (0..).map(TokenId).zip(&tokenizer.tokens);
    tokens.filter(|(_, token)| names.contains(&token.as_str())).map(|(id, _)| id).collect()
}

/// A token of such a name is structure, whatever type its file gives it.
fn override_types(tokenizer: &mut GgufTokenizer, known: &[TokenId]) {
    let mut overridden = Vec::new();
    for id in known {
        if tokenizer.token_types.get(id.index()) != Some(&CONTROL) {
            set_type(tokenizer, *id, CONTROL);
            overridden.push(format!("{:?} ({id})", tokenizer.tokens[id.index()]));
        }
    }
    if !overridden.is_empty() {
        overridden.sort_unstable();
        overridden.dedup();
        tokenizer.remarks.push(format!(
            "{} is taken for a control token, as its name says and its type does not",
            overridden.join(", ")
        ));
    }
}

fn set_type(tokenizer: &mut GgufTokenizer, id: TokenId, kind: i32) {
    if tokenizer.token_types.is_empty() {
        tokenizer.token_types = vec![NORMAL; tokenizer.tokens.len()];
    }
    tokenizer.token_types[id.index()] = kind;
}

/// Names that end an answer only where others do not.
fn leave_out_parts(tokenizer: &mut GgufTokenizer, eog: &mut Vec<TokenId>) {
    let has = |names: &[&str]| by_name(tokenizer, names).iter().any(|id| eog.contains(id));
    let is_in_parts = PARTS.iter().any(|both| both.iter().all(|names| has(names)));
    let calls_tools = has(&["<|tool_response>"]);
    for (applies, name, kind) in
        [(is_in_parts, "<|end|>", USER_DEFINED), (calls_tools, "</s>", NORMAL)]
    {
        for id in by_name(tokenizer, &[name]).into_iter().filter(|_| applies) {
            eog.retain(|end| *end != id);
            set_type(tokenizer, id, kind);
            tokenizer.remarks.push(format!("{name:?} ends no answer here, since other tokens do"));
        }
    }
}
