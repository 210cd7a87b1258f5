//! A matrix in the form that its products read.

use std::ops::Range;

use lookback_kernels::{
    bf16,
    embed::Table,
    matmul::{self, Panels},
    room::Room,
    stored::{self, Kind},
    team::Team,
};
use lookback_model::{Element, Stored, WeightId};

/// The precision of matrix products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// f32 times f32.
    #[default]
    F32,
    /// Both rounded to bf16, with sums in f32.
    Bf16,
}

/// Who multiplies with a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directions {
    /// The forward pass.
    Forward,
    /// The pass back too.
    Both,
}

/// Panels of a matrix `[outputs, inner]`; none of a weight that only rows are read of.
#[derive(Clone, Debug, Default)]
pub(crate) enum Packed {
    #[default]
    None,
    /// Steps along inner, and for the pass back along outputs.
    F32 { along: Room, across: Room },
    /// The same in pairs.
    Bf16 { along: Room<u32>, across: Room<u32> },
    /// As a file stores it, to be read only.
    Stored(Kind, Room<u32>),
}

/// How the kernels call a form in which they multiply a weight as it is stored.
fn kind(element: Element) -> Option<Kind> {
    match element {
        Element::F32 => None,
        Element::F16 => Some(Kind::F16),
        Element::Bf16 => Some(Kind::Bf16),
        Element::Q8_0 => Some(Kind::Q8_0),
        Element::Q4_0 => Some(Kind::Q4_0),
        Element::Q4_1 => Some(Kind::Q4_1),
    }
}

/// Numbers that are taken from a file at a time.
const PIECE: usize = 1 << 20;

/// Outputs that are taken at a time: whole panels, but for the last.
fn pieces(outputs: usize, inner: usize) -> impl Iterator<Item = Range<usize>> {
    let rows = (PIECE / inner.max(1)).max(1).next_multiple_of(matmul::PANEL);
    (0..outputs).step_by(rows).map(move |first| first..outputs.min(first + rows))
}

impl Packed {
    /// A matrix or table as a file stores it, if that can be read, and be multiplied with this precision.
    pub(crate) fn stored(
        file: &Stored,
        id: WeightId,
        compute: Compute,
        team: &Team,
    ) -> Option<Self> {
        let kind = kind(file.element(id))?;
        file.row(id, 0)?;
        let [outputs, inner] = file.network().weight(id).shape;
        let is_rounded = kind == Kind::F16 || kind == Kind::Bf16 && !inner.is_multiple_of(32);
        if compute == Compute::Bf16 && is_rounded {
            return None;
        }
        let mut words = Room::zeros(stored::panels_len(kind, outputs, inner));
        for rows in pieces(outputs, inner) {
            let at = stored::panels_len(kind, rows.start, inner);
            let row = |output: usize| file.row(id, rows.start + output).unwrap_or(&[]);
            stored::pack(team, kind, &row, rows.len(), inner, &mut words[at..]);
            file.release_rows(id, rows);
        }
        Some(Self::Stored(kind, words))
    }

    /// A matrix that is stored in f32 for products in f32, whose rows are nowhere else. It is copied in
    /// pieces, so that no other copy of it stands in memory meanwhile, the file's included.
    pub(crate) fn copied(
        file: &Stored,
        id: WeightId,
        compute: Compute,
        team: &Team,
    ) -> Option<Self> {
        if file.element(id) != Element::F32 || compute != Compute::F32 {
            return None;
        }
        file.row(id, 0)?;
        let [outputs, inner] = file.network().weight(id).shape;
        let mut along = Room::zeros(matmul::panels_len(outputs, inner));
        let mut copy = Room::default();
        for rows in pieces(outputs, inner) {
            let len = rows.len() * inner;
            if copy.len() < len {
                copy = Room::zeros(len);
            }
            file.read_rows(id, rows.clone(), &mut copy[..len]);
            let at = matmul::panels_len(rows.start, inner);
            matmul::pack(team, &copy[..len], rows.len(), inner, &mut along[at..]);
            file.release_rows(id, rows);
        }
        Some(Self::F32 { along, across: Room::default() })
    }

    /// Room for a matrix.
    pub(crate) fn new(compute: Compute, to: Directions, [outputs, inner]: [usize; 2]) -> Self {
        let [along, across] = Self::lens(compute, to, [outputs, inner]);
        match compute {
            Compute::F32 => Self::F32 { along: Room::zeros(along), across: Room::zeros(across) },
            Compute::Bf16 => Self::Bf16 { along: Room::zeros(along), across: Room::zeros(across) },
        }
    }

