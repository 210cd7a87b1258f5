//! Heads by their weights alone: what an OV circuit copies, and which heads read what others write.
//!
//! ```text
//! OV = W_O W_V,  QK = W_Qᵀ W_K,  both [width, width]
//! copying      Σ Re λ / Σ |λ| of the eigenvalues λ of W_U OV W_E
//! composition  ‖QKᵀ OV‖ / (‖QK‖ ‖OV‖) by queries, ‖QK OV‖ / … by keys, ‖OV' OV‖ / (‖OV'‖ ‖OV‖) by values
//! ```
//! Elhage et al. 2021, *A Mathematical Framework for Transformer Circuits*; ‖·‖ is Frobenius's norm. The gain of
//! the norm before a matrix is folded into the columns that read the stream, and the mean that a layer norm
//! takes off as well; `raw` leaves them out, as TransformerLens does with unprocessed weights. Positions,
//! biases and the norms of queries and keys are not part of it. All in f64.

use lookback_engine::{ThreadPool, Weights};
use lookback_model::{Block, Linear, Norm, NormKind};
use nalgebra::DMatrix;
use serde::Serialize;

use crate::{ranges::in_ranges, source_contributions::key_head};

/// Multiplications that the copying score's sum over the vocabulary may take.
const MAX_MULTIPLICATIONS: usize = 40_000_000_000;
/// Rows of the vocabulary that a task takes.
const ROWS: usize = 1024;

/// How a head reads another's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CompositionKind {
    /// In its queries.
    Query,
    /// In its keys.
    Key,
    /// In its values.
    Value,
}

/// How much of what one head writes another reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Composition {
    /// Layer and head that write.
    pub writes: [usize; 2],
    /// Layer and head that read.
    pub reads: [usize; 2],
    /// Where they read it.
    pub kind: CompositionKind,
    /// Between 0 and 1.
    pub score: f64,
}

/// The copying score of each head, by layer and head: 1 where all that it moves raises the logit of the token
/// that it came from, −1 where it lowers it.
pub fn copying(weights: &Weights, pool: &ThreadPool, raw: bool) -> Vec<f64> {
    let network = weights.network();
    let head = &network.head.linear;
    // Of the table, which may be narrower than the stream.
    let (width, vocabulary) = (head.inputs, head.outputs);
    // Σ over tokens of unembedding ⊗ embedding; of a large vocabulary, of every nth token.
    let step = (vocabulary * width * width).div_ceil(MAX_MULTIPLICATIONS).max(1);
    let rows: Vec<u32> = (0..vocabulary as u32).step_by(step).collect();
    let parts = in_ranges(pool, rows.len(), ROWS, |range| {
        let read = |id| {
            let mut values = vec![0.0; range.len() * width];
            weights.gather(id, &rows[range.clone()], &mut values);
            DMatrix::from_iterator(width, range.len(), values.iter().map(|&x| f64::from(x)))
        };
        read(head.weight) * read(network.embed).transpose()
    });
    let mut both = DMatrix::zeros(width, width);
    parts.into_iter().for_each(|part| both += part);
    if let Some([into, out]) = &network.projections {
        let [into, out] = [into, out].map(|linear| {
            let mut values = vec![0.0; linear.inputs * linear.outputs];
            weights.read(linear.weight, &mut values);
            let values = values.iter().map(|&x| f64::from(x));
            DMatrix::from_row_iterator(linear.outputs, linear.inputs, values)
        });
        both = out.transpose() * both * into.transpose();
    }
    if !raw {
        fold_rows(weights, Some(&network.ln_final), &mut both);
    }
    let heads = network.blocks.len() * network.config.heads;
    in_ranges(pool, heads, 1, |range| {
        let (layer, head) =
            (range.start / network.config.heads, range.start % network.config.heads);
        let block = &network.blocks[layer];
        // [head_dim, head_dim]: W_V W_Eᵀ W_U W_O has the eigenvalues of the whole but zeros.
        let small =
            values(weights, block, head, raw) * both.transpose() * output(weights, block, head);
        let eigenvalues = small.complex_eigenvalues();
        let (real, size) = eigenvalues.iter().fold((0.0, 0.0), |(real, size), value| {
            (real + value.re, size + value.re.hypot(value.im))
        });
        if size > 0.0 { real / size } else { 0.0 }
    })
}

