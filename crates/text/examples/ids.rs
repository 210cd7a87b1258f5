//! Tokenizers at the command line, for comparison with other programs.
//!
//! ```text
//! ids bpe SIZE TEXT OUT       learns a byte-level BPE, and writes tokenizer.json into OUT
//! ids characters TEXT OUT     the same for a token per character
//! ids encode TOKENIZER        a JSON text a line in; a line {"ids", "bare", "typed", "text"} out
//! ids bytes TOKENIZER         the bytes of every piece that is not special, in hex, by id
//! ids speed TOKENIZER TEXT    the least seconds of three to encode it, in documents of 10 kB, on one thread
//! ```

use std::{
    io::{self, BufRead as _, Write as _},
    path::Path,
    time::Instant,
};

use lookback_files::{Refusal, Result, read_utf8};
use lookback_text::{NamedTokenizer, Specials, TokenId, Tokenizer};

const END: &str = "<|endoftext|>";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["bpe", size, text, out] => {
            let size = size.parse().map_err(|_| Refusal::user(format!("{size} is no size")))?;
            Tokenizer::train_bpe(&[&read_utf8(Path::new(text))?], size, &[END])?
                .write(Path::new(out))
        }
        ["characters", text, out] => {
            Tokenizer::characters(&[&read_utf8(Path::new(text))?], &[])?.write(Path::new(out))
        }
        ["encode", tokenizer] => encode(&open(tokenizer)?),
        ["bytes", tokenizer] => bytes(&open(tokenizer)?),
        ["speed", tokenizer, text] => speed(&open(tokenizer)?, &read_utf8(Path::new(text))?),
        _ => Err(Refusal::user(
            "ids bpe SIZE TEXT OUT | characters TEXT OUT | encode TOKENIZER | bytes TOKENIZER | \
             speed TOKENIZER TEXT",
        )),
    }
}

/// A vocabulary known by name, or a file.
fn open(tokenizer: &str) -> Result<Tokenizer> {
    match NamedTokenizer::from_name(tokenizer) {
        Some(named) => named.tokenizer(),
        None => Tokenizer::open(Path::new(tokenizer)),
    }
}

fn bytes(tokenizer: &Tokenizer) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for id in (0..tokenizer.vocabulary() as u32).map(TokenId) {
        if tokenizer.is_special(id) || tokenizer.bytes_of(id).is_empty() {
            continue;
        }
        let hex: String = tokenizer.bytes_of(id).iter().map(|b| format!("{b:02x}")).collect();
        writeln!(out, "{} {hex}", id.0).map_err(broken)?;
    }
    out.flush().map_err(broken)
}

/// Times encoding, and prints a checksum of the ids, so that equal output can be told from fast output.
fn speed(tokenizer: &Tokenizer, text: &str) -> Result<()> {
    let mut documents = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.as_bytes().iter().skip(10_000).position(|&byte| byte == b'\n');
        let (document, after) = rest.split_at(end.map_or(rest.len(), |end| 10_001 + end));
        documents.push(document);
        rest = after;
    }
    let mut least = f64::INFINITY;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        ids.clear();
        for document in &documents {
            ids.extend(tokenizer.encode(document, Specials::Text)?);
        }
        least = least.min(began.elapsed().as_secs_f64());
    }
    let checksum = ids.iter().fold(0u64, |sum, id| sum.wrapping_mul(31).wrapping_add(id.0.into()));
    let (bytes, tokens) = (text.len(), ids.len());
    let line = serde_json::json!({
        "seconds": least, "bytes": bytes, "tokens": tokens, "checksum": checksum,
    });
    writeln!(io::stdout(), "{line}").map_err(broken)
}

fn broken(error: io::Error) -> Refusal {
    Refusal::ours(format!("a line could not be passed ({error})"))
}

fn encode(tokenizer: &Tokenizer) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line.map_err(broken)?;
        let text: String = serde_json::from_str(&line)
            .map_err(|error| Refusal::user(format!("a line is no JSON text ({error})")))?;
        let answer = match tokenizer.encode(&text, Specials::Allowed) {
            Ok(ids) => serde_json::json!({
                "bare": tokenizer.encode_bare(&text, Specials::Allowed)?,
                "typed": tokenizer.encode_bare(&text, Specials::Text)?,
                "text": tokenizer.decode(&ids),
                "ids": ids,
            }),
            Err(refusal) => serde_json::json!({"refusal": refusal.to_string()}),
        };
        writeln!(out, "{answer}").map_err(broken)?;
    }
    out.flush().map_err(broken)
}
