//! Flush-to-zero and denormals-are-zero of x86, set and reset for a scope.

use std::arch::{asm, x86_64::__m256};

/// Flush-to-zero and denormals-are-zero in the register MXCSR.
const BOTH: u32 = 1 << 15 | 1 << 6;

/// As long as this lives, its thread flushes denormals.
///
/// The compiler takes arithmetic to be IEEE's, so nothing may be computed beside this value but from memory
/// to memory: loads and stores stay between the two changes of MXCSR, which claim to touch all memory, and
/// so does what is computed from one to the other. What stays in registers is held by [`opaque`].
pub(super) struct FlushDenormals {
    before: u32,
}

impl FlushDenormals {
    /// Begins.
    #[inline]
    pub(super) fn begin() -> Self {
        let before = read();
        write(before | BOTH);
        Self { before }
    }
}

impl Drop for FlushDenormals {
    #[inline]
    fn drop(&mut self) {
        write(self.before);
    }
}

/// As long as this lives, a thread that flushes denormals keeps them. What [`FlushDenormals`] says of who computes
/// beside it holds here, too.
pub(super) struct KeepDenormals {
    before: u32,
}

impl KeepDenormals {
    /// Begins.
    #[inline]
    pub(super) fn begin() -> Self {
        let before = read();
        write(before & !BOTH);
        Self { before }
    }
}

impl Drop for KeepDenormals {
    #[inline]
    fn drop(&mut self) {
        write(self.before);
    }
}

/// The same eight numbers, hidden from the compiler: they are computed before any later change
/// of MXCSR, and what is computed from them comes after any earlier one.
///
/// A function that is not to be inlined is no such bound: it was inlined, and a fuzzer's build then folded
/// denormals away.
#[inline]
#[target_feature(enable = "avx")]
pub(super) fn opaque(mut x: __m256) -> __m256 {
    // SAFETY: nothing is done. Without `pure` it keeps its place among the changes of MXCSR.
    unsafe { asm!("/* {0} */", inout(ymm_reg) x, options(nostack, preserves_flags)) };
    x
}

#[inline]
fn read() -> u32 {
    let mut state = 0u32;
    // SAFETY: every x86-64 processor has MXCSR, and the four bytes are there.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut state, options(nostack, preserves_flags)) };
    state
}

#[inline]
fn write(state: u32) {
    // SAFETY: as above; the state is one that `read` gave, with two bits changed that every
    // x86-64 processor has, and the guard that changed them restores the state from before.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const state, options(nostack, preserves_flags)) };
}
