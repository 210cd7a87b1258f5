//! Attention over paged keys and values, streamed tile by tile.
//!
//! ```text
//! for each tile of 64 keys that a row sees, ascending:
//!     s = q · keys · scale;  m = max s;  l[lane] += exp(s − m);  o = chain of exp(s − m) · v
//!     M' = max(M, m);  L = fma(l, exp(m − M'), L · exp(M − M'));  O likewise
//! z = O / ΣL;  log-sum-exp = M + ln ΣL
//! ```
//! 1. Keys lie transposed in their page, so that a tile's 64 scores are 64 outputs of one product.
//! 2. Six rows go through a tile together; on the diagonal they share the keys that all of them see,
//!    and each takes its own last ones alone: a hidden key is in no chain and its value is not read.
//! 3. The folding factors of the rows stand in one vector.
//! 4. The weights are never stored. To see them, they are computed again from the log-sum-exp.
//! 5. Products are of numbers or of pairs of bf16, which are rounded just before; a page then holds pairs.
//!    The softmax between them is in f32, and its total is that of weights that are not rounded.

mod arithmetic;
mod backward;
mod forward;
mod scores;
mod single_query;
mod softmax;
mod store;

use crate::bf16::pairs;
pub use crate::naive::bf16::Compute;

pub use backward::{backward, backward_scratch};
pub use forward::forward;
pub use scores::{pattern, scores};
pub use store::store;

/// Positions of a page, and keys of a tile.
pub const PAGE: usize = 64;

/// The parameters of an attention: its heads, scale, window and arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionParams {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub key_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// A row at position p sees the keys at p − window + 1 ..= p.
    pub window: Option<usize>,
    /// What its products multiply: pairs of bf16 are along a head's width for scores, and of successive
    /// positions otherwise.
    pub products: Compute,
}

impl AttentionParams {
    /// Query heads that share a key head.
    pub fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// Words of one head's keys in a page; its values take at most as many.
    fn head_len(&self) -> usize {
        PAGE * match self.products {
            Compute::F32 => self.head_dim,
            Compute::Bf16 => pairs(self.head_dim),
        }
    }
}

/// The rows of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceSpan {
    /// Its first row.
    pub first_row: usize,
    /// How many there are.
    pub rows: usize,
    /// The position of the first.
    pub first_position: usize,
    /// Where its pages begin in the table: entry `first_page + n` has positions 64n to 64n + 63.
    pub first_page: usize,
}

/// The span that a part belongs to, and which of its parts it is, where each span has as many as `parts`
/// says and they are numbered one span after the other.
fn span_of_part(
    spans: &[SequenceSpan],
    mut number: usize,
    parts: impl Fn(&SequenceSpan) -> usize,
) -> Option<(&SequenceSpan, usize)> {
    for span in spans {
        let count = parts(span);
        if number < count {
            return Some((span, number));
        }
        number -= count;
    }
    None
}

/// Pages, of which one layer is read.
#[derive(Clone, Copy, Debug)]
pub struct Pages<'a> {
    /// All pages.
    pub storage: &'a [f32],
    /// Floats of a page.
    pub stride: usize,
    /// Where this layer's keys begin in a page: `[key_heads, head_dim, 64]`, or as pairs along the width
    /// `[key_heads, ⌈head_dim / 2⌉, 64]`.
    pub keys_at: usize,
    /// Where its values begin: `[key_heads, 64, head_dim]`, or as pairs of successive positions
    /// `[key_heads, 32, head_dim]`, each head as far from the next as its keys are.
    pub values_at: usize,
    /// The pages of all spans.
    pub table: &'a [u32],
}

/// Pages, of which one layer is written.
#[derive(Debug)]
pub struct PagesMut<'a> {
    /// All pages.
    pub storage: &'a mut [f32],
    /// Floats of a page.
    pub stride: usize,
    /// As [`Pages::keys_at`].
    pub keys_at: usize,
    /// As [`Pages::values_at`].
    pub values_at: usize,
    /// The pages of all spans.
    pub table: &'a [u32],
}

/// Words of one layer's keys in a page; its values take as many.
pub fn keys_len(params: &AttentionParams) -> usize {
    params.key_heads * params.head_len()
}
