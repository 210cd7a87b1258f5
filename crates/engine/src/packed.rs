//! A matrix in the form that its products read.

use std::ops::Range;

use lookback_files::Result;
pub use lookback_kernels::naive::bf16::Compute;
use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    bf16,
    embed::Table,
    matmul::{self, Panels},
    stored::{self, InfiniteScale, StorageType},
    thread_pool::ThreadPool,
};
use lookback_model::{StoredModel, WeightId};

/// The two packings of a matrix for its products, by their precision.
pub(crate) trait PackedLayout: Copy {
    /// Words of a matrix packed for it.
    fn panels_len(self, shape: [usize; 2]) -> usize;
    /// Packs the rows of a matrix for the forward pass.
    fn pack(self, pool: &ThreadPool, rows: &[f32], shape: [usize; 2], out: &mut [f32]);
    /// What it packed.
    fn panels(self, data: &[f32], shape: [usize; 2]) -> ForwardPanels<'_>;
}

impl PackedLayout for Compute {
    fn panels_len(self, [outputs, inner]: [usize; 2]) -> usize {
        match self {
            Self::F32 => matmul::panels_len(outputs, inner),
            Self::Bf16 => bf16::panels_len(outputs, inner),
        }
    }

    fn pack(self, pool: &ThreadPool, rows: &[f32], [outputs, inner]: [usize; 2], out: &mut [f32]) {
        match self {
            Self::F32 => matmul::pack(pool, rows, outputs, inner, out),
            Self::Bf16 => bf16::pack(pool, rows, outputs, inner, bf16::as_pairs_mut(out)),
        }
    }

    fn panels(self, data: &[f32], [outputs, inner]: [usize; 2]) -> ForwardPanels<'_> {
        match self {
            Self::F32 => ForwardPanels::F32(Panels { data, outputs, inner }),
            Self::Bf16 => {
                ForwardPanels::Bf16(bf16::Panels { data: bf16::as_pairs(data), outputs, inner })
            }
        }
    }
}

/// Panels of a matrix `[outputs, inner]`; none of a weight that only rows are held of.
#[derive(Clone, Debug, Default)]
pub(crate) enum PackedMatrix {
    #[default]
    None,
    /// Of f32, or of pairs.
    Panels(Compute, AlignedBuffer),
    /// As a file stores it, to be read only.
    Stored(StorageType, AlignedBuffer<u32>),
}

/// Numbers that are copied from a file at a time.
const COPY_ELEMENTS: usize = 1 << 20;
/// Numbers that are packed as a file stores them at a time, and stand in memory twice meanwhile: enough for
/// each thread to fill large pages of its own, which the system clears while the others go on.
const PACK_ELEMENTS: usize = 4 << 20;

/// Outputs that are taken at a time: whole panels, but for the last, and so whole pairs.
pub(crate) fn output_ranges(
    outputs: usize,
    inner: usize,
    numbers: usize,
) -> impl Iterator<Item = Range<usize>> {
    let rows = (numbers / inner.max(1)).max(1).next_multiple_of(matmul::PANEL);
    (0..outputs).step_by(rows).map(move |first| first..outputs.min(first + rows))
}

impl PackedMatrix {
    /// A matrix or table as a file stores it, if that can be read, and be multiplied with this precision. Refuses
    /// scales that are not finite.
    pub(crate) fn stored(
        file: &StoredModel,
        id: WeightId,
        compute: Compute,
        pool: &ThreadPool,
    ) -> Result<Option<Self>> {
        let Some(storage) = Self::storage_type(file, id, compute) else { return Ok(None) };
        let [outputs, inner] = file.network().weight(id).shape;
        let mut words = AlignedBuffer::zeros(stored::panels_len(storage, outputs, inner));
        for rows in output_ranges(outputs, inner, PACK_ELEMENTS) {
            let at = stored::panels_len(storage, rows.start, inner);
            let row = |output: usize| file.row(id, rows.start + output).unwrap_or(&[]);
            let infinite = stored::pack(pool, storage, &row, rows.len(), inner, &mut words[at..]);
            if let Some(InfiniteScale { output, block }) = infinite {
                return Err(file.refuse_scale(id, rows.start + output, block));
            }
            file.release_rows(id, rows);
        }
        Ok(Some(Self::Stored(storage, words)))
    }

