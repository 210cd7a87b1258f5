//! Floats of 16 and of 8 bits as f32, exactly.

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

/// Eight bits with four of exponent, which know no infinity: all bits set but the sign are NaN.
pub(super) fn e4m3(byte: u8) -> f32 {
    let sign = u32::from(byte & 0x80) << 24;
    let (exponent, fraction) = (u32::from(byte >> 3 & 15), u32::from(byte & 7));
    match (exponent, fraction) {
        (0, _) => f32::from_bits(sign | (fraction as f32 / (1 << 9) as f32).to_bits()),
        (15, 7) => f32::from_bits(sign | f32::NAN.to_bits()),
        _ => f32::from_bits(sign | (exponent + 120) << 23 | fraction << 20),
    }
}

/// The same number; of NaNs, the one that signals nothing.
pub(super) fn quiet(x: f32) -> f32 {
    if x.is_nan() { f32::from_bits(x.to_bits() | 1 << 22) } else { x }
}
