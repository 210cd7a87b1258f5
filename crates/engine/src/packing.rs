//! Panels of the trainable weights, packed from their rows just before a product reads them.
//!
//! Panels of all of them would take as much memory as the rows again, and as much once more in f32,
//! and be packed as often: each step changes every weight, and reads it once in either direction. So
//! all share one buffer, as large as the largest weight for the forward pass. For the backward pass a large
//! weight is packed in parts, since the chains of its product go on from part to part; these stay in a
//! cache until they are multiplied. Weights that only run hold no rows. In f32 the backward pass reads the panels of
//! the forward pass, and nothing is packed; rounded ones are widened part by part.

use std::ops::Range;

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    bf16,
    matmul::{self, Panels},
    thread_pool::ThreadPool,
};
use lookback_model::{Network, WeightId};

use crate::{
    packed::{BackwardPanels, Compute, ForwardPanels, PackedLayout as _, output_ranges},
    weights::{Weights, compute_of, is_multiplied},
};

/// Numbers of a part.
const PART_ELEMENTS: usize = 1 << 22;

/// A buffer for the panels of one weight, and which it is.
#[derive(Debug, Default)]
pub(crate) struct Packing {
    /// Of f32, or of pairs.
    forward_panels: AlignedBuffer,
    forward_weight: Option<WeightId>,
    backward_panels: AlignedBuffer,
    backward_weight: Option<WeightId>,
    /// Rows of a part, of weights that hold none.
    rows: AlignedBuffer,
}

/// The outputs of each part of a weight for the backward pass, the longest first.
pub(crate) fn parts(outputs: usize, inner: usize) -> impl Iterator<Item = Range<usize>> {
    output_ranges(outputs, inner, PART_ELEMENTS)
}

/// Outputs of the longest part.
pub(crate) fn longest_part(outputs: usize, inner: usize) -> usize {
    parts(outputs, inner).next().map_or(0, |part| part.len())
}

impl Packing {
    /// Clears it, as when a pass begins: weights may have changed.
    pub(crate) fn invalidate(&mut self) {
        self.forward_weight = None;
        self.backward_weight = None;
    }

    /// Allocates for every weight of a network, so that no pass has to.
    pub(crate) fn reserve(&mut self, network: &Network, compute: Compute, need: PackingNeed) {
        let [forward, backward, rows] = lens(network, compute, need);
        grow(&mut self.forward_panels, forward);
        grow(&mut self.backward_panels, backward);
        grow(&mut self.rows, rows);
    }

    /// Bytes of the buffers.
    pub(crate) fn bytes(network: &Network, compute: Compute, need: PackingNeed) -> usize {
        4 * lens(network, compute, need).iter().sum::<usize>()
    }

    /// As [`AlignedBuffer::prefault`].
    pub(crate) fn prefault(&mut self, pool: &ThreadPool) {
        self.forward_panels.prefault(pool);
        self.backward_panels.prefault(pool);
        self.rows.prefault(pool);
    }

    /// A weight for the forward pass.
    pub(crate) fn forward(
        &mut self,
        pool: &ThreadPool,
        weights: &Weights,
        id: WeightId,
    ) -> ForwardPanels<'_> {
        let (compute, shape) = (weights.compute_of(id), weights.network().weight(id).shape);
        let len = compute.panels_len(shape);
        if self.forward_weight != Some(id) {
            grow(&mut self.forward_panels, len);
            compute.pack(pool, weights.rows(id), shape, &mut self.forward_panels[..len]);
            self.forward_weight = Some(id);
        }
        compute.panels(&self.forward_panels[..len], shape)
    }

    /// A part of a weight for the backward pass.
    pub(crate) fn backward(
        &mut self,
        pool: &ThreadPool,
        weights: &Weights,
        id: WeightId,
        part: Range<usize>,
    ) -> BackwardPanels<'_> {
        let [outputs, inner] = weights.network().weight(id).shape;
        let compute = weights.compute_of(id);
        let len = compute.panels_len([inner, part.len()]);
        if self.backward_weight != Some(id) {
            grow(&mut self.backward_panels, len);
            let numbers = part.start * inner..part.end * inner;
            let rows = match weights.rows(id) {
                [] => {
                    grow(&mut self.rows, numbers.len());
                    weights.read_rows(id, part.clone(), &mut self.rows[..numbers.len()]);
                    &self.rows[..numbers.len()]
                }
                rows => &rows[numbers],
            };
            let out = &mut self.backward_panels[..len];
            match compute {
                Compute::F32 => matmul::pack_transposed(pool, rows, part.len(), inner, out),
                Compute::Bf16 => {
                    bf16::pack_transposed(pool, rows, part.len(), inner, bf16::as_pairs_mut(out));
                }
            }
            self.backward_weight = (part.len() == outputs).then_some(id);
        }
        let data = &self.backward_panels[..len];
        let (outputs, inner) = (inner, part.len());
        match compute {
            Compute::F32 => BackwardPanels::F32(Panels { data, outputs, inner }),
            Compute::Bf16 => {
                BackwardPanels::Bf16(bf16::Panels { data: bf16::as_pairs(data), outputs, inner })
            }
        }
    }
}

/// Grows a buffer to at least this length.
fn grow(buffer: &mut AlignedBuffer, len: usize) {
    if buffer.len() < len {
        *buffer = AlignedBuffer::zeros(len);
    }
}

/// What a pass packs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackingNeed {
    /// For the forward pass: the weights hold rows only.
    pub forward: bool,
    /// For the backward pass.
    pub backward: bool,
}

/// Words for the largest weight forward, for the largest part of any back, and for that part's rows, where
/// the weights may hold none. Weights that only run are packed for no direction in f32.
fn lens(network: &Network, compute: Compute, need: PackingNeed) -> [usize; 3] {
    let multiplied = network.ids().filter(|&id| is_multiplied(network, id));
    multiplied.fold([0; 3], |[forward_len, backward_len, rows_len], id| {
        let [outputs, inner] = network.weight(id).shape;
        let compute = compute_of(network, id, compute);
        let forward = if need.forward { compute.panels_len([outputs, inner]) } else { 0 };
        let is_packed = need.backward && (need.forward || compute == Compute::Bf16);
        let part = if is_packed { longest_part(outputs, inner) } else { 0 };
        let widened = if need.forward { 0 } else { part * inner };
        [
            forward_len.max(forward),
            backward_len.max(compute.panels_len([inner, part])),
            rows_len.max(widened),
        ]
    })
}
