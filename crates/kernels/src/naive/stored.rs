//! How a tensor's numbers are stored: the types that files may have, what their bytes mean as f32, and which of
//! them are packed and multiplied as they are. Below, the twins of [`crate::stored`].
//!
//! A number is f32 by ggml's rule, rounded at most once: a quantised weight *is* its f32 value.

mod widen;

use super::{bf16, matmul::Epilogue};

pub use widen::{half, q4_0, q4_1, q8_0};

/// How a tensor's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// Blocks of 32: a half scale, then 32 signed bytes. `q · d`
    Q8_0,
    /// Blocks of 32: a half scale, then 32 nibbles. `(q − 8) · d`
    Q4_0,
    /// Blocks of 32: a half scale, a half minimum, then 32 nibbles. `q · d + m`
    Q4_1,
    /// Blocks of 256: 128 bytes of low and 64 of high bits, 16 signed scales, a half scale of those.
    /// `d · scale · (q − 32)`
    Q6K,
}

impl StorageType {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q4_0, Self::Q4_1, Self::Q6K];

    /// As people write it, such as `q4_1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q6K => "q6_k",
        }
    }

    /// Numbers that are stored together.
    pub fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 => 32,
            Self::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q8_0 => 2 + 32,
            Self::Q4_0 => 2 + 16,
            Self::Q4_1 => 4 + 16,
            Self::Q6K => 128 + 64 + 16 + 2,
        }
    }

    /// Bytes of so many numbers, which must be whole blocks.
    pub fn bytes(self, numbers: usize) -> usize {
        debug_assert!(numbers.is_multiple_of(self.block_len()));
        numbers / self.block_len() * self.block_bytes()
    }

    /// Whether blocks of whole numbers have a scale.
    pub fn is_quantised(self) -> bool {
        self.block_len() > 1
    }

    /// Whether blocks also have a number that is added to all of them.
    pub fn has_min(self) -> bool {
        self == Self::Q4_1
    }

    /// Whether [`crate::stored`] packs and multiplies a matrix as it is stored. Others are widened first:
    /// f32 has panels of its own, in [`crate::matmul`].
    pub fn has_panels(self) -> bool {
        match self {
            Self::F16 | Self::Bf16 | Self::Q8_0 | Self::Q4_0 | Self::Q4_1 => true,
            Self::F32 | Self::Q6K => false,
        }
    }
}

/// Where packing ends for a type that [has no panels](StorageType::has_panels).
#[cold]
pub(crate) fn no_panels(storage: StorageType) -> ! {
    panic!("{} is not packed as it is stored", storage.name())
}

/// Panels of 64 columns as [`crate::stored`] reads them, element by element; what is missing is zero.
pub fn pack<'r>(
    storage: StorageType,
    row: &dyn Fn(usize) -> &'r [u8],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    panels.fill(0);
    // Halves at the front of a block, words in all, and elements in a word; of F16, a word has two columns.
    let (halves, block, together) = match storage {
        StorageType::Bf16 => (0, 16 * 64, 2),
        StorageType::F16 => (0, 32 * 32, 0),
        StorageType::Q8_0 => (1, 32 + 8 * 64, 4),
        StorageType::Q4_0 => (1, 32 + 4 * 64, 8),
        StorageType::Q4_1 => (2, 64 + 4 * 64, 8),
        StorageType::F32 | StorageType::Q6K => no_panels(storage),
    };
    let size = inner.div_ceil(32) * block;
    for output in 0..outputs {
        let (row, column) = (row(output), output % 64);
        let panel = &mut panels[output / 64 * size..][..size];
        let two = |at: usize| u32::from(u16::from_le_bytes([row[at], row[at + 1]]));
        for k in 0..inner {
            let (first, i) = (k / 32 * block, k % 32);
            let file = k / 32 * storage.bytes(32);
            for half in 0..halves {
                // Of 64 columns, two a word. All 32 elements write the same.
                let at = first + 32 * half + column / 2;
                panel[at] |= two(file + 2 * half) << (16 * (column % 2));
            }
            let quants = file + 2 * halves;
            let value = match together {
                0 | 2 => two(file + 2 * i),
                4 => u32::from(row[quants + i]),
                _ => u32::from(row[quants + i % 16] >> (4 * (i / 16)) & 15),
            };
            if storage == StorageType::F16 {
                panel[first + 32 * i + column / 2] |= value << (16 * (column % 2));
            } else {
                let at = first + 32 * halves + i / together * 64 + column;
                let n = i % together;
                // The even ones of eight nibbles fill the lower half of a word, the odd ones the upper.
                let place = if together == 8 { n / 2 + 4 * (n % 2) } else { n };
                panel[at] |= value << (32 / together * place);
            }
        }
    }
}

/// The whole number that a quantised row has for one element, its block's d, and its m.
fn parts(storage: StorageType, row: &[u8], k: usize) -> (f32, f32, f32) {
    let two = |at: usize| half(u16::from_le_bytes([row[at], row[at + 1]]));
    let nibble = |first: usize| row[first + k % 16] >> (4 * (k % 32 / 16)) & 15;
    let block = k / 32;
    match storage {
        StorageType::Q8_0 => (f32::from(row[34 * block + 2 + k % 32] as i8), two(34 * block), 0.0),
        StorageType::Q4_0 => (f32::from(nibble(18 * block + 2)) - 8.0, two(18 * block), 0.0),
        StorageType::Q4_1 => {
            let at = 20 * block;
            (f32::from(nibble(at + 4)), two(at), two(at + 2))
        }
        StorageType::F32 | StorageType::F16 | StorageType::Bf16 | StorageType::Q6K => {
            panic!("{storage:?} has no blocks in panels")
        }
    }
}

/// y = x · weightᵀ with x rounded to bf16 and a quantised weight, block by block; then bias and
/// residual are added. `row` gives the bytes of an output.
pub fn forward_rounded<'r>(
    storage: StorageType,
    row: &dyn Fn(usize) -> &'r [u8],
    x: &[f32],
    outputs: usize,
    inner: usize,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    for (at, y) in y.iter_mut().enumerate() {
        let (x, output) = (&x[at / outputs * inner..][..inner], at % outputs);
        let mut total = 0.0f32;
        for first in (0..inner).step_by(32) {
            let (mut sum, mut ones) = (0.0, 0.0);
            let (_, scale, min) = parts(storage, row(output), first);
            for k in (first..first + 32).step_by(2) {
                let whole = |k: usize| parts(storage, row(output), k).0;
                let pair = bf16::pair(x[k], x[k + 1]);
                sum = bf16::dot(pair, bf16::pair(whole(k), whole(k + 1)), sum);
                ones = bf16::dot(pair, bf16::pair(1.0, 1.0), ones);
            }
            total = scale.mul_add(sum, total);
            if storage == StorageType::Q4_1 {
                total = min.mul_add(ones, total);
            }
        }
        if let Some(bias) = epilogue.bias {
            total += bias[output];
        }
        if let Some(residual) = epilogue.residual {
            total += residual[at];
        }
        *y = total;
    }
}
