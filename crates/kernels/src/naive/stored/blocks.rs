//! Blocks of small whole numbers with scales: what the bytes of one mean, type by type, as ggml has them.
//!
//! ```text
//! Q8_0  q · d         Q4_0  (q − 8) · d        Q5_0  (q − 16) · d       IQ4_NL  t[q] · d
//! Q4_1, Q5_1  fma(q, d, m)                     MXFP4  u[q] · 2^(e − 128)
//! Q2_K  fma(q, d · (s & 15), −(dmin · (s >> 4)))        Q4_K, Q5_K  fma(q, d · sc, −(dmin · mn))
//! Q3_K  (q − 4) · (d · s)       Q6_K  (q − 32) · (d · s)       IQ4_XS  t[q] · (d · s)
//! ```
//! Every product has at most 23 bits and is exact in f32, so that a value is rounded at most once.

use super::{StorageType, floats::half};

/// Numbers of the longest block.
pub(super) const MAX_LEN: usize = 256;
/// Sub-blocks of a block at most.
pub(super) const MAX_SUB_BLOCKS: usize = 16;

/// What the codes of IQ4_NL and IQ4_XS stand for.
pub(crate) const IQ4: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/// What those of MXFP4 stand for: twice the numbers of four bits with two of exponent.
pub(crate) const E2M1: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The bytes of scales of each sub-block, and those of minima, where they are apart.
pub(crate) type ScaleBytes = [[u8; MAX_SUB_BLOCKS]; 2];

/// A block, taken apart.
pub(super) struct Block {
    storage: StorageType,
    /// d, and what minima are multiples of.
    pub halves: [u16; 2],
    /// Whole numbers with a sign; of Q2_K, two nibbles; of MXFP4, the exponent.
    pub scales: ScaleBytes,
    /// The stored bits of each number.
    pub codes: [u8; MAX_LEN],
}

impl Block {
    /// Takes apart the bytes of one block.
    pub(super) fn new(storage: StorageType, bytes: &[u8]) -> Self {
        let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let halves = storage.halves_at();
        let mut block = Self {
            storage,
            halves: [0; 2],
            scales: scale_bytes(storage, bytes),
            codes: [0; MAX_LEN],
        };
        for (half, at) in block.halves.iter_mut().zip(halves) {
            *half = two(*at);
        }
        let codes = &mut block.codes;
        match storage {
            StorageType::Q8_0 => codes[..32].copy_from_slice(&bytes[2..34]),
            StorageType::Q4_0 | StorageType::Iq4Nl => halves_of_bytes(&bytes[2..18], codes),
            StorageType::Q4_1 => halves_of_bytes(&bytes[4..20], codes),
            StorageType::Mxfp4 => halves_of_bytes(&bytes[1..17], codes),
            StorageType::Q5_0 => {
                halves_of_bytes(&bytes[6..22], codes);
                fifth_bits(&bytes[2..6], codes);
            }
            StorageType::Q5_1 => {
                halves_of_bytes(&bytes[8..24], codes);
                fifth_bits(&bytes[4..8], codes);
            }
            StorageType::Iq4Xs => {
                for (bytes, codes) in bytes[8..].chunks(16).zip(codes.chunks_mut(32)) {
                    halves_of_bytes(bytes, codes);
                }
            }
            StorageType::Q4K => fields::<4>(&bytes[16..144], 32, 0, codes),
            StorageType::Q5K => {
                fields::<4>(&bytes[48..176], 32, 0, codes);
                fields::<1>(&bytes[16..48], 32, 4, codes);
            }
            StorageType::Q6K => {
                fields::<4>(&bytes[..128], 64, 0, codes);
                fields::<2>(&bytes[128..192], 32, 4, codes);
            }
            StorageType::Q2K => fields::<2>(&bytes[16..80], 32, 0, codes),
            StorageType::Q3K => {
                fields::<2>(&bytes[32..96], 32, 0, codes);
                fields::<1>(&bytes[..32], 32, 2, codes);
            }
            StorageType::F32
            | StorageType::F64
            | StorageType::F16
            | StorageType::Bf16
            | StorageType::F8E4M3
            | StorageType::F8E5M2 => panic!("{} has no blocks", storage.name()),
        }
        block
    }

    /// What its nth number is before it is scaled.
    pub(super) fn integer(&self, n: usize) -> f32 {
        let code = self.codes[n];
        let plus = match self.storage {
            StorageType::Q8_0 => return f32::from(code as i8),
            StorageType::Iq4Nl | StorageType::Iq4Xs => return f32::from(IQ4[usize::from(code)]),
            StorageType::Mxfp4 => return f32::from(E2M1[usize::from(code)]),
            StorageType::Q3K => -4,
            StorageType::Q4_0 => -8,
            StorageType::Q5_0 => -16,
            StorageType::Q6K => -32,
            _ => 0,
        };
        f32::from(i16::from(code) + plus)
    }

