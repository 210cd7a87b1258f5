//! The instruction sets (ISA: instruction set architecture) of the kernels: detected at run time, or forced by
//! the environment variable `LOOKBACK_PATH`.

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Kernel, PairKernel, Portable};

/// An instruction set that every kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512: sixteen lanes are one register.
    Avx512,
    /// AVX2 with fused multiply-add and halves: sixteen lanes are two registers.
    Avx2,
    /// Plain Rust: sixteen lanes are an array. The definition of the others.
    Portable,
}

impl Isa {
    /// All instruction sets, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// The instruction sets of this processor, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The fastest instruction set of this processor.
    pub fn detect() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// The instruction set that `LOOKBACK_PATH` names (`avx512`, `avx2`, `portable`), or the fastest.
    ///
    /// # Errors
    /// A sentence, if the variable names none or one that this processor does not have.
    pub fn from_env() -> Result<Self, String> {
        let Ok(name) = std::env::var("LOOKBACK_PATH") else { return Ok(Self::detect()) };
        let isa = match name.as_str() {
            "avx512" => Self::Avx512,
            "avx2" => Self::Avx2,
            "portable" => Self::Portable,
            _ => {
                return Err(format!(
                    "LOOKBACK_PATH: \"{name}\" is no instruction set; avx512, avx2 and portable are"
                ));
            }
        };
        if !isa.is_available() {
            return Err(format!("LOOKBACK_PATH: this processor has no {name}; leave it unset"));
        }
        Ok(isa)
    }

    /// Whether this processor has this instruction set.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Whether this processor has a dot product of bf16 pairs (`vdpbf16ps`) in this instruction set.
    pub fn has_bf16_dot(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512 {
            return Avx512::has_bf16_dot();
        }
        false
    }

    /// Runs a kernel over pairs of bf16 with these lanes; where AVX-512 has no dot product of pairs, with those
    /// of AVX2.
    ///
    /// # Panics
    /// If this processor does not have the instruction set.
    #[inline]
    pub fn run_pairs<K: PairKernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if self.has_bf16_dot() => Avx512::<true>::run_pairs(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx2 => Avx2::run_pairs(kernel),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("only x86 has this instruction set"),
            Self::Portable => kernel.run(Portable),
        }
    }

    /// Runs a kernel with the lanes of this instruction set.
    ///
    /// # Panics
    /// If this processor does not have the instruction set.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::<false>::run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::run(kernel),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("only x86 has this instruction set"),
            Self::Portable => kernel.run(Portable),
        }
    }
}
