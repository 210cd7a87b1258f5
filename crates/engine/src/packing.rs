//! Panels of the weights that learn, packed from their rows just before a product reads them.
//!
//! Panels of all of them would take as much memory as the rows again, and as much once more in f32,
//! and be packed as often: each step changes every weight, and reads it once in either direction. So
//! all share one room, as large as the largest weight for the way forward. For the way back a large
//! weight is packed in parts, since the chains of its product go on from part to part; these stay in a
//! cache until they are multiplied.

use std::ops::Range;

use lookback_kernels::{
    bf16,
    matmul::{self, Panels},
    room::Room,
    team::Team,
};
use lookback_model::{Network, WeightId};

use crate::{
    packed::{Back, Compute, Forward},
    weights::{Weights, is_multiplied},
};

/// Elements of a part.
const PART: usize = 1 << 22;

/// Outputs of which parts are made: whole blocks of steps, be they single or in pairs.
const BLOCK: usize = 256;

/// Room for the panels of one weight, and which it is.
#[derive(Debug, Default)]
pub(crate) struct Packing {
    /// Of f32, or of pairs.
    along: Room,
    along_of: Option<WeightId>,
    across: Room,
    across_of: Option<WeightId>,
}

/// The outputs of each part of a weight for the way back.
pub(crate) fn parts(outputs: usize, inner: usize) -> impl Iterator<Item = Range<usize>> {
    let len = longest_part(outputs, inner);
    (0..outputs).step_by(len.max(1)).map(move |first| first..outputs.min(first + len))
}

/// Outputs of the largest part.
pub(crate) fn longest_part(outputs: usize, inner: usize) -> usize {
    outputs.min((PART / inner.max(1) / BLOCK).max(1) * BLOCK)
}

impl Packing {
    /// Forgets what stands there, as when a pass begins: weights may have changed.
    pub(crate) fn forget(&mut self) {
        self.along_of = None;
        self.across_of = None;
    }

    /// Takes room for every weight of a network, so that no pass has to.
    pub(crate) fn reserve(&mut self, network: &Network, compute: Compute, goes_back: bool) {
        let [along, across] = lens(network, compute, goes_back);
        grow(&mut self.along, along);
        grow(&mut self.across, across);
    }

    /// Bytes of that room.
    pub(crate) fn bytes(network: &Network, compute: Compute, goes_back: bool) -> usize {
        4 * lens(network, compute, goes_back).iter().sum::<usize>()
    }

    /// As [`Room::touch`].
    pub(crate) fn touch(&mut self, team: &Team) {
        self.along.touch(team);
        self.across.touch(team);
    }

    /// A weight for the forward pass.
    pub(crate) fn forward(&mut self, team: &Team, weights: &Weights, id: WeightId) -> Forward<'_> {
        let [outputs, inner] = weights.network().weight(id).shape;
        let compute = weights.compute();
        let len = panels_len(compute, outputs, inner);
        if self.along_of != Some(id) {
            grow(&mut self.along, len);
            let (rows, to) = (weights.rows(id), &mut self.along[..len]);
            match compute {
                Compute::F32 => matmul::pack(team, rows, outputs, inner, to),
                Compute::Bf16 => bf16::pack(team, rows, outputs, inner, bf16::as_pairs_mut(to)),
            }
            self.along_of = Some(id);
        }
        let data = &self.along[..len];
        match compute {
            Compute::F32 => Forward::F32(Panels { data, outputs, inner }),
            Compute::Bf16 => {
                Forward::Bf16(bf16::Panels { data: bf16::as_pairs(data), outputs, inner })
            }
        }
    }

    /// A part of a weight for the pass back.
    pub(crate) fn back(
        &mut self,
        team: &Team,
        weights: &Weights,
        id: WeightId,
        part: Range<usize>,
    ) -> Back<'_> {
        let [outputs, inner] = weights.network().weight(id).shape;
        let compute = weights.compute();
        let len = panels_len(compute, inner, part.len());
        if self.across_of != Some(id) {
            grow(&mut self.across, len);
            let rows = &weights.rows(id)[part.start * inner..part.end * inner];
            let to = &mut self.across[..len];
            match compute {
                Compute::F32 => matmul::pack_across(team, rows, part.len(), inner, to),
                Compute::Bf16 => {
                    bf16::pack_across(team, rows, part.len(), inner, bf16::as_pairs_mut(to));
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
fn grow(room: &mut Room, len: usize) {
    if room.len() < len {
        *room = Room::zeros(len);
    }
}

/// Words of a packed matrix.
fn panels_len(compute: Compute, outputs: usize, inner: usize) -> usize {
    match compute {
        Compute::F32 => matmul::panels_len(outputs, inner),
        Compute::Bf16 => bf16::panels_len(outputs, inner),
    }
}

/// Words for the largest weight forward, and for the largest part of any back.
fn lens(network: &Network, compute: Compute, goes_back: bool) -> [usize; 2] {
    let multiplied = network.ids().filter(|&id| is_multiplied(network, id));
    multiplied.fold([0; 2], |[along, across], id| {
        let [outputs, inner] = network.weight(id).shape;
        let back = panels_len(compute, inner, longest_part(outputs, inner));
        [
            along.max(panels_len(compute, outputs, inner)),
            across.max(if goes_back { back } else { 0 }),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_blocks_side_by_side() {
        for (outputs, inner) in [(0, 5), (1, 1), (50_304, 768), (8192, 512), (300, 1 << 20)] {
            let parts: Vec<_> = parts(outputs, inner).collect();
            assert!(parts.iter().all(|part| part.start.is_multiple_of(BLOCK)));
            assert!(parts.iter().all(|part| part.len() <= longest_part(outputs, inner)));
            assert_eq!(parts.into_iter().flatten().count(), outputs, "{outputs} × {inner}");
        }
        assert_eq!(parts(8192, 512).count(), 1);
    }
}
