//! Half precision from f32: IEEE's, and the upper half of an f32.

/// The nearest half, ties to even. What is too large becomes infinite, and a NaN a quiet one.
pub fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    match magnitude {
        0x7f80_0001.. => sign | 0x7e00,
        // 65520 lies in the middle between the largest half and what would follow it.
        0x477f_f000.. => sign | 0x7c00,
        // Below the smallest normal half, 2⁻¹⁴, halves are the multiples of 2⁻²⁴. The sum has them as its last bits.
        ..0x3880_0000 => {
            let magic = f32::from_bits(magnitude) + 0.5;
            sign | (magic.to_bits() - 0.5f32.to_bits()) as u16
        }
        // Ten of 23 bits stay; a carry moves into the exponent, where it belongs.
        _ => {
            let is_odd = magnitude >> 13 & 1;
            sign | ((magnitude - (112 << 23) + 0xfff + is_odd) >> 13) as u16
        }
    }
}

/// A half that is a number.
pub(super) fn finite(bits: u16) -> Option<u16> {
    (bits >> 10 & 31 != 31).then_some(bits)
}

/// The nearest number of bf16, ties to even, if it is finite. Unlike those that are multiplied, denormals stay.
pub(super) fn bfloat(value: f32) -> Option<u16> {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    (value.is_finite() && rounded & 0x7f80 != 0x7f80).then_some(rounded as u16)
}
