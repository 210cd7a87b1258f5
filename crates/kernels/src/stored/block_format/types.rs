//! The types of codes, each as [`coded`](super::coded) describes it.

use super::{
    block_len,
    coded::{Coded, Run, ScaleKind},
};
use crate::{
    lanes::Codes,
    naive::stored::{E2M1, IQ4},
    stored::StorageType,
};

/// Four bits of the nth eight numbers: the low nibbles of sixteen bytes are the first half of 32 numbers, the high
/// ones the second.
#[inline(always)]
const fn half_nibbles(run: usize) -> Run {
    Run { word: run / 4 * 4 + run % 2 * 2, bit: (run % 4 / 2 * 4) as u32 }
}

/// Fields of the nth eight numbers, where 32 bytes have those of the first 32 numbers in their lowest bits, those of the
/// next 32 above, and so on.
#[inline(always)]
const fn fields_of_32(run: usize, bits: usize) -> Run {
    let (fields, of_32) = (8 / bits, run / 4);
    Run { word: of_32 / fields * 8 + run % 4 * 2, bit: (of_32 % fields * bits) as u32 }
}

/// The same from another word on.
#[inline(always)]
const fn from_word(word: usize, run: Run) -> Run {
    Run { word: word + run.word, ..run }
}

macro_rules! nibbles_of_32 {
    ($($name:ident: $codes:expr, $scales:ident, at $at:literal;)*) => {$(
        pub(in super::super) struct $name;

        impl Coded for $name {
            const STORAGE: StorageType = StorageType::$name;
            const CODES: &'static Codes = &$codes;
            const SCALES: ScaleKind = ScaleKind::$scales;
            const PIECES: &'static [usize] = &[$at];
            #[inline(always)]
            fn low(run: usize) -> Run {
                half_nibbles(run)
            }
        }
    )*};
}
nibbles_of_32! {
    Q4_0: Codes::plus(4, -8), Half, at 2;
    Q4_1: Codes::plus(4, 0), HalfAndMin, at 4;
    Iq4Nl: Codes::table(IQ4), Half, at 2;
    Mxfp4: Codes::table(E2M1), PowerOfTwo, at 1;
}

macro_rules! fifth_bits_in_a_word {
    ($($name:ident: $codes:expr, $scales:ident, bits at $bits:literal, at $at:literal;)*) => {$(
        pub(in super::super) struct $name;

        impl Coded for $name {
            const STORAGE: StorageType = StorageType::$name;
            const CODES: &'static Codes = &$codes;
            const SCALES: ScaleKind = ScaleKind::$scales;
            const PIECES: &'static [usize] = &[$bits, $at];
            const HIGH_BITS_ARE_A_WORD: bool = true;
            #[inline(always)]
            fn low(run: usize) -> Run {
                from_word(4, half_nibbles(run))
            }
            #[inline(always)]
            fn high(run: usize) -> Run {
                Run { word: 0, bit: 8 * run as u32 }
            }
        }
    )*};
}
fifth_bits_in_a_word! {
    Q5_0: Codes::plus(5, -16), Half, bits at 2, at 6;
    Q5_1: Codes::plus(5, 0), HalfAndMin, bits at 4, at 8;
}

pub(in super::super) struct Iq4Xs;

impl Coded for Iq4Xs {
    const STORAGE: StorageType = StorageType::Iq4Xs;
    const CODES: &'static Codes = &Codes::table(IQ4);
    const SCALES: ScaleKind = ScaleKind::Bytes;
    const PIECES: &'static [usize] = &[8, 24, 40, 56, 72, 88, 104, 120];
    #[inline(always)]
    fn low(run: usize) -> Run {
        half_nibbles(run)
    }
}

pub(in super::super) struct Q2K;

impl Coded for Q2K {
    const STORAGE: StorageType = StorageType::Q2K;
    const CODES: &'static Codes = &Codes::plus(2, 0);
    const SCALES: ScaleKind = ScaleKind::Nibbles;
    const PIECES: &'static [usize] = &[16, 32, 48, 64];
    #[inline(always)]
    fn low(run: usize) -> Run {
        fields_of_32(run, 2)
    }
}

pub(in super::super) struct Q3K;

impl Coded for Q3K {
    const STORAGE: StorageType = StorageType::Q3K;
    const CODES: &'static Codes = &Codes::plus(3, -4);
    const SCALES: ScaleKind = ScaleKind::Bytes;
    const PIECES: &'static [usize] = &[0, 16, 32, 48, 64, 80];
    #[inline(always)]
    fn low(run: usize) -> Run {
        from_word(8, fields_of_32(run, 2))
    }
    #[inline(always)]
    fn high(run: usize) -> Run {
        fields_of_32(run, 1)
    }
}

pub(in super::super) struct Q4K;

impl Coded for Q4K {
    const STORAGE: StorageType = StorageType::Q4K;
    const CODES: &'static Codes = &Codes::plus(4, 0);
    const SCALES: ScaleKind = ScaleKind::BytesAndMins;
    const PIECES: &'static [usize] = &[16, 32, 48, 64, 80, 96, 112, 128];
    #[inline(always)]
    fn low(run: usize) -> Run {
        fields_of_32(run, 4)
    }
}

pub(in super::super) struct Q5K;

impl Coded for Q5K {
    const STORAGE: StorageType = StorageType::Q5K;
    const CODES: &'static Codes = &Codes::plus(5, 0);
    const SCALES: ScaleKind = ScaleKind::BytesAndMins;
    const PIECES: &'static [usize] = &[16, 32, 48, 64, 80, 96, 112, 128, 144, 160];
    #[inline(always)]
    fn low(run: usize) -> Run {
        from_word(8, fields_of_32(run, 4))
    }
    #[inline(always)]
    fn high(run: usize) -> Run {
        fields_of_32(run, 1)
    }
}

pub(in super::super) struct Q6K;

impl Coded for Q6K {
    const STORAGE: StorageType = StorageType::Q6K;
    const CODES: &'static Codes = &Codes::signed_six();
    const SCALES: ScaleKind = ScaleKind::Bytes;
    const PIECES: &'static [usize] = &[0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176];
    #[inline(always)]
    fn low(run: usize) -> Run {
        // The nibbles of 64 bytes are of twice 64 numbers.
        Run { word: run / 16 * 16 + run % 8 * 2, bit: (run % 16 / 8 * 4) as u32 }
    }
    #[inline(always)]
    fn high(run: usize) -> Run {
        from_word(32, fields_of_32(run, 2))
    }
}

const _: () = assert!(block_len::<Q6K>() == 32 + 16 * (16 + 2 * 96));
