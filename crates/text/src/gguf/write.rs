//! A tokenizer in the words of a GGUF file's metadata: the inverse of [`Tokenizer::from_gguf`].
//!
//! A file only names how words are cut, so the name whose words are the same is looked for. Of SentencePiece's spelling it
//! keeps scores in place of merges; where merges are given, scores in their order. Whether the ids are the same is tried
//! at the end on texts of many scripts; where they are not, the tokenizer is refused.

use std::collections::HashMap;

use lookback_files::{Refusal, Result, quoted_excerpt};
use serde_json::Value;

use super::{BYTE, CONTROL, GgufVocabulary, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, pre};
use crate::{
    Specials, TokenId, Tokenizer, alphabet, budget::Budget, split::Splitter, template::Template,
    vocabulary::Vocabulary,
};

/// Texts by which cuts and ids are compared: letters and digits of several scripts and cases, marks, signs, white space
/// in all lengths, contractions, code.
const TEXTS: &[&str] = &[
    "the bird's song, isn't it? IT'S we'LL 'tis O'Neill's don\u{2019}t",
    " the  bird\tis\r\nred \n\n  x\n \n\n\n   \t\t end ",
    "1 12 123 1234 12345.67 1,234,567 x1y \u{bd} \u{663}\u{664}\u{665} \u{2167}\u{b2} 3.14e-10 0xff",
    "fooBar FooBAR foo_bar ABCdef \u{1c5}a \u{df}\u{1e9e} \u{130}i \u{1bb}\u{1bc} \u{3a9}\u{3c9} \u{10400}\u{10428}",
    "日本語テキスト、한국어 텍스트。中文，今天。ㄅㄆ “a” —… “quoted” «so»",
    "e\u{301} a\u{308}b é ä नमस्ते สวัสดี שָׁלוֹם مرحبا मैं১২ Привет, мир! Ελληνικά",
    "<p>a+b=$5~`^|</p> #!x @y (z) [w] {v} \"q\"; //\n/* c */\r\n\r\nif (a->b[i] != c) { return &d; }",
    "🙂🙃 👩‍👩‍👧 x🙂y !!! ??? ... --- ___ $$$ a\u{a0}b\u{3000}c\u{200b}d",
];

/// Names of pre-tokenizers, one for each way of cutting, the usual first.
const NAMES: &[&str] = &[
    "gpt-2",
    "smollm",
    "llama-bpe",
    "qwen2",
    "olmo",
    "command-r",
    "stablelm2",
    "dbrx",
    "gpt-4o",
    "tekken",
    "falcon",
    "bloom",
    "viking",
    "deepseek-llm",
    "deepseek-coder",
    "deepseek-v3",
    "qwen35",
    "youtu",
    "tiny_aya",
    "jais-2",
    "exaone-moe",
    "superbpe",
    "seed-coder",
    "kimi-k2",
    "default",
];

impl Tokenizer {
    /// What a GGUF file says of it, with as many tokens as the model's table has `rows`.
    ///
    /// # Errors
    /// When a file has no words for it: a unigram model, words that are cut as none of llama.cpp's pre-tokenizers cuts
    /// them, other tokens around texts than one that begins and one that ends them.
    pub fn to_gguf(&self, rows: usize) -> Result<GgufVocabulary> {
        let parts = self.parts();
        let vocabulary = &parts.vocabulary;
        if vocabulary.scores.is_some() {
            return Err(refuse("its model is Unigram, and only BPE is written"));
        }
        let splitter = Splitter::read(&parts.pre_tokenizer)?;
        let mut written = self.with_tokens(rows)?;
        if splitter.is_byte_level {
            written.model = "gpt2".to_owned();
            written.pre = Some(self.pre_tokenizer(&splitter)?.to_owned());
            written.merges = Some(merges(vocabulary, rows));
        } else if self.reads_characters() {
            spell_characters(&mut written, vocabulary)?;
        } else {
            written.model = "llama".to_owned();
            written.scores = Some(scores(vocabulary, rows));
            return self.with_prefix(written);
        }
        match self.is_same(&written)? {
            true => Ok(written),
            false => Err(refuse("its ids would be others there")),
        }
    }

