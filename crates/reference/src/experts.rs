//! A mixture of experts: in place of one MLP there are several, of which a router chooses a few for each token.

use std::cmp::Ordering;

use ndarray::{Array2, ArrayView1, s};

use crate::mlp::{Linear, Mlp};

/// How the chosen experts are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// By the softmax over all experts.
    Softmax,
    /// By the same, divided by its sum over the chosen.
    Normalized,
    /// By the softmax over the chosen experts' logits.
    SoftmaxOfChosen,
}

/// Of each token the experts with the largest logits, in ascending order, each with its weight. Of equal
/// logits, that of the lower index comes first. Shazeer et al. 2017, section 2.1.
///
/// `logits`: `[tokens, experts]`
pub fn route(logits: &Array2<f64>, chosen: usize, weighting: Weighting) -> Vec<Vec<(usize, f64)>> {
    let of_token = |logits: ArrayView1<'_, f64>| {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap_or(Ordering::Equal));
        let largest = logits[order[0]];
        let weight = |expert: &usize| (logits[*expert] - largest).exp();
        // What is divided by its sum over the chosen does not depend on the others.
        let share = match weighting {
            Weighting::Softmax => &order[..],
            Weighting::Normalized | Weighting::SoftmaxOfChosen => &order[..chosen],
        };
        let total = share.iter().map(weight).fold(0.0, |sum, weight| sum + weight);
        order.truncate(chosen);
        order.sort_unstable();
        order.into_iter().map(|expert| (expert, weight(&expert) / total)).collect()
    };
    logits.outer_iter().map(of_token).collect()
}

/// The weights of a mixture, and how many experts it chooses.
#[derive(Clone, Debug)]
pub struct Experts {
    /// To a logit for each expert.
    pub router: Linear,
    /// All of them.
    pub experts: Vec<Mlp>,
    /// Experts that work on a token.
    pub chosen: usize,
    /// How they are weighted.
    pub weighting: Weighting,
}

impl Experts {
    /// `[tokens, width]` to `[tokens, width]`.
    pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {
        let routes = route(&self.router.apply(x), self.chosen, self.weighting);
        let mut y = Array2::zeros(x.dim());
        for (token, route) in routes.iter().enumerate() {
            let row = x.slice(s![token..=token, ..]).to_owned();
            for &(expert, weight) in route {
                let made = self.experts[expert].apply(&row) * weight;
                let mut to = y.row_mut(token);
                to += &made.row(0);
            }
        }
        y
    }
}
