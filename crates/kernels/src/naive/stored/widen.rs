//! What stored numbers are as f32, type by type. Each is rounded at most once.

use super::{super::bf16, StorageType};

impl StorageType {
    /// Widens whole blocks; `bytes` holds exactly those of `out`.
    pub fn widen(self, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), self.bytes(out.len()), "whole blocks for whole numbers");
        match self {
            Self::F32 => each(bytes, out, f32::from_le_bytes),
            Self::F16 => each(bytes, out, |two| half(u16::from_le_bytes(two))),
            Self::Bf16 => each(bytes, out, |two| quiet(bf16::widen(u16::from_le_bytes(two)))),
            Self::Q8_0 => blocks(bytes, out, q8_0_block),
            Self::Q4_0 => blocks(bytes, out, q4_0_block),
            Self::Q4_1 => blocks(bytes, out, q4_1_block),
            Self::Q6K => blocks(bytes, out, q6_k_block),
        }
    }
}

/// IEEE's half precision, exactly. A NaN becomes a quiet one, as processors widen it.
pub fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 / (1 << 24) as f32).to_bits()),
        31 => quiet(f32::from_bits(sign | 0x7f80_0000 | fraction << 13)),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// The same number; of NaNs, the one that signals nothing.
fn quiet(x: f32) -> f32 {
    if x.is_nan() { f32::from_bits(x.to_bits() | 1 << 22) } else { x }
}

/// A byte of a Q8_0 block.
pub fn q8_0(q: u8, scale: f32) -> f32 {
    f32::from(q as i8) * scale
}

/// A nibble of a Q4_0 block.
pub fn q4_0(q: u8, scale: f32) -> f32 {
    (f32::from(q) - 8.0) * scale
}

/// A nibble of a Q4_1 block. The product is exact, four bits times eleven, so only the addition rounds.
pub fn q4_1(q: u8, scale: f32, min: f32) -> f32 {
    f32::from(q) * scale + min
}

fn each<const N: usize>(bytes: &[u8], out: &mut [f32], widen: impl Fn([u8; N]) -> f32) {
    let (elements, _) = bytes.as_chunks::<N>();
    for (out, element) in out.iter_mut().zip(elements) {
        *out = widen(*element);
    }
}

fn blocks<const N: usize, const ELEMENTS: usize>(
    bytes: &[u8],
    out: &mut [f32],
    widen: impl Fn(&[u8; N], &mut [f32; ELEMENTS]),
) {
    let (stored, _) = bytes.as_chunks::<N>();
    let (out, _) = out.as_chunks_mut::<ELEMENTS>();
    for (stored, out) in stored.iter().zip(out) {
        widen(stored, out);
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    half(u16::from_le_bytes([block[at], block[at + 1]]))
}

fn q8_0_block(block: &[u8; 34], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (out, q) in out.iter_mut().zip(&block[2..]) {
        *out = q8_0(*q, d);
    }
}

/// Low nibbles are elements 0 to 15, high ones 16 to 31.
fn q4_0_block(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (i, q) in block[2..].iter().enumerate() {
        out[i] = q4_0(q & 15, d);
        out[i + 16] = q4_0(q >> 4, d);
    }
}

fn q4_1_block(block: &[u8; 20], out: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for (i, q) in block[4..].iter().enumerate() {
        out[i] = q4_1(q & 15, d, m);
        out[i + 16] = q4_1(q >> 4, d, m);
    }
}

/// Each half of a block has four quarters of 32 elements: two in the nibbles of 64 bytes of low bits, whose
/// upper nibbles are the last two, and two bits of each quarter in a byte of high bits. 16 elements share a
/// scale. Eleven bits times seven times five are exact in f32.
fn q6_k_block(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    let (scales, _) = rest.split_at(16);
    let d = half_at(block, 208);
    for (at, out) in out.iter_mut().enumerate() {
        let (half, quarter, i) = (at / 128, at / 32 % 4, at % 32);
        let nibble = low[64 * half + 32 * (quarter % 2) + i] >> (4 * (quarter / 2)) & 15;
        let bits = high[32 * half + i] >> (2 * quarter) & 3;
        let q = f32::from((nibble | bits << 4) as i8 - 32);
        *out = d * f32::from(scales[at / 16] as i8) * q;
    }
}
