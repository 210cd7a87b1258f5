//! How a tensor's numbers are stored: the types that files may have, what their bytes mean as f32, and which of
//! them are packed and multiplied as they are. Below, the twins of [`crate::stored`].
//!
//! A number is f32 by ggml's rule, rounded at most once: a quantised weight *is* its f32 value.

mod blocks;
mod floats;
mod pack;
mod widen;

use super::{bf16, matmul::Epilogue};
use blocks::Block;

pub(crate) use blocks::{E2M1, IQ4, power_of_two, scale_bytes};
pub use floats::half;
pub(crate) use pack::no_panels;
pub use pack::pack;

/// How a tensor's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageType {
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// Eight bits with four of exponent.
    F8E4M3,
    /// Eight bits with five of exponent: the upper half of a half.
    F8E5M2,
    /// Blocks of 32: a half scale, then 32 signed bytes. `q · d`
    Q8_0,
    /// Blocks of 32: a half scale, then 32 nibbles. `(q − 8) · d`
    Q4_0,
    /// Blocks of 32: a half scale, a half minimum, then 32 nibbles. `q · d + m`
    Q4_1,
    /// Blocks of 32: a half scale, 32 fifth bits, then 32 nibbles. `(q − 16) · d`
    Q5_0,
    /// Blocks of 32: a half scale, a half minimum, 32 fifth bits, then 32 nibbles. `q · d + m`
    Q5_1,
    /// Blocks of 256: 16 bytes of a scale and a minimum each, 64 bytes of two bits, a half d and a half dmin.
    /// `q · (d · scale) − dmin · minimum`
    Q2K,
    /// Blocks of 256: 32 bytes of high and 64 of low bits, 16 scales of six bits, a half d. `(q − 4) · (d · scale)`
    Q3K,
    /// Blocks of 256: a half d and a half dmin, 8 scales and minima of six bits, 128 bytes of nibbles.
    /// `q · (d · scale) − dmin · minimum`
    Q4K,
    /// Blocks of 256: as Q4_K, with 32 bytes of fifth bits before the nibbles.
    Q5K,
    /// Blocks of 256: 128 bytes of low and 64 of high bits, 16 signed scales, a half d. `(q − 32) · (d · scale)`
    Q6K,
    /// Blocks of 32: a half scale, then 32 nibbles that choose from a table t. `t[q] · d`
    Iq4Nl,
    /// Blocks of 256: a half d, 8 scales of six bits, 128 bytes of nibbles. `t[q] · (d · scale)`
    Iq4Xs,
    /// Blocks of 32: a byte e, then 32 nibbles that are numbers of four bits themselves. `u[q] · 2^(e − 128)`
    Mxfp4,
}

impl StorageType {
    /// Every one.
    pub const ALL: [Self; 19] = [
        Self::F32,
        Self::F64,
        Self::F16,
        Self::Bf16,
        Self::F8E4M3,
        Self::F8E5M2,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Iq4Nl,
        Self::Iq4Xs,
        Self::Mxfp4,
    ];

