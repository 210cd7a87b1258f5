//! Two models and the questions that one of them answers and the other does not.

use lookback_files::Result;
use lookback_text::tinytown::Question;
use serde_json::{Value, json};

use super::{Scores, name};
use crate::print::Print;

/// Prints how many of each kind both answer, and each question that only one of them does.
pub(crate) fn differences(
    here: &Scores,
    there: &Scores,
    as_json: bool,
    print: &mut Print,
) -> Result<()> {
    let all = here.answered.iter().zip(&there.answered);
    let differing: Vec<(&Question, bool, bool)> = all
        .filter(|((_, here), (_, there))| here != there)
        .map(|((question, here), (_, there))| (question, *here, *there))
        .collect();
    if as_json {
        let each: Result<Vec<Value>> = differing
            .iter()
            .map(|(question, here, there)| {
                Ok(json!({
                    "kind": name(question.kind)?,
                    "prompt": question.prompt,
                    "answer": question.answer,
                    "here": here,
                    "there": there,
                }))
            })
            .collect();
        return print.json(&json!({ "differences": each? }));
    }
    print.line("kind                 of    here   there")?;
    for ((kind, one), other) in here.kinds.iter().zip(there.kinds.values()) {
        let line =
            format!("{:<14}  {:>7}  {:>6}  {:>6}", name(*kind)?, one.asked, one.right, other.right);
        print.line(&line)?;
    }
    print.line("\nonly one of them answers")?;
    for (question, here, _) in differing {
        let who = if here { "here" } else { "there" };
        print.line(&format!("{who:>5}  {}{}", question.prompt, question.answer))?;
    }
    Ok(())
}
