//! ALiBi: attention with linear biases (Press et al. 2022), which replaces positions by distances.

use crate::math::pow;

/// A number that is subtracted from every score: the distance of key and query, times a slope of the head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alibi {
    /// Query heads, among which the slopes are spread.
    pub heads: usize,
    /// What every slope is multiplied with: 1, or the scale of a family that scales scores and distances
    /// together.
    pub factor: f32,
}

impl Alibi {
    /// What a score loses for each position that its key is further away.
    ///
    /// The slopes of a power of two of heads are the powers of 2^(−8 / heads). Other numbers of heads have
    /// those of the power of two below, then every second one of the power of two above (section 3, as the
    /// authors' code has it and transformers computes it).
    pub fn slope(&self, head: usize) -> f32 {
        let lower = (self.heads + 1).next_power_of_two() / 2;
        let (exponent, power) = if head < lower {
            (-8.0 / lower as f32, head + 1)
        } else {
            (-4.0 / lower as f32, 2 * (head - lower) + 1)
        };
        self.factor * pow(pow(2.0, exponent), power as f32)
    }
}
