//! Panels of the weights that learn, packed from their rows just before a product reads them.
//!
//! Panels of all of them would take as much memory as the rows again, and as much once more in f32,
//! and be packed as often: each step changes every weight, and reads it once in either direction. So
//! all share one room, as large as the largest weight for the way forward. For the way back a large
//! weight is packed in parts, since the chains of its product go on from part to part; these stay in a
//! cache until they are multiplied. Weights that only run hold no rows: theirs are widened part by part.

use std::ops::Range;

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    bf16,
    matmul::{self, Panels},
    thread_pool::ThreadPool,
};
use lookback_model::{Network, WeightId};

use crate::{
    packed::{Back, Compute, Forward, Packing as _, pieces},
    weights::{Weights, is_multiplied},
};

/// Numbers of a part.
const PART: usize = 1 << 22;

/// Room for the panels of one weight, and which it is.
#[derive(Debug, Default)]
pub(crate) struct Packing {
    /// Of f32, or of pairs.
    along: AlignedBuffer,
    along_of: Option<WeightId>,
    across: AlignedBuffer,
    across_of: Option<WeightId>,
    /// Rows of a part, of weights that hold none.
    rows: AlignedBuffer,
}

/// The outputs of each part of a weight for the way back, the longest first.
pub(crate) fn parts(outputs: usize, inner: usize) -> impl Iterator<Item = Range<usize>> {
    pieces(outputs, inner, PART)
}

/// Outputs of the longest part.
pub(crate) fn longest_part(outputs: usize, inner: usize) -> usize {
    parts(outputs, inner).next().map_or(0, |part| part.len())
}

impl Packing {
    /// Forgets what stands there, as when a pass begins: weights may have changed.
    pub(crate) fn forget(&mut self) {
        self.along_of = None;
        self.across_of = None;
    }

    /// Takes room for every weight of a network, so that no pass has to.
    pub(crate) fn reserve(&mut self, network: &Network, compute: Compute, need: Need) {
        let [along, across, rows] = lens(network, compute, need);
        grow(&mut self.along, along);
        grow(&mut self.across, across);
        grow(&mut self.rows, rows);
    }

    /// Bytes of that room.
    pub(crate) fn bytes(network: &Network, compute: Compute, need: Need) -> usize {
        4 * lens(network, compute, need).iter().sum::<usize>()
    }

    /// As [`AlignedBuffer::prefault`].
    pub(crate) fn prefault(&mut self, pool: &ThreadPool) {
        self.along.prefault(pool);
        self.across.prefault(pool);
        self.rows.prefault(pool);
    }

    /// A weight for the forward pass.
    pub(crate) fn forward(
        &mut self,
        pool: &ThreadPool,
        weights: &Weights,
        id: WeightId,
    ) -> Forward<'_> {
        let (compute, shape) = (weights.compute(), weights.network().weight(id).shape);
        let len = compute.panels_len(shape);
        if self.along_of != Some(id) {
            grow(&mut self.along, len);
            compute.pack(pool, weights.rows(id), shape, &mut self.along[..len]);
            self.along_of = Some(id);
        }
        compute.panels(&self.along[..len], shape)
    }

    /// A part of a weight for the pass back.
    pub(crate) fn back(
        &mut self,
        pool: &ThreadPool,
        weights: &Weights,
        id: WeightId,
        part: Range<usize>,
    ) -> Back<'_> {
        let [outputs, inner] = weights.network().weight(id).shape;
        let compute = weights.compute();
        let len = compute.panels_len([inner, part.len()]);
        if self.across_of != Some(id) {
            grow(&mut self.across, len);
            let numbers = part.start * inner..part.end * inner;
            let rows = match weights.rows(id) {
                [] => {
                    grow(&mut self.rows, numbers.len());
                    weights.read_rows(id, part.clone(), &mut self.rows[..numbers.len()]);
                    &self.rows[..numbers.len()]
                }
                rows => &rows[numbers],
            };
            let to = &mut self.across[..len];
            match compute {
                Compute::F32 => matmul::pack_transposed(pool, rows, part.len(), inner, to),
                Compute::Bf16 => {
                    bf16::pack_transposed(pool, rows, part.len(), inner, bf16::as_pairs_mut(to));
                }
            }
            self.across_of = (part.len() == outputs).then_some(id);
        }
        let data = &self.across[..len];
        let (outputs, inner) = (inner, part.len());
        match compute {
            Compute::F32 => Back::F32(Panels { data, outputs, inner }),
            Compute::Bf16 => {
                Back::Bf16(bf16::Panels { data: bf16::as_pairs(data), outputs, inner })
            }
        }
    }
}

/// Makes room at least so long.
fn grow(buffer: &mut AlignedBuffer, len: usize) {
    if buffer.len() < len {
        *buffer = AlignedBuffer::zeros(len);
    }
}

/// What a pass packs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// For the way forward: the weights hold rows only.
    pub forward: bool,
    /// For the way back.
    pub back: bool,
}

/// Words for the largest weight forward, for the largest part of any back, and for that part's rows, where
/// the weights may hold none.
fn lens(network: &Network, compute: Compute, need: Need) -> [usize; 3] {
    let multiplied = network.ids().filter(|&id| is_multiplied(network, id));
    multiplied.fold([0; 3], |[along, across, rows], id| {
        let [outputs, inner] = network.weight(id).shape;
        let forward = if need.forward { compute.panels_len([outputs, inner]) } else { 0 };
        let part = if need.back { longest_part(outputs, inner) } else { 0 };
        let widened = if need.forward { 0 } else { part * inner };
        [along.max(forward), across.max(compute.panels_len([inner, part])), rows.max(widened)]
    })
}
