//! A logit's parts as lines of a terminal.

use lookback::{Model, Why};
use lookback_files::counted;
use lookback_lens::{
    Component, FaithfulnessPoint, LogitPath, PathStep, UnfoldedPart, Unfolding, paths as all_paths,
};
use lookback_model::TokenId;

/// Parts that a level of the tree shows.
const BRANCHES: usize = 4;
/// A part of a tree is shown from this share of the sum of absolute values on.
const SMALLEST: f64 = 0.005;

/// How the tokens of a prompt look.
pub(super) struct Words<'a> {
    model: &'a Model,
    ids: &'a [TokenId],
}

impl<'a> Words<'a> {
    pub fn new(model: &'a Model, ids: &'a [TokenId]) -> Self {
        Self { model, ids }
    }

    /// A token of the vocabulary, in quotes.
    pub fn quoted(&self, id: u32) -> String {
        let tokenizer = self.model.tokenizer().ok();
        tokenizer.map_or_else(|| format!("#{id}"), |tokenizer| tokenizer.quoted(TokenId(id)))
    }

    /// A token of the prompt with its place: `" red" (3)`.
    pub fn at(&self, token: usize) -> String {
        let id = self.ids.get(token).map_or(0, |id| id.0);
        format!("{} ({token})", self.quoted(id))
    }

    /// All tokens of the prompt.
    pub fn all(&self) -> Vec<String> {
        (0..self.ids.len()).map(|token| self.at(token)).collect()
    }
}

/// What the logit is of, and how large it is.
pub(super) fn title(why: &Why, words: &Words<'_>) -> String {
    let of = match why.against {
        None => format!("logit of {}", words.quoted(why.target)),
        Some(other) => {
            format!("logit of {} less that of {}", words.quoted(why.target), words.quoted(other))
        }
    };
    format!("{of} after {}: {:.4}", words.at(why.position), why.logit)
}

/// The sum, the strongest parts first.
pub(super) fn sum(why: &Why, words: &Words<'_>, top: usize) -> Vec<String> {
    let mut lines = vec![title(why, words)];
    if let Some(cap) = why.cap {
        lines.push(format!(
            "{:.4} before the cap of {}, which leaves {:.4} of it",
            why.before_cap, cap.cap, cap.factor
        ));
    }
    let mut parts: Vec<_> = why.parts.iter().collect();
    parts.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    let shown = if top == 0 { parts.len() } else { top.min(parts.len()) };
    for part in &parts[..shown] {
        lines.push(format!("{:>+12.4}  {}", part.contribution, part.component.name()));
    }
    if shown < parts.len() {
        let rest = parts[shown..].iter().fold(0.0, |sum, part| sum + part.contribution);
        lines.push(format!("{rest:>+12.4}  {} together", counted(parts.len() - shown, "other")));
    }
    lines.push(format!(
        "{:>+12.4}  sum of all {}; the logit less the sum: {:.1e}",
        why.sum,
        counted(parts.len(), "part"),
        why.rounding
    ));
    lines
}

/// The strongest neurons of each MLP.
pub(super) fn neurons(why: &Why) -> Vec<String> {
    let mut lines = Vec::new();
    for mlp in &why.neurons {
        lines.push(String::new());
        lines.push(format!("neurons of mlp {}", mlp.layer));
        for neuron in &mlp.neurons {
            lines.push(format!(
                "{:>+12.4}  neuron {}.{}, which is {:.3}",
                neuron.contribution, mlp.layer, neuron.index, neuron.post
            ));
        }
        lines.push(format!("{:>+12.4}  all others together", mlp.others));
        if mlp.bias.abs() > 1e-5 * why.absolute {
            lines.push(format!("{:>+12.4}  biases", mlp.bias));
        }
    }
    lines
}

/// The opened parts, each below the one that it is a part of.
pub(super) fn tree(
    why: &Why,
    unfolding: &Unfolding,
    words: &Words<'_>,
    levels: usize,
) -> Vec<String> {
    let mut lines = vec![String::new(), "parts, opened".to_owned()];
    let roots: Vec<usize> = unfolding.roots().map(|(index, _)| index).collect();
    // A head and its source are one level.
    branch(unfolding, words, &roots, 0, 2 * levels.max(1), SMALLEST * why.absolute, &mut lines);
    lines
}

