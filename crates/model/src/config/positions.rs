//! How positions enter a model, and the frequencies of rotary embeddings under each kind of scaling.
//!
//! Frequencies are rounded to f32 at each step, as transformers rounds them.

use std::{f64::consts::PI, sync::Arc};

use lookback_files::{Refusal, Result};
use lookback_kernels::{math, position};

/// How positions enter the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Positions {
    /// A learned row for each position, added to the embedding.
    Learned,
    /// Queries and keys are rotated.
    Rotary(RotaryConfig),
    /// Scores fall with the distance of query and key (ALiBi, Press et al. 2022). `is_scaled`: the scores'
    /// factor multiplies that, too, as in Falcon.
    Alibi {
        /// Whether the distance is multiplied with the scores' factor.
        is_scaled: bool,
    },
    /// Only by the causal mask.
    None,
}

/// Which part of a head is rotated, and how fast.
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryConfig {
    /// Base of the frequencies.
    pub theta: f32,
    /// How many of a head's dimensions are rotated; even.
    pub rotary_dim: usize,
    /// How the frequencies are changed for longer contexts.
    pub scaling: RopeScaling,
}

/// How a model was made to read more tokens than it was first trained on: a change of the rotary
/// frequencies.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// None.
    None,
    /// Every frequency divided by a factor (Chen et al. 2023).
    Linear {
        /// What divides the frequencies.
        factor: f32,
    },
    /// Low frequencies divided by a factor, high ones kept, those between interpolated (Grattafiori et al. 2024).
    Llama3 {
        /// What divides the low frequencies.
        factor: f32,
        /// Rotations over the original context below which a frequency is low.
        low_freq_factor: f32,
        /// The same above which it is high.
        high_freq_factor: f32,
        /// Positions of the first training.
        original_context: usize,
    },
    /// Interpolated between kept and divided frequencies by the rotations over the original context; cosines
    /// and sines are multiplied with a factor (YaRN, Peng et al. 2023).
    Yarn(Yarn),
    /// A larger base where the context is longer than the original one (dynamic NTK).
    Dynamic {
        /// How many times longer.
        factor: f32,
        /// Positions of the first training.
        original_context: usize,
    },
    /// A divisor for each frequency: one list within the original context, another beyond it (Ding et al. 2024).
    LongRope(LongRope),
    /// A divisor for each frequency, as GGUF files give it.
    Divisors(Arc<[f32]>),
}

/// The parameters of YaRN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// How many times longer the context is.
    pub factor: f32,
    /// Positions of the first training.
    pub original_context: usize,
    /// Rotations over the original context above which a frequency is kept.
    pub beta_fast: f32,
    /// The same below which it is divided.
    pub beta_slow: f32,
    /// Whether the bounds of the interpolation are rounded to whole pairs.
    pub truncate: bool,
    /// Factor of cosines and sines.
    pub attention_factor: f32,
}

/// The parameters of LongRoPE.
#[derive(Clone, Debug, PartialEq)]
pub struct LongRope {
    /// Divisors within the original context, `[rotary_dim / 2]`.
    pub short: Arc<[f32]>,
    /// Divisors beyond it.
    pub long: Arc<[f32]>,
    /// Positions of the first training.
    pub original_context: usize,
    /// Factor of cosines and sines.
    pub attention_factor: f32,
}

/// YaRN's usual factor of cosines and sines (Peng et al. 2023, equation 22).
pub(crate) fn yarn_attention_factor(factor: f32, times: f32) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * f64::from(times) * f64::from(factor).ln() + 1.0 }
}

impl RotaryConfig {
    /// Without any scaling.
    pub fn plain(theta: f32, rotary_dim: usize) -> Self {
        Self { theta, rotary_dim, scaling: RopeScaling::None }
    }

