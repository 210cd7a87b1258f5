//! `lookback tokenizer`: text to ids and back, and what a tokenizer is made of.

use std::{path::PathBuf, time::Instant};

use clap::{Args, Subcommand};
use lookback::find;
use lookback_files::{Refusal, Result, check_writable, counted, write_atomic};
use lookback_model::StoredModel;
use lookback_text::{
    self as text, TokenId,
    corpus::{Chunking, PART},
};
use serde_json::{Value, json};

use super::prompt::{SpecialTokens, read_input};

use crate::{
    options::{OutputFormat, Texts},
    print::Print,
};

const EXAMPLES: &str = "\
Examples:
  lookback tokenizer train corpus.txt --vocab 2048 --out tokenizer.json
  lookback tokenizer encode \"the bird is red\" --tokenizer tokenizer.json";

/// Trains a tokenizer, or shows what one does
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Tokenizer {
    Train(Train),
    Encode(Encode),
    Decode(Decode),
    Show(Show),
}

const TRAIN: &str = "\
Keys of --json: seconds, vocabulary, merges.

Example:
  lookback tokenizer train corpus.txt --vocab 2048 --out tokenizer.json";

/// Learns a byte-level BPE from texts
#[derive(Debug, Args)]
#[command(after_help = TRAIN)]
pub(crate) struct Train {
    /// UTF-8 files, .jsonl, folders of these, packed or not, or -.
    #[arg(value_name = "TEXT", required = true)]
    texts: Vec<PathBuf>,
    /// How many tokens it has in the end: 256 bytes, the merges, and one that ends a text.
    #[arg(long, value_name = "N")]
    vocab: usize,
    /// The file to write, as Hugging Face tokenizers reads it.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    reading: Texts,
    #[command(flatten)]
    output_format: OutputFormat,
}

/// A token in JSON: its text, or its bytes where they are no text by themselves, as llama-server has it.
pub(super) fn piece(tokenizer: &text::Tokenizer, id: TokenId) -> Value {
    let bytes = tokenizer.bytes_of(id);
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text))
}

/// Which tokenizer.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// gpt2, cl100k or o200k, a tokenizer.json, or a model whose tokenizer it is.
    #[arg(long, value_name = "NAME|FILE|MODEL")]
    tokenizer: String,
}

const ENCODE: &str = "\
Keys of --json: ids, pieces (texts, or the bytes of a token that is no text by itself).

Examples:
  lookback tokenizer encode \"the bird is red\" --tokenizer runs/mine
  lookback tokenizer encode \"the bird is red\" --tokenizer cl100k";

/// Turns text into ids
#[derive(Debug, Args)]
#[command(after_help = ENCODE)]
pub(crate) struct Encode {
    /// The text; - or nothing reads standard input.
    #[arg(value_name = "TEXT", default_value = "-", allow_hyphen_values = true)]
    text: String,
    #[command(flatten)]
    special_tokens: SpecialTokens,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output_format: OutputFormat,
}

const DECODE: &str = "\
Key of --json: text.

Example:
  lookback tokenizer decode 1169 6512 318 2266 --tokenizer gpt2";

/// Turns ids into text
#[derive(Debug, Args)]
#[command(after_help = DECODE)]
pub(crate) struct Decode {
    /// Ids, separated by commas or spaces; - or nothing reads standard input.
    #[arg(value_name = "ID", value_delimiter = ',', default_value = "-")]
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output_format: OutputFormat,
}

const SHOW: &str = "\
Every token is printed, by its id; a special one is marked.

Keys of --json: vocabulary, merges, beginning and end (ids, or null), pieces (as the file spells them).

Examples:
  lookback tokenizer show --tokenizer runs/mine
  lookback tokenizer show --tokenizer gpt2 | head";

/// Prints what a tokenizer is made of
#[derive(Debug, Args)]
#[command(after_help = SHOW)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output_format: OutputFormat,
}

impl Tokenizer {
    /// Does one of the four.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        match self {
            Self::Train(train) => train.run(print),
            Self::Encode(encode) => encode.run(print),
            Self::Decode(decode) => decode.run(print),
            Self::Show(show) => show.run(print),
        }
    }
}

impl Which {
    /// A name comes first; a file of the same name is `./gpt2`.
    fn open(&self, print: &mut Print) -> Result<text::Tokenizer> {
        if let Some(named) = text::NamedTokenizer::from_name(&self.tokenizer) {
            return named.tokenizer();
        }
        let path = self.find()?;
        if path.extension().is_some_and(|end| end == "gguf") {
            let stored = StoredModel::open(&path)?;
            for remark in stored.remarks() {
                print.warn(&format!("{}: {remark}", path.display()));
            }
            return lookback::stored_tokenizer(stored.tokenizer(), &path);
        }
        text::Tokenizer::open(&path)
    }