    /// What the numbers of a sub-block are multiplied with.
    pub(super) fn scale(&self, sub_block: usize) -> f32 {
        let (d, byte) = (half(self.halves[0]), self.scales[0][sub_block]);
        match self.storage {
            StorageType::Mxfp4 => power_of_two(byte),
            StorageType::Q2K => d * f32::from(byte & 15),
            _ if self.storage.block_len() > 32 => d * f32::from(byte as i8),
            _ => d,
        }
    }

    /// What is added to them then, if the type has that.
    pub(super) fn min(&self, sub_block: usize) -> f32 {
        let (m, [scales, mins]) = (half(self.halves[1]), self.scales);
        match self.storage {
            StorageType::Q2K => -(m * f32::from(scales[sub_block] >> 4)),
            StorageType::Q4K | StorageType::Q5K => -(m * f32::from(mins[sub_block])),
            _ => m,
        }
    }
}

/// 2^(e − 128), which is denormal for e of 0 and 1.
pub(crate) fn power_of_two(e: u8) -> f32 {
    f32::from_bits(if e < 2 { 1 << (21 + e) } else { u32::from(e - 1) << 23 })
}

/// Low nibbles are the first half of 32 numbers, high ones the second.
fn halves_of_bytes(bytes: &[u8], codes: &mut [u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        codes[i] = byte & 15;
        codes[i + 16] = byte >> 4;
    }
}

/// Bit i of a word is the fifth of number i.
fn fifth_bits(bytes: &[u8], codes: &mut [u8]) {
    for (i, code) in codes[..32].iter_mut().enumerate() {
        *code |= (bytes[i / 8] >> (i % 8) & 1) << 4;
    }
}

/// `run` bytes have BITS of each of so many successive numbers in their lowest bits, then BITS of the numbers that
/// follow, and so on; they go to `place` of each code.
fn fields<const BITS: usize>(bytes: &[u8], run: usize, place: usize, codes: &mut [u8]) {
    let numbers = bytes.chunks(run).flat_map(|run| {
        let fields = (0..8).step_by(BITS);
        fields.flat_map(move |at| run.iter().map(move |byte| byte >> at & ((1 << BITS) - 1)))
    });
    for (code, field) in codes.iter_mut().zip(numbers) {
        *code |= field << place;
    }
}

/// The bytes of scales and of minima of each sub-block of a block.
pub(crate) fn scale_bytes(storage: StorageType, bytes: &[u8]) -> ScaleBytes {
    let mut scales = [[0; MAX_SUB_BLOCKS]; 2];
    match storage {
        StorageType::Mxfp4 => scales[0][0] = bytes[0],
        StorageType::Q2K => scales[0].copy_from_slice(&bytes[..16]),
        StorageType::Q6K => scales[0].copy_from_slice(&bytes[192..208]),
        StorageType::Q3K => {
            // Four low bits of the first eight scales, of the last eight, and then two high bits of all sixteen.
            let (low, high) = bytes[96..108].split_at(8);
            for (n, scale) in scales[0].iter_mut().enumerate() {
                let low = low[n % 8] >> (4 * (n / 8)) & 15;
                *scale = (low | (high[n % 4] >> (2 * (n / 4)) & 3) << 4).wrapping_sub(32);
            }
        }
        StorageType::Q4K | StorageType::Q5K => {
            // Six bits of the first four scales, then of the first four minima. Of the last four, there are four
            // bits of each in the last bytes, and two in the high bits of the others.
            let bytes = &bytes[4..16];
            let [scales, mins] = &mut scales;
            for n in 0..4 {
                let (low, high, last) = (bytes[n], bytes[n + 4], bytes[n + 8]);
                (scales[n], mins[n]) = (low & 63, high & 63);
                scales[n + 4] = last & 15 | low >> 6 << 4;
                mins[n + 4] = last >> 4 | high >> 6 << 4;
            }
        }
        StorageType::Iq4Xs => {
            for (n, scale) in scales[0][..8].iter_mut().enumerate() {
                let low = bytes[4 + n / 2] >> (4 * (n % 2)) & 15;
                let high = bytes[2 + n / 4] >> (2 * (n % 4)) & 3;
                *scale = (low | high << 4).wrapping_sub(32);
            }
        }
        _ => {}
    }
    scales
}
