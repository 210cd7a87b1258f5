//! Which instructions the kernels use: chosen when the program runs, forced by `LOOKBACK_PATH`.

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Kernel, PairKernel, Portable};

/// An instruction set that every kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// AVX-512: sixteen lanes are one register.
    Avx512,
    /// AVX2 with fused multiply-add and halves: sixteen lanes are two registers.
    Avx2,
    /// Plain Rust: sixteen lanes are an array. The definition of the others.
    Portable,
}

impl Path {
    /// All, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// Those that this processor has, the fastest first.
    pub fn all_here() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|path| path.is_here())
    }

    /// The fastest that this processor has.
    pub fn best() -> Self {
        Self::all_here().next().unwrap_or(Self::Portable)
    }

    /// The one that `LOOKBACK_PATH` names (`avx512`, `avx2`, `portable`), or the fastest.
    ///
    /// # Errors
    /// A sentence, if the variable names none or one that this processor does not have.
    pub fn from_env() -> Result<Self, String> {
        let Ok(name) = std::env::var("LOOKBACK_PATH") else { return Ok(Self::best()) };
        let path = match name.as_str() {
            "avx512" => Self::Avx512,
            "avx2" => Self::Avx2,
            "portable" => Self::Portable,
            _ => {
                return Err(format!(
                    "LOOKBACK_PATH: \"{name}\" is no instruction set; avx512, avx2 and portable are"
                ));
            }
        };
        if !path.is_here() {
            return Err(format!("LOOKBACK_PATH: this processor has no {name}; leave it unset"));
        }
        Ok(path)
    }

    /// Whether this processor has it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::is_here(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::is_here(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Whether it has an instruction that multiplies pairs of bf16.
    pub fn multiplies_pairs(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512 {
            return Avx512::multiplies_pairs();
        }
        false
    }

    /// Runs a kernel over pairs with this path's lanes, or those of AVX2 where AVX-512 has no pairs.
    ///
    /// # Panics
    /// If this processor does not have it.
    #[inline]
    pub fn run_pairs<K: PairKernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if self.multiplies_pairs() => Avx512::<true>::run_pairs(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx2 => Avx2::run_pairs(kernel),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("only x86 has this path"),
            Self::Portable => kernel.run(Portable),
        }
    }

    /// Runs a kernel with this path's lanes.
    ///
    /// # Panics
    /// If this processor does not have it.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::<false>::run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::run(kernel),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("only x86 has this path"),
            Self::Portable => kernel.run(Portable),
        }
    }
}
