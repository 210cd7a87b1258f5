//! `lookback corpus`: the built-in corpus, whose truth is known.

use clap::Args;
use lookback_files::{Refusal, Result};
use lookback_text::tinytown;

use crate::print::Print;

const EXAMPLES: &str = "\
Keys of each question: kind, prompt, answer (with the space before it), seen (how much of it the stories \
let on), choices (what a guesser chooses from).

Examples:
  lookback corpus --bytes 1000000 > tinytown.txt
  lookback corpus --questions --seed 3 | head";

/// Prints Tinytown, the built-in corpus
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Corpus {
    /// How long the text is at least: it ends with the first story that reaches so many bytes.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    bytes: usize,
    /// The same seed gives the same stories; another gives others from the same town.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Prints questions with their answers instead, one a line.
    #[arg(long)]
    questions: bool,
}

/// How many questions of every kind that is drawn; facts and analogies are as many as there are.
const EACH: usize = 100;

impl Corpus {
    /// Prints stories or questions.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        if !self.questions {
            return tinytown::pieces(self.bytes, self.seed)
                .try_for_each(|piece| print.write(&piece));
        }
        for question in tinytown::questions(self.seed, EACH) {
            let object = serde_json::to_value(&question)
                .map_err(|error| Refusal::ours(format!("a question is no JSON ({error})")))?;
            print.json(&object)?;
        }
        Ok(())
    }
}
