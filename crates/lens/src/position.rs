//! The rotations of rotary position embedding, pair by pair, from the engine's own table; and what is rotated.

use std::{f32::consts::TAU, ops::Range};

use lookback_engine::{ThreadPool, Weights, norm_rows, rotary_angles};
use lookback_model::Rotary;

/// Two dimensions of every query and key that are rotated together.
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryPair {
    /// Where the two stand in a head's vector.
    pub dimensions: [usize; 2],
    /// Radians from one position to the next.
    pub frequency: f32,
    /// Positions in which it turns once around.
    pub period: f32,
    /// At each of the positions asked for.
    pub rotations: Vec<Rotation>,
}

/// A pair at one position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotation {
    /// In radians, whole turns left in.
    pub angle: f32,
    /// The engine's cosine of it, times the factor that YaRN and LongRoPE have.
    pub cos: f32,
    /// The engine's sine of it, likewise.
    pub sin: f32,
}

/// All pairs of a rotary embedding at these positions.
pub fn rotary_pairs(rotary: &Rotary, positions: Range<usize>) -> Vec<RotaryPair> {
    let half = rotary.rotary_dim / 2;
    let table = rotary_angles(rotary, positions.end);
    let rotation = |position: usize, pair: usize, frequency: f32| {
        let [cos, sin] = [0, half].map(|part| table[position * rotary.rotary_dim + part + pair]);
        Rotation { angle: position as f32 * frequency, cos, sin }
    };
    let pair = |(pair, frequency): (usize, f32)| RotaryPair {
        dimensions: [pair, pair + half],
        frequency,
        period: TAU / frequency,
        rotations: positions.clone().map(|position| rotation(position, pair, frequency)).collect(),
    };
    rotary.frequencies.iter().copied().enumerate().map(pair).collect()
}

/// The queries of one token as they are rotated: behind their norm, where a layer has one. From the row of
/// `attn.q`, `[heads, head_dim]`, and of its shape.
pub fn normed_queries(
    weights: &Weights,
    pool: &ThreadPool,
    layer: usize,
    queries: &[f32],
) -> Option<Vec<f32>> {
    let [query_norm, _] = weights.network().blocks[layer].query_key_norms.as_ref()?;
    Some(norm_rows(weights, pool, query_norm, queries).rows)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use lookback_model::RotaryConfig;

    use super::*;

    fn rotary(theta: f32) -> Rotary {
        let frequencies = RotaryConfig::plain(theta, 8).frequencies(32).into();
        Rotary { head_dim: 8, rotary_dim: 8, frequencies, factor: 1.0 }
    }

    #[test]
    fn the_first_pair_turns_by_one_radian_and_later_ones_more_slowly() {
        let pairs = rotary_pairs(&rotary(10_000.0), 0..4);
        assert_eq!(pairs.len(), 4);
        assert_eq!((pairs[0].dimensions, pairs[0].frequency), ([0, 4], 1.0));
        assert!((f64::from(pairs[0].period) - 2.0 * PI).abs() < 1e-6);
        // 10000^(-1/4)
        assert!((pairs[1].frequency - 0.1).abs() < 1e-7);
        for pair in &pairs {
            assert_eq!(pair.rotations[0], Rotation { angle: 0.0, cos: 1.0, sin: 0.0 });
            for (position, rotation) in pair.rotations.iter().enumerate() {
                let angle = position as f64 * f64::from(pair.frequency);
                assert!((f64::from(rotation.cos) - angle.cos()).abs() < 1e-6);
                assert!((f64::from(rotation.sin) - angle.sin()).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn only_the_positions_asked_for_are_told() {
        let rotary = rotary(500.0);
        let all = rotary_pairs(&rotary, 0..9);
        let some = rotary_pairs(&rotary, 5..9);
        for (some, all) in some.iter().zip(&all) {
            assert_eq!(some.rotations, all.rotations[5..]);
        }
    }
}
