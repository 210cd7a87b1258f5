//! The products of a linear layer, in the precision that its weight is packed for.

use std::ops::Range;

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    bf16, cap,
    matmul::{self, Accumulate, Epilogue},
    scale, stored,
    thread_pool::ThreadPool,
};
use lookback_model::{Head, Linear, Program, ValueId};

use crate::{
    gradients::Gradients,
    operations::{chunk_rows, traits},
    packed::{BackwardPanels, Compute, ForwardPanels},
    packing::{Packing, longest_part, parts},
    weights::Weights,
};

/// The factor and the soft cap of a head, in place of its products.
pub(crate) fn bound_logits(pool: &ThreadPool, head: &Head, logits: &mut [f32]) {
    if head.factor != 1.0 {
        scale::scale_in_place(pool, head.factor, logits);
    }
    if let Some(cap) = head.cap {
        cap::forward(pool, cap, logits);
    }
}

/// Pairs in the shortest sub-block of a quantised weight.
const PAIRS_PER_BLOCK: usize = 8;

/// The operands of a product in the form that its kernel reads: rounded rows and packed panels.
#[derive(Debug, Default)]
pub(crate) struct Operands {
    pub rounded: RoundedRows,
    pub packing: Packing,
}

impl Operands {
    /// Clears it, as when a pass begins.
    pub(crate) fn invalidate(&mut self) {
        self.rounded.invalidate();
        self.packing.invalidate();
    }

    /// As [`AlignedBuffer::prefault`].
    pub(crate) fn prefault(&mut self, pool: &ThreadPool) {
        self.rounded.prefault(pool);
        self.packing.prefault(pool);
    }
}

/// Rows rounded to pairs of bf16, kept while several products read them.
#[derive(Debug, Default)]
pub(crate) struct RoundedRows {
    pairs: AlignedBuffer<u32>,
    /// The value of a pass that they are.
    value: Option<ValueId>,
    /// Sums of their sub-blocks, for weights that add a number to all of a sub-block.
    block_sums: AlignedBuffer,
    /// The value that these belong to, and the length of the sub-blocks.
    block_sums_value: Option<(ValueId, usize)>,
}

impl RoundedRows {
    fn invalidate(&mut self) {
        self.value = None;
        self.block_sums_value = None;
    }

    /// Allocates the buffers, so that no pass has to.
    pub(crate) fn reserve(&mut self, pairs: usize) {
        if self.pairs.len() < pairs {
            self.pairs = AlignedBuffer::zeros(pairs);
            self.block_sums = AlignedBuffer::zeros(pairs.div_ceil(PAIRS_PER_BLOCK));
        }
    }

    /// Bytes of these buffers.
    pub(crate) fn bytes(pairs: usize) -> usize {
        4 * (pairs + pairs.div_ceil(PAIRS_PER_BLOCK))
    }

    fn prefault(&mut self, pool: &ThreadPool) {
        self.pairs.prefault(pool);
        self.block_sums.prefault(pool);
    }

    /// Rows of pairs, rounded unless those of this value stand there already.
    fn rows(
        &mut self,
        pool: &ThreadPool,
        x: &[f32],
        width: usize,
        value: Option<ValueId>,
    ) -> &[u32] {
        let len = x.len() / width * bf16::pairs(width);
        if value.is_none() || value != self.value {
            self.reserve(len);
            bf16::round_rows(pool, x, width, 0..width, &mut self.pairs[..len]);
            self.value = value;
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
        self.invalidate();
        &self.pairs[..len]
    }

    /// The same, with the sums of their sub-blocks.
    fn rows_and_block_sums(
        &mut self,
        pool: &ThreadPool,
        x: &[f32],
        width: usize,
        value: Option<ValueId>,
        sub_block_len: usize,
    ) -> (&[u32], &[f32]) {
        let pairs = self.rows(pool, x, width, value).len();
        let block_sums = 2 * pairs / sub_block_len;
        let which = value.map(|value| (value, sub_block_len));
        if which.is_none() || which != self.block_sums_value {
            let sums = &mut self.block_sums[..block_sums];
            stored::block_sums(pool, &self.pairs[..pairs], sub_block_len, sums);
            self.block_sums_value = which;
        }
        (&self.pairs[..pairs], &self.block_sums[..block_sums])
    }

    /// The most pairs that a pass of a program over so many rows needs.
    pub(crate) fn len(program: &Program, rows: usize, has_backward: bool) -> usize {
        let layers = program.steps.iter().flat_map(|step| {
            let rows = chunk_rows(&step.op, rows);
            traits(step).linear_layers.iter().map(move |layer| (layer, rows))
        });
        let pairs = layers.map(|(layer, rows)| {
            let back = if has_backward { longest_part(layer.outputs, layer.inputs) } else { 0 };
            rows * bf16::pairs(layer.inputs.max(back))
        });
        pairs.max().unwrap_or(0)
    }
}

/// The rows that enter a linear layer, and the value of the pass that they are all of, if any.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub x: &'a [f32],
    pub value: Option<ValueId>,
}