    /// The tokens with their types, and those around texts.
    fn with_tokens(&self, rows: usize) -> Result<GgufVocabulary> {
        let parts = self.parts();
        let vocabulary = &parts.vocabulary;
        let mut tokens: Vec<String> = (0..rows as u32).map(filler).collect();
        let mut types = vec![UNUSED; rows];
        let mut set = |id: u32, piece: &str, kind: i32| {
            if let Some(token) = tokens.get_mut(id as usize) {
                piece.clone_into(token);
                types[id as usize] = kind;
            }
        };
        for (id, piece) in vocabulary.pieces() {
            let kind = match piece {
                piece if vocabulary.byte_fallback && is_byte(piece) => BYTE,
                piece if piece == filler(id) => UNUSED,
                _ => NORMAL,
            };
            set(id, piece, kind);
        }
        for token in &parts.added {
            let is_unknown = Some(token.id) == vocabulary.unknown;
            let kind = if is_unknown {
                UNKNOWN
            } else if token.special {
                CONTROL
            } else {
                USER_DEFINED
            };
            set(token.id, &token.content, kind);
        }
        let Template { before, after } = Template::read(&parts.post_processor)?;
        let around = |put: &[u32], id: Option<u32>, what: &str| match (put, id) {
            ([], _) => Ok(false),
            ([put], Some(id)) if *put == id => Ok(true),
            _ => Err(refuse(&format!(
                "it puts other tokens {what} texts than the one that is named"
            ))),
        };
        let is_there = |id: &u32| (*id as usize) < rows;
        let (bos, eos) = (parts.bos.filter(is_there), parts.eos.filter(is_there));
        Ok(GgufVocabulary {
            tokens,
            token_types: Some(types),
            bos,
            eos,
            unk: vocabulary.unknown.filter(is_there),
            add_bos: Some(around(&before, bos, "before")?),
            add_eos: Some(around(&after, eos, "behind")?),
            ..GgufVocabulary::default()
        })
    }

    /// The name of a pre-tokenizer that cuts words as this one does.
    fn pre_tokenizer(&self, own: &Splitter) -> Result<&'static str> {
        let parts = self.parts();
        let wanted = words(own)?;
        let is_normalized = |normalizer: &Value| !normalizer.is_null();
        for name in NAMES {
            let other = pre::Pre::of(Some(name))?;
            let is_alike = is_normalized(&other.normalizer) == is_normalized(&parts.normalizer)
                && other.ignore_merges == parts.vocabulary.ignore_merges;
            if is_alike && words(&Splitter::read(&other.pre_tokenizer)?)? == wanted {
                return Ok(name);
            }
        }
        Err(refuse("it cuts words as none of llama.cpp's pre-tokenizers does"))
    }

    /// The same with the space before texts that this tokenizer puts there, or does not.
    fn with_prefix(&self, written: GgufVocabulary) -> Result<GgufVocabulary> {
        for is_added in [true, false] {
            let written = GgufVocabulary { add_space_prefix: Some(is_added), ..written.clone() };
            if self.is_same(&written)? {
                return Ok(written);
            }
        }
        Err(refuse("its ids would be others there"))
    }

    /// Whether what is written gives the same ids.
    fn is_same(&self, written: &GgufVocabulary) -> Result<bool> {
        let other = Self::from_gguf(written)?;
        let rows = written.tokens.len();
        let ids = |tokenizer: &Self, text: &str| tokenizer.encode(text, Specials::Text).ok();
        // What only one of the two refuses has an unknown character: a file has no words for a refusal.
        let are_same = |text: &str| match (ids(self, text), ids(&other, text)) {
            (Some(own), Some(ids)) => own == ids || own.iter().any(|id| id.index() >= rows),
            _ => true,
        };
        let pieces = (0..rows as u32).map(|id| String::from_utf8_lossy(self.bytes_of(TokenId(id))));
        let own = pieces.take(4096).collect::<Vec<_>>().concat();
        Ok(TEXTS.iter().all(|text| are_same(text)) && are_same(&own))
    }
}

