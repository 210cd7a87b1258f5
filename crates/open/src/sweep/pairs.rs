//! `model.pairs(text)`: clean and corrupted prompts with their answers, of a `.jsonl`.

use lookback_files::{Kind, Refusal, Result, Setting};

use crate::{model::Model, sweep::SweepPair};

/// A line of a file of pairs: `{"clean", "corrupt", "answer", "wrong"}`, texts all.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PairLine {
    clean: String,
    corrupt: String,
    answer: Option<String>,
    wrong: Option<String>,
}

impl Model {
    /// The pairs of a `.jsonl`: `{"clean": "…", "corrupt": "…", "answer": " …", "wrong": " …"}`, one a line.
    ///
    /// # Errors
    /// When a line is no such object, or an answer is not one token: the line is named.
    pub fn pairs(&self, text: &str) -> Result<Vec<SweepPair>> {
        let mut pairs = Vec::new();
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        for (number, line) in lines {
            let at = |refusal: Refusal| refusal.at(format!("line {number}"));
            let parsed: PairLine = serde_json::from_str(line).map_err(|error| {
                at(Refusal::of(
                    Kind::InvalidInput,
                    format!("no object of clean, corrupt, answer and wrong ({error})"),
                ))
            })?;
            let token = |text: &Option<String>| {
                text.as_deref().map(|text| self.token(text)).transpose().map_err(at)
            };
            pairs.push(SweepPair {
                clean: self.encode(&parsed.clean).map_err(at)?,
                corrupted: self.encode(&parsed.corrupt).map_err(at)?,
                answer: token(&parsed.answer)?,
                wrong: token(&parsed.wrong)?,
            });
        }
        match pairs.is_empty() {
            true => Err(Refusal::of(
                Kind::InvalidInput,
                format!("there is no pair of prompts in it; see {}", Setting("pairs")),
            )),
            false => Ok(pairs),
        }
    }
}
