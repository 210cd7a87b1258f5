//! A block: attention moves information between positions, the MLP works on each; both only add to
//! the residual stream.

use ndarray::Array2;

use crate::{
    attend::multi_head,
    mlp::{Linear, Mlp},
    norm::Norm,
    position::rotate,
};

/// The weights of one block, and the settings of its attention.
#[derive(Clone, Debug)]
pub struct Block {
    /// Before attention.
    pub attention_norm: Norm,
    /// Query projection: what each token looks for.
    pub query: Linear,
    /// Key projection: what queries are compared with.
    pub key: Linear,
    /// Value projection: what attention sums up.
    pub value: Linear,
    /// Output projection: from the heads back to the residual stream.
    pub output: Linear,
    /// Width of a head.
    pub head_dim: usize,
    /// Rotary embedding, where there is one: how many dimensions of a head are rotated, and theta,
    /// the base of their frequencies.
    pub rotary: Option<(usize, f64)>,
    /// Sliding window: how many tokens a token sees, itself included; without it, all up to itself.
    pub window: Option<usize>,
    /// Before the MLP.
    pub mlp_norm: Norm,
    /// The MLP.
    pub mlp: Mlp,
}

impl Block {
    /// `[tokens, width]` to `[tokens, width]`.
    pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {
        let x = x + self.attention(&self.attention_norm.apply(x));
        &x + self.mlp.apply(&self.mlp_norm.apply(&x))
    }

    fn attention(&self, x: &Array2<f64>) -> Array2<f64> {
        let query = self.rotated(self.query.apply(x));
        let key = self.rotated(self.key.apply(x));
        let value = self.value.apply(x);
        self.output.apply(&multi_head(&query, &key, &value, self.head_dim, self.window))
    }

    /// The rotary embedding of every head, where there is one.
    fn rotated(&self, mut x: Array2<f64>) -> Array2<f64> {
        if let Some((dims, theta)) = self.rotary {
            for mut head in x.axis_chunks_iter_mut(ndarray::Axis(1), self.head_dim) {
                let rotated = rotate(head.view(), dims, theta);
                head.assign(&rotated);
            }
        }
        x
    }
}