/// The composition of every pair of heads of different layers, by kind; the strongest first, at most so many.
pub fn composition(
    weights: &Weights,
    pool: &ThreadPool,
    raw: bool,
    max_count: usize,
) -> Vec<Composition> {
    let network = weights.network();
    let blocks = &network.blocks;
    let heads = network.config.heads;
    let all = in_ranges(pool, blocks.len() * heads, 1, |range| {
        Circuits::new(weights, &blocks[range.start / heads], range.start % heads, raw)
    });
    let found = in_ranges(pool, all.len(), 1, |range| {
        let (reads, reader) = (range.start, &all[range.start]);
        let mut found = Vec::new();
        for (writes, writer) in all[..reads / heads * heads].iter().enumerate() {
            for kind in [CompositionKind::Query, CompositionKind::Key, CompositionKind::Value] {
                let score = reader.composition(writer, kind);
                let place = |at: usize| [at / heads, at % heads];
                found.push(Composition { writes: place(writes), reads: place(reads), kind, score });
            }
        }
        found
    });
    let mut found = found.concat();
    let order = |of: &Composition| (of.reads, of.writes, of.kind);
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(order(a).cmp(&order(b))));
    found.truncate(max_count);
    found
}

/// A head's matrices, and what its circuits weigh.
struct Circuits {
    /// `[head_dim, width]`
    reads: [DMatrix<f64>; 3],
    /// For queries, keys and values, the root of the Gram matrix of what stands on the other side:
    /// `[head_dim, head_dim]`, so that ‖other · reads‖ = ‖root · reads‖.
    roots: [DMatrix<f64>; 3],
    /// `[width, head_dim]`, times the root of the values' Gram matrix: ‖reads · W_O W_V‖ = ‖reads · written‖.
    written: DMatrix<f64>,
    qk: f64,
    ov: f64,
}

impl Circuits {
    fn new(weights: &Weights, block: &Block, head: usize, raw: bool) -> Self {
        let reads = [0, 1, 2].map(|which| reading(weights, block, which, head, raw));
        let written = output(weights, block, head);
        // Of a tall matrix A, ‖A x‖ = ‖R x‖ where A = Q R.
        let root = |tall: DMatrix<f64>| tall.qr().r();
        let [q, k, v] = &reads;
        let roots = [root(k.transpose()), root(q.transpose()), root(written.clone())];
        let written = &written * root(v.transpose()).transpose();
        let (qk, ov) = ((&roots[1] * k).norm(), written.norm());
        Self { reads, roots, written, qk, ov }
    }

    fn composition(&self, writer: &Self, kind: CompositionKind) -> f64 {
        let which = kind as usize;
        let read = (&self.roots[which] * (&self.reads[which] * &writer.written)).norm();
        let own = if kind == CompositionKind::Value { self.ov } else { self.qk };
        let sizes = own * writer.ov;
        if sizes > 0.0 { read / sizes } else { 0.0 }
    }
}

/// A head's rows of the value projection, `[head_dim, width]`.
fn values(weights: &Weights, block: &Block, head: usize, raw: bool) -> DMatrix<f64> {
    reading(weights, block, 2, head, raw)
}

/// A head's rows of the projection to queries, keys or values, `[head_dim, width]`.
fn reading(weights: &Weights, block: &Block, which: usize, head: usize, raw: bool) -> DMatrix<f64> {
    let Linear { weight, inputs, .. } = block.qkv[which];
    let head_dim = block.attend.head_dim;
    let own = if which == 0 { head } else { key_head(&block.attend, head) };
    let mut rows = vec![0.0; head_dim * inputs];
    weights.read_rows(weight, own * head_dim..(own + 1) * head_dim, &mut rows);
    let mut matrix =
        DMatrix::from_row_iterator(head_dim, inputs, rows.iter().map(|&x| f64::from(x)));
    if !raw && let Some(norm) = &block.ln1 {
        let mut columns = matrix.transpose();
        fold_rows(weights, Some(norm), &mut columns);
        matrix = columns.transpose();
    }
    matrix
}

/// A head's columns of the output projection, `[width, head_dim]`.
fn output(weights: &Weights, block: &Block, head: usize) -> DMatrix<f64> {
    let Linear { weight, inputs, outputs, .. } = block.output;
    let head_dim = block.attend.head_dim;
    let mut rows = vec![0.0; outputs * inputs];
    weights.read(weight, &mut rows);
    let own = |row: &[f32]| row[head * head_dim..(head + 1) * head_dim].to_vec();
    let columns: Vec<f32> = rows.chunks_exact(inputs).flat_map(own).collect();
    DMatrix::from_row_iterator(outputs, head_dim, columns.iter().map(|&x| f64::from(x)))
}

/// What reads a norm's output, as a reader of the stream: `[width, readers]`, row by row times the gain, and
/// under a layer norm with each column's mean taken off.
fn fold_rows(weights: &Weights, norm: Option<&Norm>, readers: &mut DMatrix<f64>) {
    let Some(norm) = norm else { return };
    let gains = weights.rows(norm.weight);
    for (mut row, &gain) in readers.row_iter_mut().zip(gains) {
        row *= f64::from(gain);
    }
    if norm.kind == NormKind::Layer {
        for mut column in readers.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
    }
}
