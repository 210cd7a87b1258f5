//! A block: attention moves information between positions, the MLP works on each; both only add to
//! the residual stream.

use ndarray::Array2;

use crate::{
    attend::multi_head,
    mlp::{Linear, Mlp},
    norm::Norm,
    position::rotate,
};

/// What one block has learned.
#[derive(Clone, Debug)]
pub struct Block {
    /// Before attention.
    pub attention_norm: Norm,
    /// What each token asks for.
    pub query: Linear,
    /// What each token offers.
    pub key: Linear,
    /// What each token gives.
    pub value: Linear,
    /// From the heads back to the residual stream.
    pub output: Linear,
    /// Width of a head.
    pub head_dim: usize,
    /// How many dimensions of a head turn with the position, and the base of their speeds.
    pub rotary: Option<(usize, f64)>,
    /// How many tokens a token sees, if not all before it.
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

    /// Every head turned by its tokens' positions.
    fn rotated(&self, mut x: Array2<f64>) -> Array2<f64> {
        if let Some((dims, theta)) = self.rotary {
            for mut head in x.axis_chunks_iter_mut(ndarray::Axis(1), self.head_dim) {
                let turned = rotate(head.view(), dims, theta);
                head.assign(&turned);
            }
        }
        x
    }
}
