//! What the stored forms of a weight mean as f32, by ggml's rule: rounded at most once.

use super::{bf16, matmul::After};

/// How the numbers of a weight are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "their names are ggml's, and the table in `stored/form` says what they are"
)]
pub enum Kind {
    Bf16,
    F16,
    Q8_0,
    Q4_0,
    Q4_1,
}

impl Kind {
    /// Whether blocks of whole numbers have a scale.
    pub fn is_quantised(self) -> bool {
        matches!(self, Self::Q8_0 | Self::Q4_0 | Self::Q4_1)
    }

    /// Whether blocks also have a number that is added to all of them.
    pub fn has_least(self) -> bool {
        self == Self::Q4_1
    }

    /// Bytes of so many numbers as a file stores them: whole blocks, where there are blocks.
    pub fn bytes(self, numbers: usize) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 2 * numbers,
            Self::Q8_0 => numbers / 32 * 34,
            Self::Q4_0 => numbers / 32 * 18,
            Self::Q4_1 => numbers / 32 * 20,
        }
    }
}

/// IEEE's half precision, exactly.
pub fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 / (1 << 24) as f32).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// A byte of a Q8_0 block.
pub fn q8_0(q: u8, scale: f32) -> f32 {
    f32::from(q as i8) * scale
}

/// A nibble of a Q4_0 block.
pub fn q4_0(q: u8, scale: f32) -> f32 {
    (f32::from(q) - 8.0) * scale
}

/// A nibble of a Q4_1 block. The product is exact: four bits times eleven.
pub fn q4_1(q: u8, scale: f32, least: f32) -> f32 {
    f32::from(q) * scale + least
}

/// A row as a file stores it, in f32.
pub fn widen(kind: Kind, row: &[u8], to: &mut [f32]) {
    let two = |at: usize| u16::from_le_bytes([row[at], row[at + 1]]);
    let nibble = |first: usize, i: usize| row[first + i % 16] >> (4 * (i / 16)) & 15;
    for (k, to) in to.iter_mut().enumerate() {
        let (block, i) = (k / 32, k % 32);
        *to = match kind {
            Kind::Bf16 => f32::from_bits(u32::from(two(2 * k)) << 16),
            Kind::F16 => half(two(2 * k)),
            Kind::Q8_0 => q8_0(row[34 * block + 2 + i], half(two(34 * block))),
            Kind::Q4_0 => q4_0(nibble(18 * block + 2, i), half(two(18 * block))),
            Kind::Q4_1 => {
                let at = 20 * block;
                q4_1(nibble(at + 4, i), half(two(at)), half(two(at + 2)))
            }
        };
    }
}

/// Panels of 64 columns as [`crate::stored`] reads them, element by element; what is missing is zero.
pub fn pack<'r>(
    kind: Kind,
    row: &dyn Fn(usize) -> &'r [u8],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    panels.fill(0);
    // Halves at the front of a block, words in all, and elements in a word.
    let (halves, block, together) = match kind {
        Kind::Bf16 => (0, 16 * 64, 2),
        Kind::F16 => (0, 32 * 32, 0),
        Kind::Q8_0 => (1, 32 + 8 * 64, 4),
        Kind::Q4_0 => (1, 32 + 4 * 64, 8),
        Kind::Q4_1 => (2, 64 + 4 * 64, 8),
    };
    let size = inner.div_ceil(32) * block;
    for output in 0..outputs {
        let (row, column) = (row(output), output % 64);
        let panel = &mut panels[output / 64 * size..][..size];
        let two = |at: usize| u32::from(u16::from_le_bytes([row[at], row[at + 1]]));
        for k in 0..inner {
            let (first, i) = (k / 32 * block, k % 32);
            let file = k / 32 * kind.bytes(32);
            for half in 0..halves {
                // Of 64 columns, two a word. All 32 elements write the same.
                let at = first + 32 * half + column / 2;
                panel[at] |= two(file + 2 * half) << (16 * (column % 2));
            }
            let quants = file + 2 * halves;
            let value = match kind {
                Kind::Bf16 | Kind::F16 => two(file + 2 * i),
                Kind::Q8_0 => u32::from(row[quants + i]),
                Kind::Q4_0 | Kind::Q4_1 => u32::from(row[quants + i % 16] >> (4 * (i / 16)) & 15),
            };
            if kind == Kind::F16 {
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
fn parts(kind: Kind, row: &[u8], k: usize) -> (f32, f32, f32) {
    let two = |at: usize| half(u16::from_le_bytes([row[at], row[at + 1]]));
    let nibble = |first: usize| row[first + k % 16] >> (4 * (k % 32 / 16)) & 15;
    let block = k / 32;
    match kind {
        Kind::Q8_0 => (f32::from(row[34 * block + 2 + k % 32] as i8), two(34 * block), 0.0),
        Kind::Q4_0 => (f32::from(nibble(18 * block + 2)) - 8.0, two(18 * block), 0.0),
        Kind::Q4_1 => {
            let at = 20 * block;
            (f32::from(nibble(at + 4)), two(at), two(at + 2))
        }
        Kind::Bf16 | Kind::F16 => panic!("halves have no blocks"),
    }
}

/// y = x · weightᵀ with x rounded to bf16 and a quantised weight, block by block; then bias and
/// residual are added. `row` gives the bytes of an output.
pub fn forward_rounded<'r>(
    kind: Kind,
    row: &dyn Fn(usize) -> &'r [u8],
    x: &[f32],
    outputs: usize,
    inner: usize,
    after: After<'_>,
    y: &mut [f32],
) {
    for (at, y) in y.iter_mut().enumerate() {
        let (x, output) = (&x[at / outputs * inner..][..inner], at % outputs);
        let mut total = 0.0f32;
        for first in (0..inner).step_by(32) {
            let (mut sum, mut ones) = (0.0, 0.0);
            let (_, scale, least) = parts(kind, row(output), first);
            for k in (first..first + 32).step_by(2) {
                let whole = |k: usize| parts(kind, row(output), k).0;
                let pair = bf16::pair(x[k], x[k + 1]);
                sum = bf16::dot(pair, bf16::pair(whole(k), whole(k + 1)), sum);
                ones = bf16::dot(pair, bf16::pair(1.0, 1.0), ones);
            }
            total = scale.mul_add(sum, total);
            if kind == Kind::Q4_1 {
                total = least.mul_add(ones, total);
            }
        }
        if let Some(bias) = after.bias {
            total += bias[output];
        }
        if let Some(residual) = after.residual {
            total += residual[at];
        }
        *y = total;
    }
}