/// y = x · weightᵀ, then + bias, then + residual.
pub(crate) fn forward(
    pool: &ThreadPool,
    weights: &Weights,
    layer: &Linear,
    Input { x, value }: Input<'_>,
    Operands { rounded, packing }: &mut Operands,
    residual: Option<&[f32]>,
    y: &mut [f32],
) {
    let epilogue = Epilogue { bias: layer.bias.map(|bias| weights.rows(bias)), residual };
    let held = weights.forward(layer.weight);
    match held.unwrap_or_else(|| packing.forward(pool, weights, layer.weight)) {
        ForwardPanels::F32(panels) => matmul::forward(pool, x, panels, epilogue, y),
        ForwardPanels::Stored(panels) => stored::forward(pool, x, panels, epilogue, y),
        ForwardPanels::Quantised(panels) => {
            let (x, block_sums) = if panels.storage.has_min() {
                let sub_block_len = panels.storage.sub_block_len();
                rounded.rows_and_block_sums(pool, x, layer.inputs, value, sub_block_len)
            } else {
                (rounded.rows(pool, x, layer.inputs, value), &[][..])
            };
            stored::forward_rounded(pool, x, block_sums, panels, epilogue, y);
        }
        ForwardPanels::Bf16(panels) => {
            bf16::forward(pool, rounded.rows(pool, x, layer.inputs, value), panels, epilogue, y);
        }
    }
}

/// The backward pass of a linear layer.
pub(crate) struct LinearBackward<'a> {
    pub layer: &'a Linear,
    /// `[rows, outputs]`
    pub dy: &'a [f32],
    /// `[rows, inputs]`: what entered.
    pub x: &'a [f32],
    /// What the sums of `dx` begin at.
    pub start: Accumulate,
    /// `[rows, inputs]`
    pub dx: &'a mut [f32],
}

/// The gradients of a linear layer's bias and weight, where they are trainable, and, in `dx`,
/// of its input.
pub(crate) fn backward(
    pool: &ThreadPool,
    weights: &Weights,
    LinearBackward { layer, dy, x, start, dx }: LinearBackward<'_>,
    Operands { rounded, packing }: &mut Operands,
    scratch: &mut [f32],
    gradients: &mut Gradients,
) {
    let (outputs, inner) = (layer.outputs, layer.inputs);
    if let Some(dbias) = layer.bias.and_then(|bias| gradients.trainable_mut(bias)) {
        matmul::bias_gradient(pool, dy, outputs, dbias);
    }
    if let Some(dweight) = gradients.trainable_mut(layer.weight) {
        match weights.compute_of(layer.weight) {
            Compute::F32 => matmul::weight_gradient(pool, dy, x, outputs, inner, scratch, dweight),
            Compute::Bf16 => {
                let scratch = bf16::as_pairs_mut(scratch);
                bf16::weight_gradient(pool, dy, x, outputs, inner, scratch, dweight);
            }
        }
    }
    // What runs is read as the forward pass reads it: to pack it across would take longer than the product.
    match weights.forward(layer.weight) {
        Some(ForwardPanels::F32(panels)) => {
            return matmul::input_gradient_of_forward_panels(pool, dy, panels, start, dx);
        }
        Some(ForwardPanels::Stored(panels)) => {
            return stored::input_gradient(pool, dy, panels, start, dx);
        }
        Some(ForwardPanels::Bf16(_) | ForwardPanels::Quantised(_)) | None => {}
    }
    for part in parts(outputs, inner) {
        let start = if part.start == 0 { start } else { Accumulate::FromOutput };
        match packing.backward(pool, weights, layer.weight, part.clone()) {
            BackwardPanels::F32(panels) => {
                matmul::input_gradient(pool, dy, part.start, panels, start, dx);
            }
            BackwardPanels::Bf16(panels) => {
                let dy = rounded.columns(pool, dy, outputs, part);
                bf16::input_gradient(pool, dy, panels, start, dx);
            }
        }
    }
}
