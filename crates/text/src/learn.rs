//! Tokenizers made from texts: byte-level BPE, and one token for each character.

use std::collections::BTreeSet;

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use crate::{Tokenizer, added::Added, bpe::train, tokenizer::Parts, vocabulary::Vocabulary};

impl Tokenizer {
    /// Learns a byte-level BPE of at most `size` tokens: `specials` first, then the 256 bytes, then
    /// merges. The first special token begins and ends texts, and is put around none by itself.
    pub fn train_bpe(texts: &[&str], size: usize, specials: &[&str]) -> Result<Self> {
        let byte_level = json!({
            "type": "ByteLevel",
            "add_prefix_space": false,
            "trim_offsets": true,
            "use_regex": true,
        });
        let vocabulary = train::train(texts, size, specials)?;
        Self::learned(vocabulary, specials, byte_level.clone(), byte_level)
    }

    /// One token for each different character of the texts, in the order of their code points,
    /// after `specials`. Any other character is refused when a text is encoded.
    pub fn characters(texts: &[&str], specials: &[&str]) -> Result<Self> {
        let characters: BTreeSet<char> = texts.iter().flat_map(|text| text.chars()).collect();
        if characters.is_empty() {
            return Err(Refusal::user(
                "there is no character in the texts to make tokens of; give more text",
            ));
        }
        let mut vocabulary = Vocabulary::default();
        for special in specials {
            vocabulary.insert(special, vocabulary.size())?;
        }
        for character in characters {
            vocabulary.insert(character.encode_utf8(&mut [0; 4]), vocabulary.size())?;
        }
        // A BPE without merges: Hugging Face reads it, and gives each character its id.
        Self::learned(vocabulary, specials, Value::Null, json!({"type": "Fuse"}))
    }

    fn learned(
        vocabulary: Vocabulary,
        specials: &[&str],
        pre_tokenizer: Value,
        decoder: Value,
    ) -> Result<Self> {
        let special = |(special, id): (&&str, u32)| Added {
            id,
            content: (*special).to_owned(),
            special: true,
            ..Added::default()
        };
        let first = specials.first().map(|_| 0);
        Self::new(Parts {
            vocabulary,
            added: specials.iter().zip(0..).map(special).collect(),
            pre_tokenizer,
            decoder,
            beginning: first,
            end: first,
            ..Parts::default()
        })
    }
}