fn branch(
    unfolding: &Unfolding,
    words: &Words<'_>,
    parts: &[usize],
    depth: usize,
    levels: usize,
    smallest: f64,
    lines: &mut Vec<String>,
) {
    let mut order: Vec<usize> = parts.to_vec();
    let size = |at: usize| unfolding.parts[at].contribution.abs();
    order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    let most = if depth == 0 { 2 * BRANCHES } else { BRANCHES };
    let shown = order.iter().take(most).take_while(|&&at| size(at) >= smallest).count();
    for &index in &order[..shown] {
        let part = &unfolding.parts[index];
        let indent = "  ".repeat(depth);
        let mark = if part.is_linearised { '~' } else { ' ' };
        lines.push(format!("{:>+12.4} {mark}{indent}{}", part.contribution, label(part, words)));
        if depth + 1 < levels {
            branch(unfolding, words, &part.parts, depth + 1, levels, smallest, lines);
        }
    }
    let rest = order[shown..].iter().fold(0.0, |sum, &at| sum + unfolding.parts[at].contribution);
    if shown < order.len() && (shown > 0 || depth == 0) {
        let others = counted(order.len() - shown, "other");
        lines.push(format!("{rest:>+12.4}  {}{others}", "  ".repeat(depth)));
    }
}

fn label(part: &UnfoldedPart, words: &Words<'_>) -> String {
    match part.component {
        Component::Source { .. } => format!("from {}", words.at(part.token)),
        Component::Embedding => format!("embedding of {}", words.at(part.token)),
        Component::Position => format!("position {}", part.token),
        component => component.name(),
    }
}

/// The paths, the strongest first.
pub(super) fn paths(unfolding: &Unfolding, words: &Words<'_>, top: usize) -> Vec<String> {
    let all = all_paths(unfolding);
    let shown = if top == 0 { all.len() } else { top.min(all.len()) };
    let goal = if unfolding.is_complete { "" } else { ", and no further within the limit" };
    let mut lines = vec![
        String::new(),
        format!(
            "{}, {:.0} % of the sum of absolute values{goal}",
            counted(all.len(), "path"),
            100.0 * unfolding.share
        ),
    ];
    lines.extend(all[..shown].iter().map(|path| {
        let mark = if path.is_linearised { '~' } else { ' ' };
        format!("{:>+12.4} {mark}{}", path.contribution, steps(path, words))
    }));
    if shown < all.len() {
        let rest = all[shown..].iter().fold(0.0, |sum, path| sum + path.contribution);
        let others = counted(all.len() - shown, "other");
        lines.push(format!("{rest:>+12.4}  {others} together"));
    }
    lines
}

/// A path from its beginning to the logit.
fn steps(path: &LogitPath, words: &Words<'_>) -> String {
    let begins = match path.begins.component {
        Component::Embedding => words.at(path.begins.token),
        Component::Position => format!("position {}", path.begins.token),
        component => format!("{} at {}", component.name(), words.at(path.begins.token)),
    };
    let mut token = path.begins.token;
    let mut written = begins;
    for step in &path.through {
        written.push_str(" -> ");
        written.push_str(&step.component.name());
        if step.token != token {
            written.push_str(&format!(" at {}", words.at(step.token)));
            token = step.token;
        }
    }
    written + " -> logit"
}

/// What switching off predicts and does.
pub(super) fn check(points: &[FaithfulnessPoint], words: &Words<'_>) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "switched off, the strongest first   predicted        real   the last of them".to_owned(),
    ];
    lines.extend(points.iter().map(|point| {
        let PathStep { component, token } = point.last;
        let last = format!("{} at {}", component.name(), words.at(token));
        format!("{:>34} {:>+11.4} {:>+11.4}   {last}", point.off, point.predicted, point.real)
    }));
    lines
}
