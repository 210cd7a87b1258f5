//! What others reported of their programs, each with what Hugging Face's tokenizers 0.23.3 make of texts like
//! theirs and of many made from the same parts.
//!
//! The decodings of the first are those of the definition, an added token's own text and the bytes of the
//! others: tokenizers 0.23.3 still makes `\r` of `č`. Left out of the decodings: bytes of a fallback that
//! are no UTF-8, of which tokenizers make a U+FFFD each, with the whole run that they stand in, and this
//! program one for each broken character.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{Specials, TokenId, Tokenizer};
use serde_json::Value;

const REPORTS: &str = include_str!("reports.json");

fn ids(of: &Value) -> Vec<TokenId> {
    of.as_array().unwrap().iter().map(|id| TokenId(id.as_u64().unwrap() as u32)).collect()
}

#[test]
fn reported_tokenizers_give_what_tokenizers_gives() {
    let all: Vec<Value> = serde_json::from_str(REPORTS).unwrap();
    let mut wrong = Vec::new();
    for report in &all {
        let name = &report["name"];
        let tokenizer = Tokenizer::from_json(&report["tokenizer"].to_string()).unwrap();
        for case in report["encoded"].as_array().unwrap() {
            let got = tokenizer.encode(case[0].as_str().unwrap(), Specials::Allowed).unwrap();
            if got != ids(&case[1]) {
                wrong.push(format!("{name}: {case} is encoded to {got:?}"));
            }
        }
        for case in report["decoded"].as_array().unwrap() {
            let ids = ids(&case[0]);
            let got = [tokenizer.decode(&ids), tokenizer.decode_plain(&ids)];
            if got != [case[1].as_str().unwrap(), case[2].as_str().unwrap()] {
                wrong.push(format!("{name}: {case} is decoded to {got:?}"));
            }
            let mut decoder = tokenizer.decoder();
            let pieces: String = ids.iter().map(|id| decoder.push(*id)).collect();
            if pieces + &decoder.finish() != got[0] {
                wrong.push(format!("{name}: {case} is decoded otherwise one by one"));
            }
        }
    }
    assert!(wrong.is_empty() && all.len() == 7, "{}", wrong.join("\n"));
}
