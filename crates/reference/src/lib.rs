//! The article, runnable: a decoder-only transformer in f64, to be read from top to bottom.
//!
//! ```text
//! ids → vectors → (attention → MLP) × layers → logits → probabilities → the next id → append, repeat
//! ```
//! It computes whole sequences, keeps nothing, and is in no hurry: it is the yardstick of what is fast.
//! Read `embed`, `attend`, `mlp`, `block`, `logits`, `sample`, in this order.
//!
//! ```
//! use lookback_reference::attend::attend;
//! use ndarray::array;
//!
//! // The first token sees only itself, and the second asks for what the first has.
//! let (query, key) = (array![[1.0], [40.0]], array![[1.0], [0.0]]);
//! let value = array![[5.0], [7.0]];
//! let seen = attend(query.view(), key.view(), value.view(), None);
//! assert_eq!(seen[[0, 0]], 5.0);
//! assert!((seen[[1, 0]] - 5.0).abs() < 1e-15);
//! ```

pub mod attend;
pub mod block;
pub mod embed;
pub mod logits;
pub mod mlp;
pub mod norm;
pub mod position;
pub mod sample;

use ndarray::{Array1, Array2};

use block::Block;
use norm::Norm;

/// Everything a model has learned.
#[derive(Clone, Debug)]
pub struct Transformer {
    /// `[vocabulary, width]`: a row for each token.
    pub embed: Array2<f64>,
    /// `[context, width]`: a row for each position, where positions are learned.
    pub positions: Option<Array2<f64>>,
    /// One after the other.
    pub blocks: Vec<Block>,
    /// After the last block.
    pub norm: Norm,
    /// `[vocabulary, width]`: where the logits come from; often the embedding table itself.
    pub head: Array2<f64>,
    /// What no logit exceeds, where there is such a bound.
    pub cap: Option<f64>,
}

impl Transformer {
    /// What the model holds likely to come after each token: `[tokens, vocabulary]`.
    pub fn logits(&self, ids: &[usize]) -> Array2<f64> {
        let mut x = embed::rows(&self.embed, ids);
        if let Some(positions) = &self.positions {
            x = x + embed::rows(positions, &Vec::from_iter(0..ids.len()));
        }
        for block in &self.blocks {
            x = block.apply(&x);
        }
        let logits = self.norm.apply(&x).dot(&self.head.t());
        match self.cap {
            Some(cap) => logits.mapv(|score| logits::capped(score, cap)),
            None => logits,
        }
    }

    /// Predict one token, append it, predict the next: always the likeliest.
    pub fn repeat(&self, prompt: &[usize], new_tokens: usize) -> Vec<usize> {
        let mut ids = prompt.to_vec();
        for _ in 0..new_tokens {
            let logits: Array1<f64> = self.logits(&ids).row(ids.len() - 1).to_owned();
            ids.push(sample::greedy(logits.view()));
        }
        ids
    }
}