    /// Radians by which each pair turns from one position to the next, `[rotary_dim / 2]`, for sequences of
    /// up to `context` tokens.
    pub fn frequencies(&self, context: usize) -> Vec<f32> {
        let mut frequencies = vec![0.0; self.rotary_dim / 2];
        let plain =
            |theta: f32, out: &mut [f32]| position::frequencies(self.rotary_dim, theta, out);
        plain(self.theta, &mut frequencies);
        match &self.scaling {
            RopeScaling::None => {}
            RopeScaling::Linear { factor } => divide(&mut frequencies, |_| *factor),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                let (low, high) = (*low_freq_factor, *high_freq_factor);
                let original = *original_context as f32;
                for frequency in &mut frequencies {
                    let wavelength = (2.0 * PI) as f32 / *frequency;
                    if wavelength > original / low {
                        *frequency /= factor;
                    } else if wavelength >= original / high {
                        let smooth = (original / wavelength - low) / (high - low);
                        *frequency = (1.0 - smooth) * (*frequency / factor) + smooth * *frequency;
                    }
                }
            }
            RopeScaling::Yarn(yarn) => {
                let [low, high] = self.yarn_bounds(yarn);
                for (pair, frequency) in frequencies.iter_mut().enumerate() {
                    let ramp = ((pair as f32 - low) / (high - low)).clamp(0.0, 1.0);
                    let kept = 1.0 - ramp;
                    let divided = 1.0 / (yarn.factor * (1.0 / *frequency));
                    *frequency = divided * (1.0 - kept) + *frequency * kept;
                }
            }
            RopeScaling::Dynamic { factor, original_context } => {
                let times = context.max(*original_context) as f64 / *original_context as f64;
                let (factor, dim) = (f64::from(*factor), self.rotary_dim as f64);
                let stretch = (factor * times - (factor - 1.0)).powf(dim / (dim - 2.0));
                plain((f64::from(self.theta) * stretch) as f32, &mut frequencies);
            }
            RopeScaling::LongRope(long_rope) => {
                let is_long = context > long_rope.original_context;
                let divisors = if is_long { &long_rope.long } else { &long_rope.short };
                for (pair, frequency) in frequencies.iter_mut().enumerate() {
                    let exponent = (2 * pair) as f32 / self.rotary_dim as f32;
                    *frequency = 1.0 / (divisors[pair] * math::pow(self.theta, exponent));
                }
            }
            RopeScaling::Divisors(divisors) => divide(&mut frequencies, |pair| divisors[pair]),
        }
        frequencies
    }

    /// What cosines and sines are multiplied with.
    pub fn attention_factor(&self) -> f32 {
        match &self.scaling {
            RopeScaling::Yarn(yarn) => yarn.attention_factor,
            RopeScaling::LongRope(long_rope) => long_rope.attention_factor,
            RopeScaling::None
            | RopeScaling::Linear { .. }
            | RopeScaling::Llama3 { .. }
            | RopeScaling::Dynamic { .. }
            | RopeScaling::Divisors(_) => 1.0,
        }
    }

    /// The context within which the frequencies are those of the first training, where a longer one has
    /// others.
    pub(crate) fn short_context(&self) -> Option<usize> {
        match &self.scaling {
            RopeScaling::Dynamic { original_context, .. } => Some(*original_context),
            RopeScaling::LongRope(long_rope) => Some(long_rope.original_context),
            RopeScaling::None
            | RopeScaling::Linear { .. }
            | RopeScaling::Llama3 { .. }
            | RopeScaling::Yarn(_)
            | RopeScaling::Divisors(_) => None,
        }
    }

    /// The pairs between which YaRN interpolates.
    fn yarn_bounds(&self, yarn: &Yarn) -> [f32; 2] {
        let dim = self.rotary_dim as f64;
        let pair = |rotations: f32| {
            let wavelength = yarn.original_context as f64 / (f64::from(rotations) * 2.0 * PI);
            dim * wavelength.ln() / (2.0 * f64::from(self.theta).ln())
        };
        let (mut low, mut high) = (pair(yarn.beta_fast), pair(yarn.beta_slow));
        if yarn.truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        (low, high) = (low.max(0.0), high.min(dim - 1.0));
        // One pair is no span to interpolate over.
        if low == high {
            high += 0.001;
        }
        [low as f32, high as f32]
    }

    /// Refuses what cannot be, of a head of this width.
    pub(crate) fn check(&self, head_dim: usize, context: usize) -> Result<()> {
        let Self { theta, rotary_dim, scaling } = self;
        let refuse = |sentence: String| Err(Refusal::user(sentence));
        if *rotary_dim == 0 || !rotary_dim.is_multiple_of(2) || *rotary_dim > head_dim {
            return refuse(format!(
                "{rotary_dim} rotary dimensions cannot be; an even number up to the head's width of \
                 {head_dim} is needed"
            ));
        }
        if !theta.is_finite() || *theta <= 0.0 {
            return refuse(format!("a rotary theta of {theta} cannot be; it must be above 0"));
        }
        let lists = match scaling {
            RopeScaling::LongRope(long_rope) => vec![&long_rope.short, &long_rope.long],
            RopeScaling::Divisors(divisors) => vec![divisors],
            _ => Vec::new(),
        };
        for list in lists {
            if list.len() != rotary_dim / 2 {
                return refuse(format!(
                    "{} factors of rotary frequencies cannot be; {} dimensions have {}",
                    list.len(),
                    rotary_dim,
                    rotary_dim / 2
                ));
            }
        }
        if self.short_context() == Some(0) {
            return refuse("rope scaling from an original context of 0 cannot be".to_owned());
        }
        let is_right = |frequency: &f32| frequency.is_finite() && *frequency >= 0.0;
        if !self.frequencies(context).iter().all(is_right) || !self.attention_factor().is_finite() {
            return refuse(format!(
                "rotary frequencies that are not finite cannot be; check theta {theta} and the factors of the \
                 rope scaling"
            ));
        }
        Ok(())
    }
}

fn divide(frequencies: &mut [f32], divisor: impl Fn(usize) -> f32) {
    for (pair, frequency) in frequencies.iter_mut().enumerate() {
        *frequency /= divisor(pair);
    }
}
