//! Sixteen lanes as an array: the definition of the others.

use super::{LANES, Lanes, larger};

/// Plain Rust.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

type Array = [f32; LANES];

#[inline(always)]
fn each(a: Array, b: Array, of: impl Fn(f32, f32) -> f32) -> Array {
    let mut out = a;
    for lane in 0..LANES {
        out[lane] = of(a[lane], b[lane]);
    }
    out
}

impl Lanes for Portable {
    type F32 = Array;
    type Mask = [bool; LANES];
    const WIDE: usize = 1;

    #[inline(always)]
    fn splat(self, x: f32) -> Array {
        [x; LANES]
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Array {
        let mut out = [0.0; LANES];
        out.copy_from_slice(&from[..LANES]);
        out
    }
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Array {
        let mut out = [0.0; LANES];
        out[..from.len()].copy_from_slice(from);
        out
    }
    #[inline(always)]
    fn store(self, x: Array, to: &mut [f32]) {
        to[..LANES].copy_from_slice(&x);
    }
    #[inline(always)]
    fn store_part(self, x: Array, to: &mut [f32]) {
        to.copy_from_slice(&x[..to.len()]);
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> Array {
        // SAFETY: the caller promises sixteen readable f32; an array of f32 is aligned as one is.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn store_at(self, x: Array, to: *mut f32) {
        // SAFETY: the caller promises sixteen writable f32; an array of f32 is aligned as one is.
        unsafe { *to.cast() = x };
    }
    #[inline(always)]
    fn add(self, a: Array, b: Array) -> Array {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Array, b: Array) -> Array {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Array, b: Array) -> Array {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Array, b: Array) -> Array {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self, a: Array) -> Array {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn fma(self, a: Array, b: Array, mut c: Array) -> Array {
        for lane in 0..LANES {
            c[lane] = a[lane].mul_add(b[lane], c[lane]);
        }
        c
    }
    #[inline(always)]
    fn max(self, a: Array, b: Array) -> Array {
        each(a, b, larger)
    }
    #[inline(always)]
    fn greater(self, a: Array, b: Array) -> [bool; LANES] {
        std::array::from_fn(|lane| a[lane] > b[lane])
    }
    #[inline(always)]
    fn less(self, a: Array, b: Array) -> [bool; LANES] {
        std::array::from_fn(|lane| a[lane] < b[lane])
    }
    #[inline(always)]
    fn is_nan(self, a: Array) -> [bool; LANES] {
        a.map(f32::is_nan)
    }
    #[inline(always)]
    fn select(self, mask: [bool; LANES], a: Array, b: Array) -> Array {
        std::array::from_fn(|lane| if mask[lane] { a[lane] } else { b[lane] })
    }
    #[inline(always)]
    fn round(self, a: Array) -> Array {
        a.map(f32::round_ties_even)
    }
    #[inline(always)]
    fn power_of_two(self, n: Array) -> Array {
        n.map(|n| f32::from_bits(((n as i32).wrapping_add(127) << 23) as u32))
    }
    #[inline(always)]
    fn to_array(self, x: Array) -> Array {
        x
    }
    #[inline(always)]
    fn from_array(self, x: Array) -> Array {
        x
    }
}
