//! The paths of an unfolded logit as a graph: heads and MLPs at tokens, and what goes from one to the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{component::Component, paths::PathStep, unfolding::Unfolding};

/// A graph whose edges carry what they add to the logit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogitGraph {
    /// The token of the prompt in whose stream the logit is read.
    pub position: usize,
    /// Those that an edge touches.
    pub nodes: Vec<PathStep>,
    /// The strongest first.
    pub edges: Vec<LogitEdge>,
    /// Σ |edge| of the edges into the logit that were left out, where only the strongest are kept.
    pub left_out: f64,
}

/// What goes from one component to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogitEdge {
    /// Index of the node that wrote it.
    pub from: usize,
    /// Index of the node that reads it; none where that is the logit.
    pub to: Option<usize>,
    /// What it adds to the logit on all paths together.
    pub contribution: f64,
}

/// Who wrote, and who reads: none where that is the logit.
type Edge = (PathStep, Option<PathStep>);

impl LogitGraph {
    /// The strongest edges of an unfolding, at most so many, each with a way to the logit. What no token and no head wrote (biases, what the
    /// tangents of MLPs leave out) has no edge.
    pub fn new(unfolding: &Unfolding, position: usize, max_edges: usize) -> Self {
        let mut totals: BTreeMap<Edge, f64> = BTreeMap::new();
        let step = |at: usize| {
            let part = &unfolding.parts[at];
            PathStep { component: part.component, token: part.token }
        };
        for (index, part) in unfolding.parts.iter().enumerate() {
            if !is_node(part.component) {
                continue;
            }
            let mut above = unfolding.way(index).into_iter().skip(1).map(step);
            let reader = above.find(|step| is_node(step.component));
            *totals.entry((step(index), reader)).or_default() += part.contribution;
        }
        let order = grown(totals, max_edges);
        let kept: BTreeSet<PathStep> =
            order.iter().filter(|(edge, _)| edge.1.is_none()).map(|((from, _), _)| *from).collect();
        let roots = unfolding.roots().filter(|(_, part)| is_node(part.component));
        let left_out = roots
            .filter(|(index, _)| !kept.contains(&step(*index)))
            .fold(0.0, |sum, (_, part)| sum + part.contribution.abs());
        let touched: BTreeSet<PathStep> =
            order.iter().flat_map(|((from, to), _)| [Some(*from), *to]).flatten().collect();
        let nodes: Vec<PathStep> = touched.into_iter().collect();
        let place = |step: &PathStep| nodes.binary_search(step).unwrap_or_default();
        let edges = order.iter().map(|((from, to), given)| LogitEdge {
            from: place(from),
            to: to.as_ref().map(place),
            contribution: *given,
        });
        Self { position, edges: edges.collect(), left_out, nodes }
    }
}

/// The strongest edges of those that lead to the logit through edges that were taken before, the strongest
/// first.
fn grown(totals: BTreeMap<Edge, f64>, max_edges: usize) -> Vec<(Edge, f64)> {
    let mut by_reader: BTreeMap<Option<PathStep>, Vec<(Edge, f64)>> = BTreeMap::new();
    for (edge, given) in totals {
        by_reader.entry(edge.1).or_default().push((edge, given));
    }
    let stronger =
        |a: &(Edge, f64), b: &(Edge, f64)| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
    // Sorted with the strongest at the end.
    let mut open = by_reader.remove(&None).unwrap_or_default();
    let mut taken: Vec<(Edge, f64)> = Vec::new();
    while taken.len() < max_edges {
        open.sort_by(|a, b| stronger(b, a));
        let Some(((from, to), given)) = open.pop() else { break };
        taken.push(((from, to), given));
        open.extend(by_reader.remove(&Some(from)).unwrap_or_default());
    }
    taken.sort_by(stronger);
    taken
}

/// Whether a component stands in the graph.
fn is_node(component: Component) -> bool {
    use Component as C;
    matches!(component, C::Embedding | C::Position | C::Head { .. } | C::Mlp { .. })
}
