//! The products of a linear layer, in the precision that its weight is packed for.

use std::ops::Range;

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    bf16,
    matmul::{self, Accumulate, Epilogue},
    stored,
    thread_pool::ThreadPool,
};
use lookback_model::{Linear, Program, ValueId};

use crate::{
    gradients::Gradients,
    operations::{rows_at_once, traits},
    packed::{Back, Compute, Forward},
    packing::{Packing, longest_part, parts},
    weights::Weights,
};

/// Pairs in a block of a quantised weight.
const PAIRS_OF_A_BLOCK: usize = 16;

/// What is made of a product's two factors before it.
#[derive(Debug, Default)]
pub(crate) struct Factors {
    pub rounded: Rounded,
    pub packing: Packing,
}

impl Factors {
    /// Forgets what stands there, as when a pass begins.
    pub(crate) fn forget(&mut self) {
        self.rounded.forget();
        self.packing.forget();
    }

    /// As [`AlignedBuffer::prefault`].
    pub(crate) fn prefault(&mut self, pool: &ThreadPool) {
        self.rounded.prefault(pool);
        self.packing.prefault(pool);
    }
}

/// Rows rounded to pairs of bf16, kept while several products read them.
#[derive(Debug, Default)]
pub(crate) struct Rounded {
    pairs: AlignedBuffer<u32>,
    /// The value of a pass that they are.
    of: Option<ValueId>,
    /// Sums of their blocks, for weights that add a number to all of a block.
    ones: AlignedBuffer,
    /// The value that these belong to.
    ones_of: Option<ValueId>,
}

impl Rounded {
    fn forget(&mut self) {
        self.of = None;
        self.ones_of = None;
    }

    /// Takes room, so that no pass has to.
    pub(crate) fn reserve(&mut self, pairs: usize) {
        if self.pairs.len() < pairs {
            self.pairs = AlignedBuffer::zeros(pairs);
            self.ones = AlignedBuffer::zeros(pairs.div_ceil(PAIRS_OF_A_BLOCK));
        }
    }

    /// Bytes of that room.
    pub(crate) fn bytes(pairs: usize) -> usize {
        4 * (pairs + pairs.div_ceil(PAIRS_OF_A_BLOCK))
    }

    fn prefault(&mut self, pool: &ThreadPool) {
        self.pairs.prefault(pool);
        self.ones.prefault(pool);
    }

    /// Rows of pairs, rounded unless they stand there as value `of`.
    fn rows(&mut self, pool: &ThreadPool, x: &[f32], width: usize, of: Option<ValueId>) -> &[u32] {
        let len = x.len() / width * bf16::pairs(width);
        if of.is_none() || of != self.of {
            self.reserve(len);
            bf16::round_rows(pool, x, width, 0..width, &mut self.pairs[..len]);
            self.of = of;
        }
        &self.pairs[..len]
    }

    /// Some columns of rows.
    fn columns(
        &mut self,
        pool: &ThreadPool,
        x: &[f32],
        width: usize,
        columns: Range<usize>,
    ) -> &[u32] {
        let len = x.len() / width * bf16::pairs(columns.len());
        self.reserve(len);
        bf16::round_rows(pool, x, width, columns, &mut self.pairs[..len]);
        self.forget();
        &self.pairs[..len]
    }

    /// The same, with the sums of their blocks.
    fn rows_and_ones(
        &mut self,
        pool: &ThreadPool,
        x: &[f32],
        width: usize,
        of: Option<ValueId>,
    ) -> (&[u32], &[f32]) {
        let pairs = self.rows(pool, x, width, of).len();
        let ones = pairs / PAIRS_OF_A_BLOCK;
        if of.is_none() || of != self.ones_of {
            stored::block_sums(pool, &self.pairs[..pairs], &mut self.ones[..ones]);
            self.ones_of = of;
        }
        (&self.pairs[..pairs], &self.ones[..ones])
    }

    /// The most pairs that a pass of a program over so many rows needs.
    pub(crate) fn len(program: &Program, rows: usize, goes_back: bool) -> usize {
        let layers = program.steps.iter().flat_map(|step| {
            let rows = rows_at_once(&step.op, rows);
            traits(step).linear_layers.iter().map(move |layer| (layer, rows))
        });
        let pairs = layers.map(|(layer, rows)| {
            let back = if goes_back { longest_part(layer.outputs, layer.inputs) } else { 0 };
            rows * bf16::pairs(layer.inputs.max(back))
        });
        pairs.max().unwrap_or(0)
    }
}

/// y = x · weightᵀ, then + bias, then + residual. `of` is the value that `x` is, if a whole one.
#[allow(clippy::too_many_arguments, reason = "three matrices, and who computes")]
pub(crate) fn forward(
    pool: &ThreadPool,
    weights: &Weights,
    how: &Linear,
    x: &[f32],
    of: Option<ValueId>,
    Factors { rounded, packing }: &mut Factors,
    residual: Option<&[f32]>,
    y: &mut [f32],
) {
    let epilogue = Epilogue { bias: how.bias.map(|bias| weights.rows(bias)), residual };
    let held = weights.forward(how.weight);
    match held.unwrap_or_else(|| packing.forward(pool, weights, how.weight)) {
        Forward::F32(panels) => matmul::forward(pool, x, panels, epilogue, y),
        Forward::Stored(panels) => stored::forward(pool, x, panels, epilogue, y),
        Forward::Quantised(panels) => {
            let (x, ones) = if panels.storage.has_min() {
                rounded.rows_and_ones(pool, x, how.inputs, of)
            } else {
                (rounded.rows(pool, x, how.inputs, of), &[][..])
            };
            stored::forward_rounded(pool, x, ones, panels, epilogue, y);
        }
        Forward::Bf16(panels) => {
            bf16::forward(pool, rounded.rows(pool, x, how.inputs, of), panels, epilogue, y);
        }
    }
}

/// What a linear layer's gradient means for its bias and its weight, where they learn, and, in `dx`, for
/// what entered.
#[allow(clippy::too_many_arguments, reason = "three matrices, and who computes")]
pub(crate) fn backward(
    pool: &ThreadPool,
    weights: &Weights,
    how: &Linear,
    dy: &[f32],
    x: &[f32],
    Factors { rounded, packing }: &mut Factors,
    scratch: &mut [f32],
    gradients: &mut Gradients,
    start: Accumulate,
    dx: &mut [f32],
) {
    let (outputs, inner) = (how.outputs, how.inputs);
    if let Some(dbias) = how.bias.and_then(|bias| gradients.learned_mut(bias)) {
        matmul::bias_gradient(pool, dy, outputs, dbias);
    }
    if let Some(dweight) = gradients.learned_mut(how.weight) {
        match weights.compute() {
            Compute::F32 => matmul::weight_gradient(pool, dy, x, outputs, inner, scratch, dweight),
            Compute::Bf16 => {
                let scratch = bf16::as_pairs_mut(scratch);
                bf16::weight_gradient(pool, dy, x, outputs, inner, scratch, dweight);
            }
        }
    }
    for part in parts(outputs, inner) {
        let start = if part.start == 0 { start } else { Accumulate::FromOutput };
        match packing.back(pool, weights, how.weight, part.clone()) {
            Back::F32(panels) => {
                matmul::input_gradient(pool, dy, part.start, panels, start, dx);
            }
            Back::Bf16(panels) => {
                let dy = rounded.columns(pool, dy, outputs, part);
                bf16::input_gradient(pool, dy, panels, start, dx);
            }
        }
    }
}
