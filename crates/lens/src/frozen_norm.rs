//! The last norm with its scale frozen at one token, so that logits are linear in the residual stream:
//! what the norm does to the whole stream it then does to each part of it.
//!
//! ```text
//! logit of v = Σ_parts  part · residual_direction(v)  +  bias(v)
//! residual_direction(v) = factor · gain ⊙ head_v, its mean taken off under a layer norm
//! ```
//! Where a family multiplies its logits with a number (Granite), both are multiplied with it. Where it caps them
//! (Gemma 2), the sum is the logit before its cap.
//! The factor (and a layer norm's mean) is the one that the engine's norm had for this token. A part
//! alone would have had another: this is direct logit attribution, exact in the sum.
//! Read `logit_attribution` and `neurons` next.

use lookback_engine::{ThreadPool, Weights, final_norm};
use lookback_files::{Refusal, Result};
use lookback_model::{Network, NormKind, NormPlacement, TokenId};

use crate::ranges::in_ranges;

/// Rows of the head that are taken out at once.
const ROWS: usize = 512;
/// Vectors that a row of the head is multiplied with at once.
const SEVERAL: usize = 4;

/// Refuses a model of which a logit is no sum of what its parts add to the stream.
pub(crate) fn check_is_sum(network: &Network) -> Result<()> {
    if network.config.norm_placement == NormPlacement::Stream || network.projections.is_some() {
        return Err(Refusal::unsupported(
            "a logit of this model is no sum of what its parts add to the residual stream: norms stand on the \
             stream itself, or a matrix between it and the head; look at its values and patterns instead",
        ));
    }
    Ok(())
}

/// The last norm and the head at one token.
#[derive(Debug)]
pub struct FrozenNorm<'a> {
    weights: &'a Weights,
    pool: &'a ThreadPool,
    factor: f64,
    gain: Vec<f64>,
    bias: Vec<f64>,
    is_centered: bool,
    /// What logits are multiplied with behind the head.
    logit_factor: f64,
}

impl<'a> FrozenNorm<'a> {
    /// Frozen where the residual stream of a token ends: `stream` is its last residual row, `[width]`.
    pub fn new(weights: &'a Weights, pool: &'a ThreadPool, stream: &[f32]) -> Self {
        let norm = &weights.network().ln_final;
        let wide = |row: &[f32]| row.iter().copied().map(f64::from).collect::<Vec<_>>();
        let bias = norm.bias.map_or(vec![0.0; stream.len()], |id| wide(weights.rows(id)));
        Self {
            factor: f64::from(final_norm(weights, pool, stream).factors[0]),
            gain: wide(weights.rows(norm.weight)),
            bias,
            is_centered: norm.kind == NormKind::Layer,
            logit_factor: f64::from(weights.network().head.factor),
            weights,
            pool,
        }
    }

    /// What the norm multiplies this token's stream with, before its gain.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// The direction in the stream along which a token's logit grows. `[width]`
    pub fn residual_direction(&self, token: TokenId) -> Vec<f64> {
        let row = self.head_row(token);
        let factor = self.factor * self.logit_factor;
        let scaled = row.iter().zip(&self.gain).map(|(&u, gain)| factor * gain * f64::from(u));
        self.centered(scaled.collect())
    }

    /// What a token's logit has whatever the stream holds: the norm's bias and the head's.
    pub fn bias(&self, token: TokenId) -> f64 {
        let head = self.weights.network().head.linear.bias;
        let own = head.map_or(0.0, |id| f64::from(self.weights.rows(id)[token.index()]));
        self.logit_factor * (own + dot(&self.bias, &self.head_row(token)))
    }

    /// What each vector, added to the stream, adds to every token's logit: `[vectors, vocabulary]`.
    pub fn logit_effects(&self, vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let head = &self.weights.network().head.linear;
        let (width, vocabulary) = (head.inputs, head.outputs);
        let normalized: Vec<Vec<f64>> =
            vectors.iter().map(|vector| self.normalized(vector)).collect();
        let parts = in_ranges(self.pool, vocabulary, ROWS, |ids| {
            let mut rows = vec![0.0; ids.len() * width];
            self.weights.read_rows(head.weight, ids, &mut rows);
            let mut effects: Vec<Vec<f64>> = Vec::with_capacity(normalized.len());
            let (several, rest) = normalized.as_chunks::<SEVERAL>();
            for several in several {
                let mut of = [const { Vec::new() }; SEVERAL];
                for row in rows.chunks_exact(width) {
                    let sums = dots(several.each_ref().map(|normalized| &normalized[..]), row);
                    of.iter_mut().zip(sums).for_each(|(of, sum)| of.push(sum));
                }
                effects.extend(of);
            }
            let of = |normalized: &Vec<f64>| {
                rows.chunks_exact(width).map(|row| dot(normalized, row)).collect()
            };
            effects.extend(rest.iter().map(of));
            effects
        });
        let mut effects = vec![Vec::with_capacity(vocabulary); vectors.len()];
        for part in parts {
            effects.iter_mut().zip(part).for_each(|(effects, part)| effects.extend(part));
        }
        effects
    }

