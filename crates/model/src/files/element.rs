//! The ways a number is stored in a model file, and how each widens to f32.
//!
//! Every widening rounds at most once, as ggml's does: a quantised weight *is* its f32 value.

use half::{bf16, f16};

/// How a tensor's elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
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
}

impl Element {
    /// Elements that are stored together.
    pub(super) fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 => 32,
        }
    }

    /// Bytes of a block.
    pub(super) fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q8_0 => 2 + 32,
            Self::Q4_0 => 2 + 16,
            Self::Q4_1 => 4 + 16,
        }
    }

    /// Bytes of so many elements, which must be whole blocks.
    pub(super) fn bytes(self, elements: usize) -> usize {
        debug_assert!(elements.is_multiple_of(self.block()));
        elements / self.block() * self.block_bytes()
    }

    /// Widens whole blocks; `bytes` holds exactly those of `out`.
    pub(super) fn widen(self, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), self.bytes(out.len()), "whole blocks for whole elements");
        match self {
            Self::F32 => each(bytes, out, f32::from_le_bytes),
            Self::F16 => each(bytes, out, |two| f16::from_le_bytes(two).to_f32()),
            Self::Bf16 => each(bytes, out, |two| bf16::from_le_bytes(two).to_f32()),
            Self::Q8_0 => blocks::<34>(bytes, out, q8_0),
            Self::Q4_0 => blocks::<18>(bytes, out, q4_0),
            Self::Q4_1 => blocks::<20>(bytes, out, q4_1),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], out: &mut [f32], widen: impl Fn([u8; N]) -> f32) {
    let (elements, _) = bytes.as_chunks::<N>();
    for (out, element) in out.iter_mut().zip(elements) {
        *out = widen(*element);
    }
}

fn blocks<const N: usize>(bytes: &[u8], out: &mut [f32], widen: impl Fn(&[u8; N], &mut [f32; 32])) {
    let (stored, _) = bytes.as_chunks::<N>();
    let (out, _) = out.as_chunks_mut::<32>();
    for (stored, out) in stored.iter().zip(out) {
        widen(stored, out);
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (out, q) in out.iter_mut().zip(&block[2..]) {
        *out = f32::from(*q as i8) * d;
    }
}

/// Low nibbles are elements 0 to 15, high ones 16 to 31.
fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (i, q) in block[2..].iter().enumerate() {
        out[i] = f32::from((q & 15) as i8 - 8) * d;
        out[i + 16] = f32::from((q >> 4) as i8 - 8) * d;
    }
}

/// Four bits times eleven are exact in f32, so only the addition rounds.
fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for (i, q) in block[4..].iter().enumerate() {
        out[i] = f32::from(q & 15) * d + m;
        out[i + 16] = f32::from(q >> 4) * d + m;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_of_q4_0_are_centred_on_eight_and_split_in_halves() {
        let mut block = [0u8; 18];
        block[..2].copy_from_slice(&f16::from_f32(0.5).to_le_bytes());
        block[2] = 0xf0; // element 0 is 0, element 16 is 15
        block[3] = 0x18; // element 1 is 8, element 17 is 1
        let mut out = [0.0; 32];
        Element::Q4_0.widen(&block, &mut out);
        assert_eq!((out[0], out[16], out[1], out[17]), (-4.0, 3.5, 0.0, -3.5));
    }

    #[test]
    fn q4_1_adds_its_minimum_and_rounds_once() {
        let (d, m) = (f16::from_f32(0.1), f16::from_f32(-300.0));
        let mut block = [0u8; 20];
        block[..2].copy_from_slice(&d.to_le_bytes());
        block[2..4].copy_from_slice(&m.to_le_bytes());
        block[4] = 0x7f;
        let mut out = [0.0; 32];
        Element::Q4_1.widen(&block, &mut out);
        assert_eq!(out[0].to_bits(), 15f32.mul_add(d.to_f32(), -300.0).to_bits());
        assert_eq!(out[16].to_bits(), 7f32.mul_add(d.to_f32(), -300.0).to_bits());
        assert_eq!(out[1], -300.0);
    }

    #[test]
    fn bytes_of_q8_0_are_signed() {
        let mut block = [0u8; 34];
        block[..2].copy_from_slice(&f16::from_f32(2.0).to_le_bytes());
        (block[2], block[33]) = (0x80, 0x7f);
        let mut out = [0.0; 32];
        Element::Q8_0.widen(&block, &mut out);
        assert_eq!((out[0], out[31]), (-256.0, 254.0));
    }
}
