//! What stored numbers are as f32. Each is rounded at most once.

use super::{
    super::bf16,
    StorageType,
    blocks::Block,
    floats::{e4m3, half, quiet},
};

impl StorageType {
    /// Widens whole blocks; `bytes` holds exactly those of `out`.
    pub fn widen(self, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), self.bytes(out.len()), "whole blocks for whole numbers");
        match self {
            Self::F32 => each(bytes, out, f32::from_le_bytes),
            Self::F64 => each(bytes, out, |eight| f64::from_le_bytes(eight) as f32),
            Self::F16 => each(bytes, out, |two| half(u16::from_le_bytes(two))),
            Self::Bf16 => each(bytes, out, |two| quiet(bf16::widen(u16::from_le_bytes(two)))),
            Self::F8E4M3 => each(bytes, out, |[byte]| e4m3(byte)),
            // The upper half of IEEE's half precision.
            Self::F8E5M2 => each(bytes, out, |[byte]| half(u16::from(byte) << 8)),
            _ => {
                let blocks = bytes.chunks_exact(self.block_bytes());
                for (bytes, out) in blocks.zip(out.chunks_exact_mut(self.block_len())) {
                    self.widen_block(&Block::new(self, bytes), out);
                }
            }
        }
    }

    fn widen_block(self, block: &Block, out: &mut [f32]) {
        let len = self.sub_block_len();
        for (n, out) in out.chunks_exact_mut(len).enumerate() {
            let (scale, min) = (block.scale(n), block.min(n));
            for (i, out) in out.iter_mut().enumerate() {
                // The product is exact, so only the addition rounds.
                let product = block.integer(n * len + i) * scale;
                *out = if self.has_min() { product + min } else { product };
            }
        }
    }
}

fn each<const N: usize>(bytes: &[u8], out: &mut [f32], widen: impl Fn([u8; N]) -> f32) {
    let (elements, _) = bytes.as_chunks::<N>();
    for (out, element) in out.iter_mut().zip(elements) {
        *out = widen(*element);
    }
}
