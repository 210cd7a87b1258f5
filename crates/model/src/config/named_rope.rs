//! Divisors of rotary frequencies, as GGUF files list them, by the rule that they follow: a `config.json` has no list.

use super::{Config, Positions, RopeScaling, RotaryConfig};

/// Positions of the first training are a power of two, up to this one.
const LARGEST_CONTEXT: u32 = 20;
/// Rotations over these below which a frequency is divided, and above which it is kept; every Llama 3 has them.
const LOW_AND_HIGH: [f32; 2] = [1.0, 4.0];
/// How far a listed divisor may be from the rule's, which other programs round at other places.
const NEAR: f32 = 1e-5;

impl Config {
    /// The same with Llama 3's rule in the place of a list of divisors which follows it.
    #[must_use]
    pub fn with_named_rope(self) -> Self {
        let Positions::Rotary(rotary) = &self.positions else { return self };
        let RopeScaling::Divisors(divisors) = &rotary.scaling else { return self };
        let [low_freq_factor, high_freq_factor] = LOW_AND_HIGH;
        let factor = divisors.iter().copied().fold(1.0, f32::max);
        let plain = RotaryConfig { scaling: RopeScaling::None, ..rotary.clone() };
        let frequencies = plain.frequencies(self.context);
        let contexts = (0..=LARGEST_CONTEXT).map(|power| 1usize << power);
        let named = contexts.map(|original_context| RotaryConfig {
            scaling: RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_context,
            },
            ..rotary.clone()
        });
        let follows = |named: &RotaryConfig, bound: f32| {
            let scaled = named.frequencies(self.context);
            let pairs = frequencies.iter().zip(scaled).zip(divisors.iter());
            pairs.into_iter().all(|((plain, scaled), divisor)| {
                plain / divisor == scaled || (plain / scaled / divisor - 1.0).abs() < bound
            })
        };
        // One that has the same bits before one that is near.
        let named: Vec<RotaryConfig> = named.collect();
        let found = [0.0, NEAR]
            .into_iter()
            .find_map(|bound| named.iter().find(|named| follows(named, bound)).cloned());
        match found {
            Some(rotary) => Self { positions: Positions::Rotary(rotary), ..self },
            None => self,
        }
    }
}
