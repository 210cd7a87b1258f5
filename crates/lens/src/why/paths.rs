//! Paths from a token to a logit: the ends of an unfolding, each with the heads and MLPs that it goes through.

use serde::Serialize;

use super::{
    component::Component,
    unfolding::{UnfoldedPart, Unfolding},
};

/// A way from what first wrote it to the logit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogitPath {
    /// What it adds to the logit.
    pub contribution: f64,
    /// What first wrote it.
    pub begins: PathStep,
    /// The heads and MLPs that carry it, the earliest first.
    pub through: Vec<PathStep>,
    /// Whether it goes through the tangent of an MLP: exact in the sum, an approximation of what a change of
    /// its beginning would do.
    pub is_linearised: bool,
}

/// A component at a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PathStep {
    /// What it is.
    #[serde(flatten)]
    pub component: Component,
    /// In whose stream it writes.
    pub token: usize,
}

/// The paths of an unfolding that have nothing left to open, the strongest first.
pub fn paths(unfolding: &Unfolding) -> Vec<LogitPath> {
    let ends = unfolding.parts.iter().enumerate().filter(|(_, part)| part.is_end);
    let mut paths: Vec<LogitPath> =
        ends.map(|(index, part)| path(unfolding, index, part)).collect();
    paths.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    paths
}

fn path(unfolding: &Unfolding, index: usize, part: &UnfoldedPart) -> LogitPath {
    let steps = unfolding.way(index).into_iter().skip(1).map(|at| {
        let UnfoldedPart { component, token, .. } = unfolding.parts[at];
        PathStep { component, token }
    });
    // Which token a head reads is said by the step before.
    let through = steps.filter(|step| !matches!(step.component, Component::Source { .. }));
    LogitPath {
        contribution: part.contribution,
        begins: PathStep { component: part.component, token: part.token },
        through: through.collect(),
        is_linearised: part.is_linearised,
    }
}
