//! What small unsigned numbers stand for: whole numbers that are exact in bf16.

/// Codes of a few bits, with what each stands for.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Codes {
    /// By the lowest five bits of a word, whatever stands in those that the codes do not have.
    pub(super) as_f32: [f32; 32],
    /// By the lowest six bits of half a word.
    pub(super) as_bf16: [u16; 64],
    /// Of codes of four bits.
    pub(super) as_bytes: [i8; 16],
    /// Bits of a code.
    pub bits: usize,
    pub(super) kind: CodeKind,
}

/// How what a code stands for is computed where a table would be slower.
#[derive(Clone, Copy, Debug)]
pub(super) enum CodeKind {
    /// The code and this number.
    Plus(i32),
    /// The code in two's complement.
    Signed,
    /// By table only.
    Table,
}

impl Codes {
    /// Codes that stand for themselves and a number that is added, of at most five bits.
    pub const fn plus(bits: usize, plus: i32) -> Self {
        assert!(bits <= 5);
        let mut integers = [0; 64];
        let mut code = 0;
        while code < 64 {
            integers[code] = (code % (1 << bits)) as i32 + plus;
            code += 1;
        }
        Self::new(bits, CodeKind::Plus(plus), integers)
    }

    /// Codes of six bits in two's complement.
    pub const fn signed_six() -> Self {
        let mut integers = [0; 64];
        let mut code = 0;
        while code < 64 {
            integers[code] = if code < 32 { code as i32 } else { code as i32 - 64 };
            code += 1;
        }
        Self::new(6, CodeKind::Signed, integers)
    }

    /// Codes of four bits that stand for what a table has.
    pub const fn table(table: [i8; 16]) -> Self {
        let mut integers = [0; 64];
        let mut code = 0;
        while code < 64 {
            integers[code] = table[code % 16] as i32;
            code += 1;
        }
        Self::new(4, CodeKind::Table, integers)
    }

    const fn new(bits: usize, kind: CodeKind, integers: [i32; 64]) -> Self {
        let (mut as_f32, mut as_bf16, mut as_bytes) = ([0.0; 32], [0; 64], [0; 16]);
        let mut code = 0;
        while code < 64 {
            let number = integers[code] as f32;
            as_bf16[code] = (number.to_bits() >> 16) as u16;
            if code < 32 {
                as_f32[code] = number;
            }
            if code < 16 {
                as_bytes[code] = integers[code] as i8;
            }
            code += 1;
        }
        Self { as_f32, as_bf16, as_bytes, bits, kind }
    }
}
