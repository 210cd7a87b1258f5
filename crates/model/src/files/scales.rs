//! The scales that a safetensors file of F8 has beside a matrix, as a tensor of its own: `NAME_scale_inv` or `NAME_scale`,
//! which numbers are multiplied with: one for all, one for each row, or one for each square of 128 by 128.

use lookback_files::Result;
use lookback_kernels::naive::stored::StorageType;

use super::tensors::Tensors;

/// Rows and columns of the squares that share a scale.
const SQUARE: usize = 128;

/// Scales of a stored matrix.
pub(super) struct Scales {
    values: Vec<f32>,
    /// Rows and columns that share one.
    square: [usize; 2],
    /// Scales of a row of squares.
    across: usize,
}

impl Scales {
    /// Finds the scales of a tensor of a name, and the tensor that they are.
    pub(super) fn find(
        tensors: &Tensors,
        tensor: usize,
        name: &str,
    ) -> Result<Option<(usize, Self)>> {
        let storage = tensors.list[tensor].storage;
        if !matches!(storage, Some(StorageType::F8E4M3 | StorageType::F8E5M2)) {
            return Ok(None);
        }
        let names = [format!("{name}_scale_inv"), format!("{name}_scale")];
        let Some(scale) = names.iter().find_map(|name| tensors.find(name)) else {
            return Ok(None);
        };
        let (shape, own) = (&tensors.list[tensor].shape, &tensors.list[scale]);
        let &[rows, columns] = shape.as_slice() else { return Ok(None) };
        let squares = [rows.div_ceil(SQUARE), columns.div_ceil(SQUARE)];
        let (square, across) = match *own.shape.as_slice() {
            [] | [1] | [1, 1] => ([rows, columns], 1),
            [count] | [count, 1] if count == rows => ([1, columns], 1),
            [down, across] if [down, across] == squares => ([SQUARE; 2], across),
            _ => {
                let what = format!(
                    "has the shape {:?}, which gives the matrix of shape {shape:?} neither one scale, nor \
                     one for each row, nor one for each square of {SQUARE}",
                    own.shape
                );
                return Err(tensors.refuse(scale, &what));
            }
        };
        let Some(storage @ (StorageType::F32 | StorageType::F16 | StorageType::Bf16)) = own.storage
        else {
            let what = format!("is stored as {}; scales are read as F32, F16 and BF16", own.dtype);
            return Err(tensors.refuse(scale, &what));
        };
        let mut values = vec![0.0; own.shape.iter().product()];
        storage.widen(tensors.bytes(scale), &mut values);
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let what = format!("has a scale that is not finite, number {at}");
            return Err(tensors.refuse(scale, &what));
        }
        Ok(Some((scale, Self { values, square, across })))
    }

    /// Columns that share a scale.
    pub(super) fn columns(&self) -> usize {
        self.square[1]
    }

    /// Of a number of the stored matrix.
    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row / self.square[0] * self.across + column / self.square[1]]
    }
}
