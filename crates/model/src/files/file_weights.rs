//! Every weight of a network found in a file, of the right shape; then read in canonical layout.

use std::ops::Range;

use lookback_files::{Kind, Refusal, Result, excerpt};
use lookback_kernels::naive::stored::StorageType;

use super::{
    names::Names,
    places::Place,
    scales::Scales,
    tensors::{Tensors, not_understood},
};
use crate::{Network, WeightId};

/// Where each weight lies, checked: reading cannot fail any more.
pub(super) struct FileWeights {
    tensors: Tensors,
    /// By weight, each in one piece or row by row; in none if it stands in no file, and is 1.
    weights: Vec<Vec<Weight>>,
}

struct Weight {
    tensor: usize,
    storage: StorageType,
    place: Place,
    scales: Option<Scales>,
}

impl FileWeights {
    /// Finds every weight; a tensor that is missing, misshapen or not expected is refused.
    pub(super) fn new(tensors: Tensors, network: &Network, names: &Names) -> Result<Self> {
        let mut weights: Vec<Vec<Weight>> = Vec::with_capacity(network.weights.len());
        weights.resize_with(network.weights.len(), Vec::new);
        let mut is_used = vec![false; tensors.list.len()];
        for place in names.places(network) {
            let Some(tensor) = tensors.find(&place.name) else {
                let (path, name) = (tensors.path.display(), names.full(&place.name));
                return Err(Refusal::corrupt(format!(
                    "{path}: tensor {name} is missing; the file is of another model or incomplete"
                )));
            };
            let storage = check(&tensors, tensor, &place)?;
            is_used[tensor] = true;
            let scales = Scales::find(&tensors, tensor, &place.name)?.map(|(scale, scales)| {
                is_used[scale] = true;
                scales
            });
            let index = place.id.index();
            debug_assert_eq!(place.row.unwrap_or(0), weights[index].len(), "rows in their order");
            weights[index].push(Weight { tensor, storage, place, scales });
        }
        for (tensor, _) in is_used.iter().enumerate().filter(|(_, is_used)| !**is_used) {
            check_unused(&tensors, tensor, network, names)?;
        }
        Ok(Self { tensors, weights })
    }

    /// Widens a weight into `out`: `[outputs, inner]`, or `[n]` of a vector.
    pub(super) fn read(&self, id: WeightId, out: &mut [f32]) {
        let pieces = &self.weights[id.index()];
        if pieces.is_empty() {
            return out.fill(1.0);
        }
        for (piece, out) in pieces.iter().zip(out.chunks_exact_mut(out.len() / pieces.len())) {
            piece.read(self.tensors.bytes(piece.tensor), out);
        }
    }

    /// The piece of a matrix, which always is one.
    fn whole(&self, id: WeightId) -> Option<&Weight> {
        self.weights[id.index()].first()
    }

    /// One output of a weight as the file stores it; none of a matrix whose outputs do not lie together.
    pub(super) fn row(&self, id: WeightId, output: usize) -> Option<&[u8]> {
        let weight = self.whole(id)?;
        let inner = weight.place.inner?;
        if weight.place.is_transposed {
            return None;
        }
        let stored = weight.place.rows.stored(output);
        let len = weight.storage.bytes(inner);
        Some(&self.tensors.bytes(weight.tensor)[stored * len..][..len])
    }

    /// A refusal of a matrix with a scale that is not finite.
    pub(super) fn refuse_scale(&self, id: WeightId, output: usize, block: usize) -> Refusal {
        let weight = &self.weights[id.index()][0];
        let row = weight.place.rows.stored(output);
        self.tensors.refuse(
            weight.tensor,
            &format!(
                "has a scale that is not finite, of block {block} in row {row}; the file is \
                 damaged, so fetch it again"
            ),
        )
    }

    /// Widens some outputs of a matrix of which [`Self::row`] gives rows.
    pub(super) fn read_rows(&self, id: WeightId, outputs: Range<usize>, out: &mut [f32]) {
        let Some(weight) = self.whole(id) else { return };
        let inner = out.len() / outputs.len().max(1);
        for (output, out) in outputs.clone().zip(out.chunks_exact_mut(inner.max(1))) {
            if let Some(row) = self.row(id, output) {
                weight.storage.widen(row, out);
            }
        }
        if let Some(scales) = &weight.scales {
            weight.scale(scales, outputs.start, out);
        }
    }

    /// Gives back the memory that the file's bytes of a weight take, until they are read again.
    pub(super) fn release(&self, id: WeightId) {
        self.weights[id.index()].iter().for_each(|piece| self.tensors.release(piece.tensor));
    }

    /// The same of some outputs. Rows that a file holds in another order may keep their memory, or lose it
    /// before they are read, which costs a look into the system's cache.
    pub(super) fn release_rows(&self, id: WeightId, outputs: Range<usize>) {
        let Some(weight) = self.whole(id) else { return };
        let Some(inner) = weight.place.inner else { return };
        let (len, first) = (weight.storage.bytes(inner), weight.place.rows.first);
        let bytes = (first + outputs.start) * len..(first + outputs.end) * len;
        self.tensors.release_part(weight.tensor, bytes);
    }

