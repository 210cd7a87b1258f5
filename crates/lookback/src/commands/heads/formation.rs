//! When heads formed: the scores of a run's whole snapshots, step by step, and the step at which look-ups began.

use std::fs;

use lookback::{HeadsQuery, HeadsReport, Model};
use lookback_files::{Refusal, Result};
use serde::Serialize;
use serde_json::Value;

use super::kind::{Kind, name};
use crate::print::Print;

/// Sequences that each snapshot is scored on.
const SEQUENCES: usize = 32;
/// From which score on a head is of a kind in the end.
const IS_ONE: f64 = 0.3;

/// What may form.
const KINDS: [Kind; 3] = [
    ("previous token", |head| head.profile.previous_token),
    ("duplicate token", |head| head.profile.duplicate_token),
    ("induction", |head| head.repeated_induction),
];

/// The steps at which things formed.
#[derive(Debug, Serialize)]
pub(super) struct Formation {
    /// The steps of the snapshots.
    steps: Vec<u64>,
    heads: Vec<FormedHead>,
    /// The first step from which on look-ups had half of their last share, where the run measured them.
    look_ups: Option<u64>,
}

/// A head that is of a kind in the end.
#[derive(Debug, Serialize)]
struct FormedHead {
    head: String,
    kind: &'static str,
    /// The first step from which on it had half of its last score.
    step: Option<u64>,
    /// Its score at each snapshot.
    scores: Vec<f64>,
    /// In the end.
    last: f64,
}

/// Scores the whole snapshots of a run.
pub(super) fn find(
    model: &Model,
    query: &HeadsQuery,
    report: &HeadsReport,
    print: &mut Print,
) -> Result<Formation> {
    let snapshots = model.whole_snapshots();
    if snapshots.is_empty() {
        return Err(Refusal::user(format!(
            "{}: there is no whole snapshot in it; train with --set whole_snapshots=true",
            model.path.join("snapshots").display()
        )));
    }
    let mut of_steps = Vec::with_capacity(snapshots.len());
    for (step, path) in &snapshots {
        print.status(&format!("step {step}"));
        let snapshot = Model::options().pool(model.pool.clone()).open(path)?;
        let query = query.of_model(&snapshot).sequences(SEQUENCES).patterns_alone();
        of_steps.push(query.report(&mut |_, _| Ok(()))?);
    }
    let steps: Vec<u64> = snapshots.iter().map(|(step, _)| *step).collect();
    let mut heads = Vec::new();
    for (kind, score) in KINDS {
        for (at, head) in report.heads.iter().enumerate().filter(|(_, head)| score(head) >= IS_ONE)
        {
            let scores: Vec<f64> = of_steps.iter().map(|of| score(&of.heads[at])).collect();
            let step = since(&steps, &scores, 0.5 * score(head));
            heads.push(FormedHead { head: name(head), kind, step, scores, last: score(head) });
        }
    }
    Ok(Formation { look_ups: look_ups(model), steps, heads })
}

/// The first step from which on all numbers are at least so large.
fn since(steps: &[u64], numbers: &[f64], least: f64) -> Option<u64> {
    let from = numbers.iter().rposition(|&number| number < least).map_or(0, |last| last + 1);
    steps.get(from).copied()
}

/// When the run's look-ups had half of their last share, by its metrics.
fn look_ups(model: &Model) -> Option<u64> {
    let metrics = fs::read_to_string(model.path.join("metrics.jsonl")).ok()?;
    let measured = metrics.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        Some((line["step"].as_u64()?, line["look_ups"].as_f64()?))
    });
    let (steps, shares): (Vec<u64>, Vec<f64>) = measured.unzip();
    since(&steps, &shares, 0.5 * shares.last().copied()?)
}

/// A line a head.
pub(super) fn lines(formation: &Formation) -> Vec<String> {
    let mut lines = vec![String::new(), " head  kind             since step  score".to_owned()];
    let step = |step: Option<u64>| step.map_or("the end".to_owned(), |step| step.to_string());
    lines.extend(formation.heads.iter().map(|head| {
        format!("{:>5}  {:<16} {:>10}  {:.3}", head.head, head.kind, step(head.step), head.last)
    }));
    lines.extend(
        formation
            .look_ups
            .map(|at| format!("look-ups have had half of their last answers since step {at}")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn what_falls_again_has_not_formed_yet() {
        let steps = [0, 10, 20, 30, 40];
        assert_eq!(since(&steps, &[0.0, 0.6, 0.2, 0.7, 0.8], 0.5), Some(30));
        assert_eq!(since(&steps, &[0.9; 5], 0.5), Some(0));
        assert_eq!(since(&steps, &[0.1; 5], 0.5), None);
    }
}