    /// A vector as the head sees it, times the factor of the logits.
    fn normalized(&self, vector: &[f64]) -> Vec<f64> {
        let factor = self.factor * self.logit_factor;
        let vector = self.centered(vector.to_vec());
        vector.iter().zip(&self.gain).map(|(x, gain)| factor * gain * x).collect()
    }

    /// Under a layer norm, with the mean taken off. Taking it off the stream or off the direction
    /// that the stream is multiplied with is the same.
    fn centered(&self, mut row: Vec<f64>) -> Vec<f64> {
        if self.is_centered {
            let mean = row.iter().fold(0.0, |sum, x| sum + x) / row.len() as f64;
            row.iter_mut().for_each(|x| *x -= mean);
        }
        row
    }

    fn head_row(&self, token: TokenId) -> Vec<f32> {
        let head = &self.weights.network().head.linear;
        let mut row = vec![0.0; head.inputs];
        self.weights.gather(head.weight, &[token.0], &mut row);
        row
    }
}

/// A token's logit before its cap, of a row behind the last norm, `[width]`, in f64.
pub(crate) fn logit_before_cap(weights: &Weights, normed: &[f32], token: TokenId) -> f64 {
    let head = &weights.network().head;
    let mut row = vec![0.0; head.linear.inputs];
    weights.gather(head.linear.weight, &[token.0], &mut row);
    let normed: Vec<f64> = normed.iter().copied().map(f64::from).collect();
    let bias = head.linear.bias.map_or(0.0, |bias| f64::from(weights.rows(bias)[token.index()]));
    f64::from(head.factor) * (dot(&normed, &row) + bias)
}

/// Σ a·b in f64. Four chains side by side, since one would wait for every sum before the next.
pub(crate) fn dot(a: &[f64], b: &[f32]) -> f64 {
    let [sum] = dots([a], b);
    sum
}

/// The same of several vectors and one row, whose numbers are widened once: each has the bits that it
/// has alone.
fn dots<const N: usize>(a: [&[f64]; N], b: &[f32]) -> [f64; N] {
    let mut chains = [[0.0; 4]; N];
    let a = a.map(|a| a[..b.len()].as_chunks::<4>());
    let (b_parts, b_rest) = b.as_chunks::<4>();
    for (at, b) in b_parts.iter().enumerate() {
        let b = b.map(f64::from);
        for (chains, (a, _)) in chains.iter_mut().zip(&a) {
            for (chain, (a, b)) in chains.iter_mut().zip(a[at].iter().zip(b)) {
                *chain += a * b;
            }
        }
    }
    let mut sums = [0.0; N];
    for ((sum, chains), (_, a_rest)) in sums.iter_mut().zip(chains).zip(a) {
        let rest = a_rest.iter().zip(b_rest).fold(0.0, |sum, (a, &b)| sum + a * f64::from(b));
        *sum = chains[0] + chains[1] + (chains[2] + chains[3]) + rest;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_vectors_have_the_bits_that_each_has_alone() {
        for len in [0, 1, 3, 4, 5, 64, 67] {
            let number = |at: usize| (at as f64 * 0.7301).sin() * 3f64.powi(at as i32 % 9 - 4);
            let row: Vec<f32> = (0..len).map(|at| number(at + 11) as f32).collect();
            let vectors = [0, 100, 200, 300]
                .map(|from| -> Vec<f64> { (from..from + len).map(number).collect() });
            let alone = vectors.each_ref().map(|vector| dot(vector, &row).to_bits());
            let together = dots(vectors.each_ref().map(|vector| &vector[..]), &row);
            assert_eq!(together.map(f64::to_bits), alone, "{len}");
        }
    }
}
