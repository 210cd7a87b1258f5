//! Blocks of 256 values, cut into sub-blocks with a scale each, where scales are whole multiples of one half for all.
//!
//! ```text
//! Q4_K Q5_K   x ≈ q · (d · s) − (dmin · m)   sub-blocks of 32; q of 4 or 5 bits, s and m of 6, none below 0
//! Q6_K        x ≈ q · (d · s)                sub-blocks of 16; q from −32 to 31, s from −128 to 127
//! ```
//!
//! What is made small is the sum of squared errors. Without the bounds of s and m the best scale of given quants is a
//! least-squares fit, and the best quants of a given scale are the nearest ones: each sub-block begins with many scales,
//! fits again, and keeps the best (`fit`). Then d and dmin are the largest of these, divided by what s and m reach; s
//! and m are the nearest to the fitted ones or their neighbours, whichever errs least with quants chosen anew.

mod fit;

use super::scale;
use fit::Affine;

/// Scales and minima of 6 bits.
const MOST: f32 = 63.0;

/// `q · scale − min` of 8 sub-blocks with quants `0 ..= most`: d, dmin, and of each s, m and its quants.
struct WithMin {
    d: u16,
    dmin: u16,
    scales: [u8; 8],
    mins: [u8; 8],
    quants: [u8; 256],
}

impl WithMin {
    fn of(values: &[f32; 256], most: u8) -> Option<Self> {
        let (parts, _) = values.as_chunks::<32>();
        let mut fitted = [Affine::default(); 8];
        for (fitted, part) in fitted.iter_mut().zip(parts) {
            *fitted = fit::affine(part, most);
        }
        let largest = |of: fn(&Affine) -> f32| fitted.iter().map(of).fold(0.0, f32::max);
        let (d, scale_step) = scale(largest(|fit| fit.scale) / MOST)?;
        let (dmin, min_step) = scale(largest(|fit| fit.min) / MOST)?;
        let mut all = Self { d, dmin, scales: [0; 8], mins: [0; 8], quants: [0; 256] };
        let (quants, _) = all.quants.as_chunks_mut::<32>();
        for (part, (values, quants)) in parts.iter().zip(quants).enumerate() {
            let steps = [scale_step, min_step];
            let wanted = [fitted[part].scale, fitted[part].min];
            let [s, m] = [0, 1].map(|i| nearest(wanted[i], steps[i]));
            let mut least = f32::INFINITY;
            for (s, m) in around(s).flat_map(|s| around(m).map(move |m| (s, m))) {
                let fit = Affine { scale: f32::from(s) * scale_step, min: f32::from(m) * min_step };
                let mut tried = [0; 32];
                let error = fit.quants(values, most, &mut tried);
                if error < least {
                    (least, *quants, all.scales[part], all.mins[part]) = (error, tried, s, m);
                }
            }
        }
        Some(all)
    }

    /// Eight scales and eight minima in twelve bytes: the low six bits of the first four of each fill eight bytes, the
    /// low four bits of the last four the other four bytes, and their upper two bits the upper two of the first eight.
    fn packed_scales(&self) -> [u8; 12] {
        let mut packed = [0; 12];
        for i in 0..4 {
            packed[i] = self.scales[i] | self.scales[i + 4] >> 4 << 6;
            packed[i + 4] = self.mins[i] | self.mins[i + 4] >> 4 << 6;
            packed[i + 8] = self.scales[i + 4] & 15 | self.mins[i + 4] << 4;
        }
        packed
    }

    /// d, dmin and the scales: the first 16 bytes of a block.
    fn put_head(&self, out: &mut [u8]) {
        out[..2].copy_from_slice(&self.d.to_le_bytes());
        out[2..4].copy_from_slice(&self.dmin.to_le_bytes());
        out[4..16].copy_from_slice(&self.packed_scales());
    }

    /// The low four bits of 64 elements in 32 bytes: the first half below, the second above.
    fn put_nibbles(&self, out: &mut [u8]) {
        for (at, out) in out.iter_mut().enumerate() {
            let first = at / 32 * 64 + at % 32;
            *out = self.quants[first] & 15 | (self.quants[first + 32] & 15) << 4;
        }
    }
}

pub(super) fn q4_k(values: &[f32; 256], out: &mut [u8; 144]) -> Option<()> {
    let block = WithMin::of(values, 15)?;
    block.put_head(out);
    block.put_nibbles(&mut out[16..]);
    Some(())
}

/// The fifth bits of the i-th elements of all sub-blocks stand in byte i, those of the first sub-block lowest.
pub(super) fn q5_k(values: &[f32; 256], out: &mut [u8; 176]) -> Option<()> {
    let block = WithMin::of(values, 31)?;
    block.put_head(out);
    for (i, out) in out[16..48].iter_mut().enumerate() {
        *out = (0..8).map(|part| block.quants[32 * part + i] >> 4 << part).sum();
    }
    block.put_nibbles(&mut out[48..]);
    Some(())
}

pub(super) fn q6_k(values: &[f32; 256], out: &mut [u8; 210]) -> Option<()> {
    let (parts, _) = values.as_chunks::<16>();
    let mut fitted = [0.0f32; 16];
    for (fitted, part) in fitted.iter_mut().zip(parts) {
        *fitted = fit::linear(part);
    }
    let furthest =
        fitted.iter().fold(
            0.0f32,
            |furthest, fitted| {
                if fitted.abs() > furthest.abs() { *fitted } else { furthest }
            },
        );
    // The largest scale is −128 steps, as signed bytes reach furthest on that side.
    let (d, step) = scale(furthest / -128.0)?;
    let mut quants = [0i8; 256];
    let (of_parts, _) = quants.as_chunks_mut::<16>();
    let (scales, _) = out[192..208].as_chunks_mut::<1>();
    for (((values, quants), fitted), scale) in parts.iter().zip(of_parts).zip(fitted).zip(scales) {
        let wanted = if step == 0.0 { 0.0 } else { (fitted / step).round().clamp(-128.0, 127.0) };
        let mut least = f32::INFINITY;
        for s in [wanted as i8, (wanted as i8).saturating_sub(1), (wanted as i8).saturating_add(1)]
        {
            let mut tried = [0; 16];
            let error = fit::signed_quants(values, f32::from(s) * step, &mut tried);
            if error < least {
                (least, *quants, *scale) = (error, tried, [s as u8]);
            }
        }
    }
    let quants = quants.map(|q| (q + 32) as u8);
    // Half by half, four quarters of 32 elements: nibbles of the first two lie below those of the last two, and two
    // bits of each quarter in a byte of high bits.
    for (at, low) in out[..128].iter_mut().enumerate() {
        let first = at / 64 * 128 + at % 64;
        *low = quants[first] & 15 | (quants[first + 64] & 15) << 4;
    }
    for (at, high) in out[128..192].iter_mut().enumerate() {
        let first = at / 32 * 128 + at % 32;
        *high = (0..4).map(|quarter| quants[first + 32 * quarter] >> 4 << (2 * quarter)).sum();
    }
    out[208..].copy_from_slice(&d.to_le_bytes());
    Some(())
}

/// The multiple of a step that is nearest.
fn nearest(wanted: f32, step: f32) -> u8 {
    if step == 0.0 { 0 } else { (wanted / step).round().min(MOST) as u8 }
}

/// A multiple and its neighbours.
fn around(multiple: u8) -> impl Iterator<Item = u8> {
    multiple.saturating_sub(1)..=(multiple + 1).min(MOST as u8)
}