fn refuse(why: &str) -> Refusal {
    Refusal::unsupported(format!("a GGUF file has no words for this tokenizer: {why}"))
}

/// The words of all texts.
fn words(splitter: &Splitter) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for text in TEXTS {
        let budget = Budget::new(text.len(), splitter.stages());
        let first = text.chars().next().map_or(0, char::len_utf8);
        splitter.words(text, first, &budget, &mut |word| {
            words.push(word.to_owned());
            Ok(())
        })?;
    }
    Ok(words)
}

/// What stands for a row of a table that has no token.
fn filler(id: u32) -> String {
    format!("[PAD{id}]")
}

/// `<0x0A>`
fn is_byte(piece: &str) -> bool {
    let hex = piece.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    hex.is_some_and(|hex| hex.len() == 2 && u8::from_str_radix(hex, 16).is_ok())
}

/// `left right` of those merges whose pieces the table has.
fn merges(vocabulary: &Vocabulary, rows: usize) -> Vec<String> {
    let is_there = |(left, right): &(u32, u32)| {
        let merged = [vocabulary.piece(*left), vocabulary.piece(*right)].concat();
        let merged = vocabulary.id(&merged);
        [Some(*left), Some(*right), merged]
            .iter()
            .all(|id| id.is_some_and(|id| (id as usize) < rows))
    };
    let spelled =
        |(left, right): &(u32, u32)| [vocabulary.piece(*left), vocabulary.piece(*right)].join(" ");
    vocabulary.merges.iter().filter(|merge| is_there(merge)).map(spelled).collect()
}

/// The score of each token: the earlier a merge makes it, the higher. What no merge makes comes last.
fn scores(vocabulary: &Vocabulary, rows: usize) -> Vec<f32> {
    let mut rank_of: HashMap<u32, u32> = HashMap::new();
    let mut next = 0;
    for (at, (left, right)) in vocabulary.merges.iter().enumerate() {
        let merged = [vocabulary.piece(*left), vocabulary.piece(*right)].concat();
        let Some(id) = vocabulary.id(&merged) else { continue };
        let rank = vocabulary.ranks.as_ref().map_or(next, |ranks| ranks[at]);
        if *rank_of.entry(id).or_insert(rank) == next {
            next += 1;
        }
    }
    let last = rank_of.len() as f32;
    let score = |id: u32| rank_of.get(&id).map_or(-last, |rank| -(*rank as f32));
    (0..rows as u32).map(score).collect()
}

/// A vocabulary of characters, each a piece: in the alphabet of bytes where each is one byte, else in SentencePiece's
/// spelling, whose sign of a space must be free.
fn spell_characters(written: &mut GgufVocabulary, vocabulary: &Vocabulary) -> Result<()> {
    let is_ascii = vocabulary.pieces().all(|(_, piece)| piece.is_ascii());
    if !is_ascii && vocabulary.id("▁").is_some() {
        return Err(refuse("it has the character \"▁\", which stands for a space there"));
    }
    let types = written.token_types.as_deref().unwrap_or_default();
    for (token, _) in written.tokens.iter_mut().zip(types).filter(|(_, kind)| **kind == NORMAL) {
        if token.chars().count() != 1 {
            return Err(refuse(&format!("no merge makes {}", quoted_excerpt(token))));
        }
        *token = match is_ascii {
            true => token.bytes().map(alphabet::letter).collect(),
            false => token.replace(' ', "▁"),
        };
    }
    if is_ascii {
        (written.model, written.pre) = ("gpt2".to_owned(), Some("gpt-2".to_owned()));
        written.merges = Some(Vec::new());
    } else {
        written.model = "llama".to_owned();
        written.scores = Some(vec![0.0; written.tokens.len()]);
        written.add_space_prefix = Some(false);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