    /// The form in which [`Packed::stored`] keeps a weight, if it does.
    pub(crate) fn storage_type(
        file: &StoredModel,
        id: WeightId,
        compute: Compute,
    ) -> Option<StorageType> {
        let storage = file.storage_type(id);
        file.row(id, 0)?;
        let [_, inner] = file.network().weight(id).shape;
        let is_rounded = storage == StorageType::F16
            || storage == StorageType::Bf16 && !inner.is_multiple_of(32);
        let is_kept = storage.has_panels() && !(compute == Compute::Bf16 && is_rounded);
        is_kept.then_some(storage)
    }

    /// A matrix that is stored in f32, or in a form that is widened to it, for products in f32, whose rows
    /// are nowhere else. It is copied in pieces, so that no other copy of it stands in memory meanwhile, the
    /// file's included.
    pub(crate) fn copied(
        file: &StoredModel,
        id: WeightId,
        compute: Compute,
        pool: &ThreadPool,
    ) -> Option<Self> {
        if file.storage_type(id).has_panels() || compute != Compute::F32 {
            return None;
        }
        file.row(id, 0)?;
        let [outputs, inner] = file.network().weight(id).shape;
        let mut panels = AlignedBuffer::zeros(matmul::panels_len(outputs, inner));
        let mut copy = AlignedBuffer::default();
        for rows in output_ranges(outputs, inner, COPY_ELEMENTS) {
            let len = rows.len() * inner;
            if copy.len() < len {
                copy = AlignedBuffer::zeros(len);
            }
            file.read_rows(id, rows.clone(), &mut copy[..len]);
            let at = matmul::panels_len(rows.start, inner);
            matmul::pack(pool, &copy[..len], rows.len(), inner, &mut panels[at..]);
            file.release_rows(id, rows);
        }
        Some(Self::Panels(compute, panels))
    }

    /// Packs the rows of a matrix.
    pub(crate) fn new(
        compute: Compute,
        pool: &ThreadPool,
        rows: &[f32],
        shape: [usize; 2],
    ) -> Self {
        let mut panels = AlignedBuffer::zeros(compute.panels_len(shape));
        compute.pack(pool, rows, shape, &mut panels);
        Self::Panels(compute, panels)
    }

    /// Bytes that a forward pass reads, unless it reads rows.
    pub(crate) fn bytes_read(&self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Panels(_, panels) => Some(4 * panels.len()),
            Self::Stored(_, words) => Some(4 * words.len()),
        }
    }

    /// For the forward pass, if it is packed.
    pub(crate) fn forward(&self, shape: [usize; 2]) -> Option<ForwardPanels<'_>> {
        match self {
            Self::None => None,
            Self::Panels(compute, panels) => Some(compute.panels(panels, shape)),
            Self::Stored(storage, data) => {
                let [outputs, inner] = shape;
                Some(ForwardPanels::Stored(stored::Panels {
                    storage: *storage,
                    data,
                    outputs,
                    inner,
                }))
            }
        }
    }
}

/// What the product of an input's gradient reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BackwardPanels<'a> {
    F32(Panels<'a>),
    Bf16(bf16::Panels<'a>),
}

/// What a forward product reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ForwardPanels<'a> {
    F32(Panels<'a>),
    Bf16(bf16::Panels<'a>),
    Stored(stored::Panels<'a>),
    /// Stored, for rows that are rounded.
    Quantised(stored::Panels<'a>),
}

impl<'a> ForwardPanels<'a> {
    /// For products in bf16: panels of stored bf16 are panels of pairs, where blocks are whole.
    pub(crate) fn as_bf16_pairs(self) -> Self {
        match self {
            Self::Stored(panels) if panels.storage.is_quantised() => Self::Quantised(panels),
            Self::Stored(stored::Panels { storage: StorageType::Bf16, data, outputs, inner }) => {
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
            for numbers in [COPY_ELEMENTS, PACK_ELEMENTS] {
                let output_ranges: Vec<_> = output_ranges(outputs, inner, numbers).collect();
                assert!(
                    output_ranges.iter().all(|range| range.start.is_multiple_of(matmul::PANEL))
                );
                assert!(output_ranges.iter().all(|range| range.len() <= output_ranges[0].len()));
                let outputs_of: Vec<usize> = output_ranges.into_iter().flatten().collect();
                assert_eq!(outputs_of, (0..outputs).collect::<Vec<_>>(), "{outputs} × {inner}");
            }
        }
    }
}