    /// Words of both forms.
    fn lens(compute: Compute, to: Directions, [outputs, inner]: [usize; 2]) -> [usize; 2] {
        let len = match compute {
            Compute::F32 => matmul::panels_len,
            Compute::Bf16 => bf16::panels_len,
        };
        let across = match to {
            Directions::Forward => 0,
            Directions::Both => len(inner, outputs),
        };
        [len(outputs, inner), across]
    }

    /// Bytes that [`Packed::new`] takes.
    pub(crate) fn bytes_of(compute: Compute, to: Directions, shape: [usize; 2]) -> usize {
        4 * Self::lens(compute, to, shape).iter().sum::<usize>()
    }

    /// Bytes that a forward pass reads.
    pub(crate) fn bytes_read(&self) -> usize {
        match self {
            Self::None => 0,
            Self::F32 { along, .. } => 4 * along.len(),
            Self::Bf16 { along, .. } => 4 * along.len(),
            Self::Stored(_, words) => 4 * words.len(),
        }
    }

    /// Packs a matrix anew.
    pub(crate) fn pack(&mut self, team: &Team, rows: &[f32], [outputs, inner]: [usize; 2]) {
        match self {
            Self::None | Self::Stored(..) => {}
            Self::F32 { along, across } => {
                matmul::pack(team, rows, outputs, inner, along);
                if !across.is_empty() {
                    matmul::pack_across(team, rows, outputs, inner, across);
                }
            }
            Self::Bf16 { along, across } => {
                bf16::pack(team, rows, outputs, inner, along);
                if !across.is_empty() {
                    bf16::pack_across(team, rows, outputs, inner, across);
                }
            }
        }
    }

    /// For the forward pass.
    pub(crate) fn forward(&self, [outputs, inner]: [usize; 2]) -> Forward<'_> {
        match self {
            Self::None => Forward::F32(Panels { data: &[], outputs, inner }),
            Self::F32 { along, .. } => Forward::F32(Panels { data: along, outputs, inner }),
            Self::Bf16 { along, .. } => Forward::Bf16(bf16::Panels { data: along, outputs, inner }),
            Self::Stored(kind, data) => {
                Forward::Stored(stored::Panels { kind: *kind, data, outputs, inner })
            }
        }
    }

    /// For the pass back, if it was packed for that.
    pub(crate) fn back(&self, [outputs, inner]: [usize; 2]) -> Option<Back<'_>> {
        match self {
            Self::F32 { across, .. } if !across.is_empty() => {
                Some(Back::F32(Panels { data: across, outputs: inner, inner: outputs }))
            }
            Self::Bf16 { across, .. } if !across.is_empty() => {
                Some(Back::Bf16(bf16::Panels { data: across, outputs: inner, inner: outputs }))
            }
            Self::F32 { .. } | Self::Bf16 { .. } | Self::None | Self::Stored(..) => None,
        }
    }
}

/// What the product of an input's gradient reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back<'a> {
    F32(Panels<'a>),
    Bf16(bf16::Panels<'a>),
}

/// What a forward product reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Forward<'a> {
    F32(Panels<'a>),
    Bf16(bf16::Panels<'a>),
    Stored(stored::Panels<'a>),
    /// Stored, for rows that are rounded.
    Quantised(stored::Panels<'a>),
}

impl<'a> Forward<'a> {
    /// For products in bf16: panels of stored bf16 are panels of pairs, where blocks are whole.
    pub(crate) fn in_pairs(self) -> Self {
        match self {
            Self::Stored(panels) if panels.kind.is_quantised() => Self::Quantised(panels),
            Self::Stored(stored::Panels { kind: Kind::Bf16, data, outputs, inner }) => {
                debug_assert!(
                    inner.is_multiple_of(32),
                    "a block's end is no end of a panel of pairs"
                );
                Self::Bf16(bf16::Panels { data, outputs, inner })
            }
            other => other,
        }
    }

    /// As a table, if nothing of it was rounded away.
    pub(crate) fn table(self) -> Option<Table<'a>> {
        match self {
            Self::F32(panels) => Some(Table::Panels(panels)),
            Self::Stored(panels) => Some(Table::Stored(panels)),
            Self::Bf16(_) | Self::Quantised(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_panels_side_by_side() {
        for (outputs, inner) in [(0, 5), (1, 1), (49_152, 576), (70, 1 << 20), (131, (1 << 14) - 1)]
        {
            let pieces: Vec<_> = pieces(outputs, inner).collect();
            assert!(pieces.iter().all(|piece| piece.start.is_multiple_of(matmul::PANEL)));
            let outputs_of: Vec<usize> = pieces.into_iter().flatten().collect();
            assert_eq!(outputs_of, (0..outputs).collect::<Vec<_>>(), "{outputs} × {inner}");
        }
    }
}
