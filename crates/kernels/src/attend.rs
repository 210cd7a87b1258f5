//! Attention over keys and values in pages, tile by tile with an online softmax (FlashAttention).
//!
//! ```text
//! for each tile of 64 keys that a row sees, ascending:
//!     s = q · keys · scale;  m = max s;  l[lane] += exp(s − m);  o = chain of exp(s − m) · v
//!     M' = max(M, m);  L = fma(l, exp(m − M'), L · exp(M − M'));  O likewise
//! z = O / ΣL;  log-sum-exp = M + ln ΣL
//! ```
//! Some families change scores before that (a soft cap, ALiBi) or add a sink to the total: see `score_terms`.
//!
//! m, l and o are a tile's maximum, totals of the lanes and sum of weighted values; M, L and O are
//! those of all tiles so far.
//!
//! 1. Keys lie transposed in their page, so that a tile's 64 scores are 64 outputs of one product.
//! 2. Six rows go through a tile together; on the diagonal they share the keys visible to all of
//!    them, and the last keys of each row are added alone: a masked key enters no sum, and its
//!    value is not read.
//! 3. The factors that rescale L and O are computed for all six rows in one vector.
//! 4. The attention pattern is never stored; where it is asked for, it is computed again from the
//!    log-sum-exp.
//! 5. Products are of f32, or of pairs of bf16 that are rounded just before; pages then hold pairs.
//!    The softmax between them is in f32, and its total is that of weights that are not rounded.

mod alibi;
mod arithmetic;
mod backward;
mod edited;
pub mod edits;
mod forward;
mod score_terms;
mod scores;
mod single_query;
mod softmax;
mod store;

pub use crate::naive::bf16::Compute;
use crate::{bf16::pairs, lanes::LANES};

pub use alibi::Alibi;
pub use backward::{EditedRows, backward, backward_edited, backward_scratch};
pub use edited::{edited_scratch, forward_edited, pattern_edited, scores_edited};
pub use forward::forward;
pub use scores::{pattern, scores};
pub use store::store;

/// Positions of a page, and keys of a tile.
pub const PAGE: usize = 64;

/// The number of each lane, for what depends on a key's place in its tile.
const LANE: [f32; LANES] = [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];

/// The parameters of an attention: its heads, what makes its scores, and its arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionParams<'a> {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub key_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Factor of query · key, usually 1 / √head_dim.
    pub scale: f32,
    /// Whether a row sees no key behind its own position. Otherwise it sees every key of its sequence, and
    /// there is no window.
    pub is_causal: bool,
    /// The length of a sliding window: a row at position p sees the keys at p − window + 1 ..= p.
    pub window: Option<usize>,
    /// Scores are cap · tanh(score / cap), if so (Gemma Team 2024, section 2).
    pub score_cap: Option<f32>,
    /// What is subtracted from scores by the distance of a key, if something is.
    pub alibi: Option<Alibi>,
    /// `[heads]`: attention sinks, one more term of each row's total, which has no value (Xiao et al. 2023,
    /// as gpt-oss learns them).
    pub sinks: Option<&'a [f32]>,
    /// The type that products multiply. Pairs of bf16 are of neighbouring dimensions in sums over a
    /// head's width, and of neighbouring positions in sums over positions.
    pub products: Compute,
}

impl AttentionParams<'_> {
    /// Query heads that share a key head.
    pub fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// Whether a score is more than a scaled product.
    fn has_score_terms(&self) -> bool {
        self.score_cap.is_some() || self.alibi.is_some()
    }

    /// f32 words of one head's keys in a page; its values take at most as many.
    fn head_len(&self) -> usize {
        PAGE * match self.products {
            Compute::F32 => self.head_dim,
            Compute::Bf16 => pairs(self.head_dim),
        }
    }
}

/// The rows of one sequence in the batch, and where its pages are listed. A `Segment` of the model's batch
/// names the sequence and its rows; a span is what a kernel makes of one: where these rows begin in the
/// sequence, and which pages hold its keys.
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

/// The span that part `number` belongs to, and the index of the part within that span. Parts are
/// numbered one span after the other; `parts` gives how many a span has.
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

/// Keys and values in pages (of a KV cache, or scratch), as one layer reads them.
#[derive(Clone, Copy, Debug)]
pub struct KvPages<'a> {
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

/// Keys and values in pages (of a KV cache, or scratch), as one layer writes them.
#[derive(Debug)]
pub struct KvPagesMut<'a> {
    /// All pages.
    pub storage: &'a mut [f32],
    /// Floats of a page.
    pub stride: usize,
    /// As [`KvPages::keys_at`].
    pub keys_at: usize,
    /// As [`KvPages::values_at`].
    pub values_at: usize,
    /// The pages of all spans.
    pub table: &'a [u32],
}

/// What the backward pass reads: what the forward pass read and made, and the gradient of that.
#[derive(Clone, Copy, Debug)]
pub struct BackwardInputs<'a> {
    /// `[rows, heads, head_dim]`
    pub query: &'a [f32],
    /// `[rows, key_heads, head_dim]`
    pub key: &'a [f32],
    /// `[rows, key_heads, head_dim]`
    pub value: &'a [f32],
    /// `[rows, heads, head_dim]`: what [`forward`](forward()) made.
    pub out: &'a [f32],
    /// `[rows, heads]`, likewise.
    pub log_sum_exp: &'a [f32],
    /// `[rows, heads, head_dim]`: the gradient of `out`.
    pub dout: &'a [f32],
    /// The sequences, which begin at position 0.
    pub spans: &'a [SequenceSpan],
}

/// The gradients of queries, keys and values, which are overwritten, and of sinks.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[rows, heads, head_dim]`
    pub dq: &'a mut [f32],
    /// `[rows, key_heads, head_dim]`
    pub dk: &'a mut [f32],
    /// `[rows, key_heads, head_dim]`
    pub dv: &'a mut [f32],
    /// `[heads]`, if sinks are learned; their sums over rows go on from what stands there.
    pub dsinks: Option<&'a mut [f32]>,
}

/// f32 words of one layer's keys in a page; as many are kept for its values.
pub fn keys_len(params: &AttentionParams<'_>) -> usize {
    params.key_heads * params.head_len()
}
