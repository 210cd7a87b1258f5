//! The vocabularies that OpenAI published, by name: gpt2, cl100k, o200k.
//!
//! The crate `tiktoken` carries their pieces in the order of their ranks, and nothing else of it is
//! used: how a text is cut stands in `pattern`, the merges are worked out in `bpe::ranked`, and the
//! rest is the tokenizer that reads every other vocabulary. Ids equal those of Python's tiktoken.

use std::{fmt, sync::OnceLock};

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use crate::{
    Tokenizer, added::Added, alphabet, bpe::ranked, pattern, tokenizer::Parts,
    vocabulary::Vocabulary,
};

/// A vocabulary known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedTokenizer {
    /// GPT-2's and GPT-3's, 50,257 tokens; `r50k_base` is another name of it.
    Gpt2,
    /// GPT-3.5's and GPT-4's: tiktoken's `cl100k_base`, 100,277 tokens.
    Cl100k,
    /// GPT-4o's and GPT-5's: tiktoken's `o200k_base`, 200,019 tokens.
    O200k,
}

impl NamedTokenizer {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::Gpt2, Self::Cl100k, Self::O200k];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpt2 => "gpt2",
            Self::Cl100k => "cl100k",
            Self::O200k => "o200k",
        }
    }

    /// The vocabulary of a name, if there is one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|named| named.name() == name)
    }

    /// Its tokenizer. The first call unpacks it, later ones share it.
    pub fn tokenizer(self) -> Result<Tokenizer> {
        static UNPACKED: [OnceLock<Tokenizer>; 3] = [const { OnceLock::new() }; 3];
        let place = &UNPACKED[self as usize];
        if let Some(tokenizer) = place.get() {
            return Ok(tokenizer.clone());
        }
        let tokenizer = self.unpack().map_err(|refusal| refusal.at(self.name()))?;
        Ok(place.get_or_init(|| tokenizer).clone())
    }

    fn unpack(self) -> Result<Tokenizer> {
        let mut vocabulary = Vocabulary::default();
        for (id, bytes) in (0..).zip(self.ranked()?) {
            let spelled: String = bytes.iter().copied().map(alphabet::letter).collect();
            vocabulary.insert(&spelled, id)?;
        }
        ranked::merges(&mut vocabulary)?;
        let added: Vec<Added> = self
            .specials()
            .iter()
            .map(|&(content, id)| Added {
                id,
                content: content.to_owned(),
                special: true,
                ..Added::default()
            })
            .collect();
        // The first of the special tokens ends a text, and as in GPT-2 begins one too.
        let eos = Some(added[0].id);
        Tokenizer::new(Parts {
            vocabulary,
            added,
            pre_tokenizer: self.cuts(),
            decoder: byte_level(true),
            bos: eos,
            eos,
            ..Parts::default()
        })
    }

    /// The bytes of every piece that is not special, by rank, which is its id.
    fn ranked(self) -> Result<Vec<Vec<u8>>> {
        let name = match self {
            Self::Gpt2 => "r50k_base",
            Self::Cl100k => "cl100k_base",
            Self::O200k => "o200k_base",
        };
        let carried = tiktoken::get_encoding(name)
            .ok_or_else(|| Refusal::ours(format!("the vocabulary {name} was not built in")))?;
        Ok((0..carried.vocab_size() as u32).map(|id| carried.decode(&[id])).collect())
    }

    pub(crate) fn specials(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Gpt2 => &[("<|endoftext|>", 50_256)],
            Self::Cl100k => &[
                ("<|endoftext|>", 100_257),
                ("<|fim_prefix|>", 100_258),
                ("<|fim_middle|>", 100_259),
                ("<|fim_suffix|>", 100_260),
                ("<|endofprompt|>", 100_276),
            ],
            Self::O200k => &[("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)],
        }
    }

    /// How a text is cut, in the words of `tokenizer.json`, so that it can be written and read again.
    fn cuts(self) -> Value {
        let regex = match self {
            Self::Gpt2 => return byte_level(true),
            Self::Cl100k => pattern::CL100K,
            Self::O200k => pattern::O200K,
        };
        let split = json!({
            "type": "Split",
            "pattern": {"Regex": regex},
            "behavior": "Isolated",
            "invert": false,
        });
        json!({"type": "Sequence", "pretokenizers": [split, byte_level(false)]})
    }
}

impl fmt::Display for NamedTokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

fn byte_level(use_regex: bool) -> Value {
    json!({
        "type": "ByteLevel",
        "add_prefix_space": false,
        "trim_offsets": true,
        "use_regex": use_regex,
    })
}