    /// Refuses files that were written to since they were mapped.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        self.tensors.sources.iter().try_for_each(|source| source.bytes.check_unchanged())
    }

    /// Bytes of all the files.
    pub(super) fn file_bytes(&self) -> usize {
        self.tensors.sources.iter().map(|source| source.bytes.len()).sum()
    }

    /// How a weight is stored.
    pub(super) fn storage_type(&self, id: WeightId) -> StorageType {
        self.whole(id).map_or(StorageType::F32, |weight| weight.storage)
    }
}

impl Weight {
    fn read(&self, bytes: &[u8], out: &mut [f32]) {
        if self.place.is_transposed {
            self.read_columns(bytes, out);
        } else if self.place.rows.are_contiguous() {
            self.read_contiguous(bytes, out);
        } else {
            self.read_rows(bytes, out);
        }
        if let Some(scales) = &self.scales {
            self.scale(scales, 0, out);
        }
        if self.place.is_less_one {
            out.iter_mut().for_each(|weight| *weight += 1.0);
        }
    }

    /// Multiplies outputs from the `first` on with their scales; each product is rounded once.
    fn scale(&self, scales: &Scales, first: usize, out: &mut [f32]) {
        let Some(inner) = self.place.inner else { return };
        for (output, out) in (first..).zip(out.chunks_exact_mut(inner)) {
            let row = self.place.rows.stored(output);
            if self.place.is_transposed {
                for (column, out) in out.iter_mut().enumerate() {
                    *out *= scales.at(column, row);
                }
            } else {
                for (square, out) in out.chunks_mut(scales.columns()).enumerate() {
                    let scale = scales.at(row, square * scales.columns());
                    out.iter_mut().for_each(|out| *out *= scale);
                }
            }
        }
    }

    fn read_contiguous(&self, bytes: &[u8], out: &mut [f32]) {
        let inner = self.place.inner.unwrap_or(1);
        let first = self.storage.bytes(self.place.rows.first * inner);
        self.storage.widen(&bytes[first..][..self.storage.bytes(out.len())], out);
    }

    fn read_rows(&self, bytes: &[u8], out: &mut [f32]) {
        let inner = self.place.inner.unwrap_or(1);
        let row_bytes = self.storage.bytes(inner);
        for (row, out) in out.chunks_exact_mut(inner).enumerate() {
            let stored = self.place.rows.stored(row);
            self.storage.widen(&bytes[stored * row_bytes..][..row_bytes], out);
        }
    }

    /// A few stored rows at a time, so that neither side is walked in long strides only.
    fn read_columns(&self, bytes: &[u8], out: &mut [f32]) {
        const TOGETHER: usize = 32;
        let (inner, rows) = (self.place.inner.unwrap_or(1), &self.place.rows);
        let of_one = self.place.outputs_of_one();
        // Where the matrix of its expert begins, and the columns from the first of its outputs to the last.
        let (begin, first_column) = (rows.first / of_one * of_one * inner, rows.first % of_one);
        let columns = rows.stored(rows.len - 1) + 1 - rows.first;
        let mut stored = vec![0.0; TOGETHER * columns];
        for first in (0..inner).step_by(TOGETHER) {
            let here = TOGETHER.min(inner - first);
            for (i, stored) in stored.chunks_exact_mut(columns).take(here).enumerate() {
                let at = self.storage.bytes(begin + (first + i) * of_one + first_column);
                self.storage.widen(&bytes[at..][..self.storage.bytes(columns)], stored);
            }
            for (output, out) in out.chunks_exact_mut(inner).enumerate() {
                let column = rows.stored(output) - rows.first;
                for (i, out) in out[first..first + here].iter_mut().enumerate() {
                    *out = stored[i * columns + column];
                }
            }
        }
    }
}

fn check(tensors: &Tensors, index: usize, place: &Place) -> Result<StorageType> {
    let tensor = &tensors.list[index];
    let wanted = place.shape();
    let outer_ones = match tensor.is_without_outer_ones {
        true => wanted[..wanted.len() - 1].iter().take_while(|size| **size == 1).count(),
        false => 0,
    };
    if tensor.shape != wanted[outer_ones..] {
        let what = format!(
            "has the shape {}, but the configuration makes it {wanted:?}; the two are not of one \
             model",
            excerpt(&format!("{:?}", tensor.shape))
        );
        return Err(tensors.refuse(index, &what));
    }
    tensor.storage.ok_or_else(|| {
        let refusal = tensors.refuse(index, &not_understood(&tensor.dtype));
        refusal.with_kind(Kind::UnsupportedFeature)
    })
}

/// A tensor that no weight needs is a part of the model that would be left out.
fn check_unused(tensors: &Tensors, index: usize, network: &Network, names: &Names) -> Result<()> {
    let tensor = &tensors.list[index];
    let bare = names.bare(&tensor.name);
    let is_copy = || network.config.tied && bare.strip_suffix(".weight") == Some(names.head);
    if names.is_ignored(bare) || is_copy() {
        tracing::debug!(tensor = tensor.name, "passed over");
        return Ok(());
    }
    Err(tensors.refuse(index, "is not part of the model that the configuration describes"))
}
