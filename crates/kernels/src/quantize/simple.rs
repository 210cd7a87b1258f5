//! Blocks of 32 values with one scale, with a minimum beside it in Q4_1 and Q5_1. Quants are rounded with the scale in
//! f32, before that is rounded to a half, as ggml's reference does.
//!
//! ```text
//! Q8_0        q = round(x / d)              d = largest |x| / 127
//! Q4_0 Q5_0   q = floor(x / d + n + 0.5)    d = -(x of the largest |x|) / n, n = 8 or 16, so that this x is exact
//! Q4_1 Q5_1   q = floor((x - m) / d + 0.5)  m = least x, d = (greatest x - m) / 15 or 31
//! ```

use super::scale;

pub(super) fn q8_0(values: &[f32; 32], out: &mut [u8; 34]) -> Option<()> {
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let d = largest / 127.0;
    let inverse = inverse(d);
    let (half, _) = scale(d)?;
    out[..2].copy_from_slice(&half.to_le_bytes());
    for (out, value) in out[2..].iter_mut().zip(values) {
        *out = (value * inverse).round() as i8 as u8;
    }
    Some(())
}

pub(super) fn q4_0(values: &[f32; 32], out: &mut [u8; 18]) -> Option<()> {
    let (half, quants) = around_zero(values, 8)?;
    out[..2].copy_from_slice(&half.to_le_bytes());
    put_nibbles(&quants, &mut out[2..]);
    Some(())
}

pub(super) fn q4_1(values: &[f32; 32], out: &mut [u8; 20]) -> Option<()> {
    let (d, m, quants) = from_least(values, 15)?;
    out[..2].copy_from_slice(&d.to_le_bytes());
    out[2..4].copy_from_slice(&m.to_le_bytes());
    put_nibbles(&quants, &mut out[4..]);
    Some(())
}

/// d, the fifth bits of all elements from the first on, the nibbles.
pub(super) fn q5_0(values: &[f32; 32], out: &mut [u8; 22]) -> Option<()> {
    let (half, quants) = around_zero(values, 16)?;
    out[..2].copy_from_slice(&half.to_le_bytes());
    out[2..6].copy_from_slice(&fifth_bits(&quants));
    put_nibbles(&quants, &mut out[6..]);
    Some(())
}

/// d, m, and the rest as in Q5_0.
pub(super) fn q5_1(values: &[f32; 32], out: &mut [u8; 24]) -> Option<()> {
    let (d, m, quants) = from_least(values, 31)?;
    out[..2].copy_from_slice(&d.to_le_bytes());
    out[2..4].copy_from_slice(&m.to_le_bytes());
    out[4..8].copy_from_slice(&fifth_bits(&quants));
    put_nibbles(&quants, &mut out[8..]);
    Some(())
}

/// The scale and the quants, `0 .. 2 · middle`, where `middle` stands for 0.
fn around_zero(values: &[f32; 32], middle: u8) -> Option<(u16, [u8; 32])> {
    // Of equal ones the first.
    let furthest =
        values.iter().fold(
            0.0f32,
            |furthest, value| {
                if value.abs() > furthest.abs() { *value } else { furthest }
            },
        );
    let d = furthest / -f32::from(middle);
    let (half, _) = scale(d)?;
    let inverse = f64::from(inverse(d));
    let quants = values.map(|value| {
        // The product is exact, so that the sum is rounded once, as a fused multiply-add rounds it.
        let place = (f64::from(value) * inverse + f64::from(middle) + 0.5) as f32;
        (place as u8).min(2 * middle - 1)
    });
    Some((half, quants))
}

/// The scale, the minimum and the quants, `0 ..= most`.
fn from_least(values: &[f32; 32], most: u8) -> Option<(u16, u16, [u8; 32])> {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let d = (greatest - least) / f32::from(most);
    let inverse = inverse(d);
    let quants = values.map(|value| (((value - least) * inverse + 0.5) as u8).min(most));
    Some((scale(d)?.0, scale(least)?.0, quants))
}

/// 1 / d, and 0 of a block of zeros.
fn inverse(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

/// Low nibbles are elements 0 to 15, high ones 16 to 31.
fn put_nibbles(quants: &[u8; 32], out: &mut [u8]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = quants[i] & 15 | (quants[i + 16] & 15) << 4;
    }
}

fn fifth_bits(quants: &[u8; 32]) -> [u8; 4] {
    let bits = (0..).zip(quants).map(|(i, quant)| u32::from(quant >> 4) << i);
    bits.sum::<u32>().to_le_bytes()
}
