//! From f32 to how files store it: the inverse of [`StorageType::widen`], as near as a type allows.
//!
//! A block depends on its own values only, so no bit depends on how rows are shared among threads. Types of one scale
//! for 32 values round as ggml's reference does, bit for bit (`simple`); of blocks of 256, the scales are searched for
//! (`superblock`).

mod half;
mod simple;
mod superblock;

use crate::naive::stored::StorageType;
pub use half::half;
use half::{bfloat, finite};

/// Whether [`quantize`] writes a type.
pub fn is_written(storage: StorageType) -> bool {
    use StorageType::{Bf16, F16, F32, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
    matches!(storage, F32 | F16 | Bf16 | Q8_0 | Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q4K | Q5K | Q6K)
}

/// Stores whole blocks: `out` is exactly as long as `values` are in this type, which must be one that [`is_written`].
///
/// # Errors
/// The number of the first block whose values have no finite form: not a number, infinite, or with a scale beyond the
/// largest half, 65504. An f32 is stored as it is. What stands in `out` is then not to be used.
pub fn quantize(storage: StorageType, values: &[f32], out: &mut [u8]) -> Result<(), usize> {
    assert_eq!(out.len(), storage.bytes(values.len()), "whole blocks for whole numbers");
    match storage {
        StorageType::F32 => each(values, out, |value| Some(value.to_le_bytes())),
        StorageType::F16 => each(values, out, |value| finite(half(value)).map(u16::to_le_bytes)),
        StorageType::Bf16 => each(values, out, |value| bfloat(value).map(u16::to_le_bytes)),
        StorageType::Q8_0 => blocks(values, out, simple::q8_0),
        StorageType::Q4_0 => blocks(values, out, simple::q4_0),
        StorageType::Q4_1 => blocks(values, out, simple::q4_1),
        StorageType::Q5_0 => blocks(values, out, simple::q5_0),
        StorageType::Q5_1 => blocks(values, out, simple::q5_1),
        StorageType::Q4K => blocks(values, out, superblock::q4_k),
        StorageType::Q5K => blocks(values, out, superblock::q5_k),
        StorageType::Q6K => blocks(values, out, superblock::q6_k),
        other => panic!("{} is read and not written", other.name()),
    }
}

/// The half nearest to a scale, and what it is in f32.
fn scale(value: f32) -> Option<(u16, f32)> {
    let bits = finite(half(value))?;
    Some((bits, crate::naive::stored::half(bits)))
}

fn each<const BYTES: usize>(
    values: &[f32],
    out: &mut [u8],
    store: impl Fn(f32) -> Option<[u8; BYTES]>,
) -> Result<(), usize> {
    let (out, _) = out.as_chunks_mut::<BYTES>();
    for (at, (value, out)) in values.iter().zip(out).enumerate() {
        *out = store(*value).ok_or(at)?;
    }
    Ok(())
}

fn blocks<const LEN: usize, const BYTES: usize>(
    values: &[f32],
    out: &mut [u8],
    store: impl Fn(&[f32; LEN], &mut [u8; BYTES]) -> Option<()>,
) -> Result<(), usize> {
    let (values, _) = values.as_chunks::<LEN>();
    let (out, _) = out.as_chunks_mut::<BYTES>();
    for (at, (values, out)) in values.iter().zip(out).enumerate() {
        let are_finite = values.iter().all(|value| value.is_finite());
        Some(()).filter(|()| are_finite).and_then(|()| store(values, out)).ok_or(at)?;
    }
    Ok(())
}