    /// As people write it, such as `q4_1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F8E4M3 => "f8_e4m3",
            Self::F8E5M2 => "f8_e5m2",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q2K => "q2_k",
            Self::Q3K => "q3_k",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
            Self::Iq4Nl => "iq4_nl",
            Self::Iq4Xs => "iq4_xs",
            Self::Mxfp4 => "mxfp4",
        }
    }

    /// Numbers that are stored together.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F64 | Self::F16 | Self::Bf16 | Self::F8E4M3 | Self::F8E5M2 => 1,
            Self::Q8_0
            | Self::Q4_0
            | Self::Q4_1
            | Self::Q5_0
            | Self::Q5_1
            | Self::Iq4Nl
            | Self::Mxfp4 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K | Self::Iq4Xs => 256,
        }
    }

    /// Numbers of a block that share a scale.
    pub const fn sub_block_len(self) -> usize {
        match self {
            Self::Q2K | Self::Q3K | Self::Q6K => 16,
            _ if self.block_len() == 1 => 1,
            _ => 32,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::F8E4M3 | Self::F8E5M2 => 1,
            Self::Q8_0 => 2 + 32,
            Self::Q4_0 | Self::Iq4Nl => 2 + 16,
            Self::Q4_1 => 4 + 16,
            Self::Q5_0 => 2 + 4 + 16,
            Self::Q5_1 => 4 + 4 + 16,
            Self::Q2K => 16 + 64 + 4,
            Self::Q3K => 32 + 64 + 12 + 2,
            Self::Q4K => 4 + 12 + 128,
            Self::Q5K => 4 + 12 + 32 + 128,
            Self::Q6K => 128 + 64 + 16 + 2,
            Self::Iq4Xs => 2 + 2 + 4 + 128,
            Self::Mxfp4 => 1 + 16,
        }
    }

    /// Bytes of so many numbers, which must be whole blocks.
    pub const fn bytes(self, numbers: usize) -> usize {
        debug_assert!(numbers.is_multiple_of(self.block_len()));
        numbers / self.block_len() * self.block_bytes()
    }

    /// Whether blocks of whole numbers have a scale.
    pub const fn is_quantised(self) -> bool {
        self.block_len() > 1
    }

    /// Whether blocks also have a number that is added to all of them.
    pub const fn has_min(self) -> bool {
        matches!(self, Self::Q4_1 | Self::Q5_1 | Self::Q2K | Self::Q4K | Self::Q5K)
    }

    /// Where a block has its halves: d, then m or dmin.
    pub const fn halves_at(self) -> &'static [usize] {
        match self {
            Self::Q8_0 | Self::Q4_0 | Self::Q5_0 | Self::Iq4Nl | Self::Iq4Xs => &[0],
            Self::Q4_1 | Self::Q5_1 | Self::Q4K | Self::Q5K => &[0, 2],
            Self::Q2K => &[80, 82],
            Self::Q3K => &[108],
            Self::Q6K => &[208],
            _ => &[],
        }
    }

    /// Every type that [has panels](Self::has_panels).
    pub const WITH_PANELS: [Self; 15] = [
        Self::Bf16,
        Self::F16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Iq4Nl,
        Self::Iq4Xs,
        Self::Mxfp4,
    ];

    /// Whether [`crate::stored`] packs and multiplies a matrix as it is stored. Others are widened first:
    /// f32 has panels of its own, in [`crate::matmul`].
    pub fn has_panels(self) -> bool {
        self.is_quantised() || matches!(self, Self::F16 | Self::Bf16)
    }
}

/// y = x · weightᵀ with x rounded to bf16 and a quantised weight, sub-block by sub-block; then bias and
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
    let (block_len, sub_len) = (storage.block_len(), storage.sub_block_len());
    let blocks = |output: usize| -> Vec<Block> {
        row(output).chunks_exact(storage.block_bytes()).map(|b| Block::new(storage, b)).collect()
    };
    let weight: Vec<Vec<Block>> = (0..outputs).map(blocks).collect();
    for (at, y) in y.iter_mut().enumerate() {
        let (x, output) = (&x[at / outputs * inner..][..inner], at % outputs);
        let mut total = 0.0f32;
        for first in (0..inner).step_by(sub_len) {
            let (block, place) = (&weight[output][first / block_len], first % block_len);
            let (mut sum, mut ones) = (0.0, 0.0);
            for i in (0..sub_len).step_by(2) {
                let pair = bf16::pair(x[first + i], x[first + i + 1]);
                let integers = [block.integer(place + i), block.integer(place + i + 1)];
                sum = bf16::dot(pair, bf16::pair(integers[0], integers[1]), sum);
                ones = bf16::dot(pair, bf16::pair(1.0, 1.0), ones);
            }
            let sub_block = place / sub_len;
            total = block.scale(sub_block).mul_add(sum, total);
            if storage.has_min() {
                total = block.min(sub_block).mul_add(ones, total);
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
