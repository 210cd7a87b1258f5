//! Tokenizers made from texts as they come: byte-level BPE, and one token for each character.

use std::{collections::BTreeSet, time::Instant};

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use crate::{
    Tokenizer,
    added::Added,
    bpe::train::{self, Counts},
    corpus::Chunking,
    tokenizer::Parts,
    vocabulary::Vocabulary,
};

/// Trains a tokenizer on texts of any length, chunk by chunk.
#[derive(Debug)]
pub struct TokenizerTrainer {
    specials: Vec<String>,
    counted: Counted,
}

#[derive(Debug)]
enum Counted {
    Characters(BTreeSet<char>),
    Words { counts: Counts, size: usize },
}

impl TokenizerTrainer {
    /// Of a byte-level BPE of at most `size` tokens: `specials` first, then the 256 bytes, then
    /// merges. The first special token begins and ends texts, and is put around none by itself.
    pub fn bpe(size: usize, specials: &[&str]) -> Result<Self> {
        train::check_size(size, specials.len())?;
        Ok(Self::of(Counted::Words { counts: Counts::new()?, size }, specials))
    }

    /// Of one token for each different character of the texts, in the order of their code points,
    /// after `specials`. Any other character is refused when a text is encoded.
    pub fn characters(specials: &[&str]) -> Self {
        Self::of(Counted::Characters(BTreeSet::new()), specials)
    }

    fn of(counted: Counted, specials: &[&str]) -> Self {
        Self { specials: specials.iter().map(|&special| special.to_owned()).collect(), counted }
    }

    /// How it reads a text: in chunks of about so many bytes.
    pub fn chunking(&self, bytes: usize) -> Chunking {
        match self.counted {
            Counted::Characters(_) => Chunking::Anywhere(bytes),
            Counted::Words { .. } => Chunking::Parts(bytes),
        }
    }

    /// Adds texts, or chunks that begin where no word goes on.
    pub fn add(&mut self, texts: &[&str]) -> Result<()> {
        match &mut self.counted {
            Counted::Characters(characters) => {
                characters.extend(texts.iter().flat_map(|text| text.chars()));
                Ok(())
            }
            Counted::Words { counts, .. } => counts.add(texts),
        }
    }

    /// The tokenizer.
    pub fn finish(self) -> Result<Tokenizer> {
        let specials: Vec<&str> = self.specials.iter().map(String::as_str).collect();
        let characters = match self.counted {
            Counted::Words { counts, size } => {
                let byte_level = json!({
                    "type": "ByteLevel",
                    "add_prefix_space": false,
                    "trim_offsets": true,
                    "use_regex": true,
                });
                let began = Instant::now();
                let vocabulary = train::train(&counts, size, &specials)?;
                let seconds = began.elapsed().as_secs_f64();
                tracing::debug!(tokens = size, seconds, "merges learned");
                return Tokenizer::learned(vocabulary, &specials, byte_level.clone(), byte_level);
            }
            Counted::Characters(characters) => characters,
        };
        if characters.is_empty() {
            return Err(Refusal::user(
                "there is no character in the texts to make tokens of; give more text",
            ));
        }
        let mut vocabulary = Vocabulary::default();
        for special in &specials {
            vocabulary.insert(special, vocabulary.size())?;
        }
        for character in characters {
            vocabulary.insert(character.encode_utf8(&mut [0; 4]), vocabulary.size())?;
        }
        // A BPE without merges: Hugging Face reads it, and gives each character its id.
        Tokenizer::learned(vocabulary, &specials, Value::Null, json!({"type": "Fuse"}))
    }
}

impl Tokenizer {
    /// What a [`TokenizerTrainer`] of a byte-level BPE makes of texts.
    pub fn train_bpe(texts: &[&str], size: usize, specials: &[&str]) -> Result<Self> {
        let mut trainer = TokenizerTrainer::bpe(size, specials)?;
        trainer.add(texts)?;
        trainer.finish()
    }

    /// What a [`TokenizerTrainer`] of characters makes of texts.
    pub fn characters(texts: &[&str], specials: &[&str]) -> Result<Self> {
        let mut trainer = TokenizerTrainer::characters(specials);
        trainer.add(texts)?;
        trainer.finish()
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
            bos: first,
            eos: first,
            ..Parts::default()
        })
    }
}
