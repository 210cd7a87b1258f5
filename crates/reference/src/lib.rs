//! A whole decoder-only transformer in f64, written to be read like an article, top to bottom.
//!
//! ```text
//! ids → vectors → (attention → MLP) × layers → logits → probabilities → the next id → append, repeat
//! ```
//! It computes whole sequences, without a KV cache and without care for speed; tests compare the
//! fast kernels with it.
//! Read `embed`, `attend`, `mlp`, `block`, `logits`, `sample`, in this order.
//!
//! ```
//! use lookback_reference::attend::attend;
//! use ndarray::array;
//!
//! // The first token sees only itself; the query of the second matches the key of the first.
//! let (query, key) = (array![[1.0], [40.0]], array![[1.0], [0.0]]);
//! let value = array![[5.0], [7.0]];
//! let seen = attend(query.view(), key.view(), value.view(), None);
//! assert_eq!(seen[[0, 0]], 5.0);
//! assert!((seen[[1, 0]] - 5.0).abs() < 1e-15);
//! ```

pub mod attend;
pub mod block;
pub mod embed;
pub mod experts;
pub mod logits;
pub mod mlp;
pub mod norm;
pub mod position;
pub mod sample;

use ndarray::{Array1, Array2};

use block::Block;
use norm::Norm;

/// A model: its weights, and the settings of its forward pass.
#[derive(Clone, Debug)]
pub struct Transformer {
    /// `[vocabulary, width]`: a row for each token.
    pub embed: Array2<f64>,
    /// `[context, width]`: a row for each position, where positions are learned.
    pub positions: Option<Array2<f64>>,
    /// Applied in this order.
    pub blocks: Vec<Block>,
    /// The final norm, after the last block.
    pub norm: Norm,
    /// `[vocabulary, width]`: the unembedding (`lm_head`); often the embedding table itself.
    pub head: Array2<f64>,
    /// The bound of a soft cap on the logits (see [`logits::capped`]), where there is one.
    pub logit_cap: Option<f64>,
}

impl Transformer {
    /// The forward pass: a score for each next token, after each token: `[tokens, vocabulary]`.
    pub fn logits(&self, ids: &[usize]) -> Array2<f64> {
        let mut x = embed::rows(&self.embed, ids);
        if let Some(positions) = &self.positions {
            x = x + embed::rows(positions, &Vec::from_iter(0..ids.len()));
        }
        for block in &self.blocks {
            x = block.apply(&x);
        }
        let logits = self.norm.apply(&x).dot(&self.head.t());
        match self.logit_cap {
            Some(cap) => logits.mapv(|score| logits::capped(score, cap)),
            None => logits,
        }
    }

    /// Greedy decoding: the prompt, and the likeliest next token appended `new_tokens` times.
    pub fn generate_greedily(&self, prompt: &[usize], new_tokens: usize) -> Vec<usize> {
        let mut ids = prompt.to_vec();
        for _ in 0..new_tokens {
            let logits: Array1<f64> = self.logits(&ids).row(ids.len() - 1).to_owned();
            ids.push(sample::greedy(logits.view()));
        }
        ids
    }
}