    /// A file or a model; a word that is neither may be a misspelt name.
    fn find(&self) -> Result<PathBuf> {
        let name = &self.tokenizer;
        find(name).map_err(|refusal| match name.contains(['/', '.']) || name == "default" {
            true => refusal,
            false => Refusal::user(format!(
                "--tokenizer {name}: it is none of gpt2, cl100k and o200k, and there is no such file or \
                 model; check the path"
            )),
        })
    }
}

impl Train {
    fn run(self, print: &mut Print) -> Result<()> {
        check_writable(&self.out)?;
        let tokenizer_trainer = text::TokenizerTrainer::bpe(self.vocab, &["<|endoftext|>"]);
        let mut tokenizer_trainer = tokenizer_trainer.map_err(|refusal| refusal.at("--vocab"))?;
        let corpus = self.reading.find(&self.texts)?;
        let began = Instant::now();
        let tally =
            corpus.read(Chunking::Parts(PART), &mut |part| tokenizer_trainer.add(&[part.text]))?;
        let tokenizer = tokenizer_trainer.finish()?;
        let seconds = began.elapsed().as_secs_f64();
        Texts::report(&tally, print);
        write_atomic(&self.out, tokenizer.to_json().as_bytes())?;
        let (vocabulary, merges) = (tokenizer.vocabulary(), tokenizer.merges());
        if self.output_format.json {
            return print.json(&json!({
                "seconds": seconds,
                "vocabulary": vocabulary,
                "merges": merges,
            }));
        }
        let (tokens, merges) = (counted(vocabulary, "token"), counted(merges, "merge"));
        print.line(&format!("{tokens}, {merges}, learned in {seconds:.2} s"))
    }
}

impl Encode {
    fn run(self, print: &mut Print) -> Result<()> {
        let tokenizer = self.which.open(print)?;
        let text = if self.text == "-" { read_input()? } else { self.text };
        let ids = tokenizer.encode(&text, self.special_tokens.specials())?;
        if self.output_format.json {
            let pieces: Vec<Value> = ids.iter().map(|&id| piece(&tokenizer, id)).collect();
            let ids: Vec<u32> = ids.iter().map(|id| id.0).collect();
            return print.json(&json!({ "ids": ids, "pieces": pieces }));
        }
        ids.iter().try_for_each(|&id| print.line(&format!("{:>7}  {}", id.0, tokenizer.quoted(id))))
    }
}

impl Decode {
    fn run(self, print: &mut Print) -> Result<()> {
        let tokenizer = self.which.open(print)?;
        let written = match self.ids.as_slice() {
            [dash] if dash == "-" => read_input()?,
            ids => ids.join(" "),
        };
        let is_between = |letter: char| letter == ',' || letter.is_whitespace();
        let words = written.split(is_between).filter(|word| !word.is_empty());
        let ids = words.map(|word| {
            let id = word.parse().ok().filter(|id| (*id as usize) < tokenizer.vocabulary());
            id.map(TokenId).ok_or_else(|| {
                Refusal::user(format!(
                    "{word}: it is no id; this tokenizer's go from 0 to {}",
                    tokenizer.vocabulary() - 1
                ))
            })
        });
        let text = tokenizer.decode(&ids.collect::<Result<Vec<_>>>()?);
        if self.output_format.json {
            print.json(&json!({ "text": text }))
        } else {
            print.line(&text)
        }
    }
}

impl Show {
    fn run(self, print: &mut Print) -> Result<()> {
        let tokenizer = self.which.open(print)?;
        let ids = (0..tokenizer.vocabulary() as u32).map(TokenId);
        if self.output_format.json {
            let pieces: Vec<&str> = ids.map(|id| tokenizer.spelled(id)).collect();
            return print.json(&json!({
                "vocabulary": tokenizer.vocabulary(),
                "merges": tokenizer.merges(),
                "beginning": tokenizer.bos().map(|id| id.0),
                "end": tokenizer.eos().map(|id| id.0),
                "pieces": pieces,
            }));
        }
        let merges = counted(tokenizer.merges(), "merge");
        print.line(&format!("{}, {merges}", counted(tokenizer.vocabulary(), "token")))?;
        for id in ids {
            let special = if tokenizer.is_special(id) { "  special" } else { "" };
            print.line(&format!("{:>7}  {}{special}", id.0, tokenizer.quoted(id)))?;
        }
        Ok(())
    }
}
