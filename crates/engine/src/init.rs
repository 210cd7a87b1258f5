//! Initialisation of weights: seeded random draws.

use lookback_files::Result;
use lookback_model::{Block, Network, WeightId, WeightKind};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// The initialisation of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    /// Seed of all of them; each weight draws from a stream of its own.
    pub seed: u64,
    /// Standard deviation of tables.
    pub tables: f64,
    /// Standard deviation of matrices. Those that write into the residual stream have it divided
    /// by the root of twice the layers (Radford et al. 2019, section 2.3).
    pub matrices: f64,
    /// Initialisation of the matrices of attention.
    pub heads: HeadInit,
}

/// Initialisation of the matrices of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadInit {
    /// Like every other matrix.
    Plain,
    /// Keys are their queries, so that a token looks first at those like it; values are half an
    /// orthogonal matrix, and the output is their transpose beside its own draws, so that what was
    /// looked at is passed on as it is (Trockman and Kolter 2023, section 3).
    Mimetic,
}

impl Init {
    /// As GPT-2 is initialised: 0.02 everywhere.
    pub fn gpt2(seed: u64) -> Self {
        Self { seed, tables: 0.02, matrices: 0.02, heads: HeadInit::Plain }
    }

    /// Writes a weight's first values.
    pub fn fill(&self, network: &Network, id: WeightId, out: &mut [f32]) -> Result<()> {
        let layers = network.blocks.len() as f64;
        let deviation = match network.weight(id).kind {
            WeightKind::Gain => {
                out.fill(1.0);
                return Ok(());
            }
            WeightKind::Bias => {
                out.fill(0.0);
                return Ok(());
            }
            WeightKind::Table => self.tables,
            WeightKind::Matrix | WeightKind::Router => self.matrices,
            WeightKind::Output => self.matrices / f64::sqrt(2.0 * layers),
        };
        if self.heads == HeadInit::Mimetic && self.mimic(network, id, deviation, out) {
            return Ok(());
        }
        for (out, normal) in out.iter_mut().zip(self.draws(id)) {
            *out = (deviation * normal) as f32;
        }
        Ok(())
    }

    /// A weight's own draws from the standard normal distribution.
    fn draws(&self, id: WeightId) -> impl Iterator<Item = f64> + use<> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(u64::from(id.0) + 1);
        std::iter::repeat_with(move || box_muller(&mut random)).flatten()
    }

    /// Writes keys, values or output so that heads begin near the identity; false of other weights.
    fn mimic(&self, network: &Network, id: WeightId, deviation: f64, out: &mut [f32]) -> bool {
        let is_of = |block: &&Block| {
            [block.qkv[1].weight, block.qkv[2].weight, block.output.weight].contains(&id)
        };
        let Some(block) = network.blocks.iter().find(is_of) else { return false };
        let [query, key, value] = block.qkv;
        let (width, dim) = (key.inputs, block.attend.head_dim);
        let group = block.attend.heads / block.attend.key_heads;
        if id == key.weight {
            // The first query head of those that share a key head.
            let queries: Vec<f64> = self.draws(query.weight).take(query.outputs * width).collect();
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let first = (row / dim * group * dim + row % dim) * width;
                for (out, query) in out.iter_mut().zip(&queries[first..]) {
                    *out = (deviation * query) as f32;
                }
            }
            return true;
        }
        let mut values: Vec<f64> = self.draws(value.weight).take(value.outputs * width).collect();
        orthogonal_rows(&mut values, width);
        if id == value.weight {
            for (out, value) in out.iter_mut().zip(&values) {
                *out = (VALUES * value) as f32;
            }
            return true;
        }
        let own: Vec<f64> = self.draws(id).take(out.len()).collect();
        let inputs = block.output.inputs;
        for (place, (out, own)) in out.iter_mut().zip(own).enumerate() {
            let (output, input) = (place / inputs, place % inputs);
            let row = input / dim / group * dim + input % dim;
            *out = (VALUES * values[row * width + output] + deviation * own) as f32;
        }
        true
    }
}

/// Singular values of the first values, and of what the output has of them.
const VALUES: f64 = 0.5;

/// Makes rows of draws orthogonal and of length 1, as many at a time as there can be (Gram and
/// Schmidt, each row against those before it, in order).
fn orthogonal_rows(rows: &mut [f64], width: usize) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
    for square in rows.chunks_mut(width * width) {
        for row in 0..square.len() / width {
            let (before, rest) = square.split_at_mut(row * width);
            let own = &mut rest[..width];
            for other in before.chunks_exact(width) {
                let share = dot(own, other);
                own.iter_mut().zip(other).for_each(|(own, other)| *own -= share * other);
            }
            let length = f64::sqrt(dot(own, own));
            own.iter_mut().for_each(|own| *own /= length);
        }
    }
}

/// Two independent draws from the standard normal distribution (Box and Muller 1958).
fn box_muller(random: &mut ChaCha8Rng) -> [f64; 2] {
    // 53 random bits, in (0, 1]: the logarithm of 0 is never taken.
    let mut uniform = || ((random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    let (radius, turn) = (uniform(), uniform());
    let radius = f64::sqrt(-2.0 * libm::log(radius));
    let angle = 2.0 * std::f64::consts::PI * turn;
    [radius * libm::cos(angle), radius * libm::sin(angle)]
}

#[cfg(test)]
mod tests {
    use lookback_model::{Config, Size};

    use super::*;

    #[test]
    fn mimetic_heads_start_near_the_identity() {
        let size = Size {
            vocabulary: 9,
            width: 24,
            layers: 2,
            heads: 4,
            key_heads: 2,
            hidden: 16,
            context: 8,
        };
        let Ok(config) = Config::llama(size) else { panic!("a small llama is valid") };
        let network = Network::new(&config);
        let start = Init { seed: 5, tables: 0.1, matrices: 0.05, heads: HeadInit::Mimetic };
        let weight = |start: &Init, id| {
            let mut to = vec![f32::NAN; network.weight(id).len()];
            assert!(start.fill(&network, id, &mut to).is_ok());
            to
        };
        let block = &network.blocks[1];
        let [query, key, value] = block.qkv.map(|linear| weight(&start, linear.weight));
        let output = weight(&start, block.output.weight);
        // Key head 1 is query head 2, the first of its two; heads are 6 wide.
        assert_eq!(key[6 * 24..], query[12 * 24..18 * 24]);
        for (a, b) in [(0, 0), (3, 3), (2, 9), (11, 0)] {
            let rows = value[a * 24..][..24].iter().zip(&value[b * 24..][..24]);
            let product = rows.fold(0.0, |sum, (x, y)| sum + x * y);
            assert!((product - if a == b { 0.25 } else { 0.0 }).abs() < 1e-6, "{a} {b}: {product}");
        }
        // Head 3 passes on what key head 1 gives.
        let plain = weight(&Init { heads: HeadInit::Plain, ..start }, block.output.weight);
        for (output_row, input) in [(0, 18), (23, 23), (7, 20)] {
            let place = output_row * 24 + input;
            let given = value[(input - 12) * 24 + output_row];
            assert!((output[place] - plain[place] - given).abs() < 1e-6, "{output_row} {input}");
        }
        // All else begins as it did.
        for id in [network.embed, block.mlp.mlps()[0].up.weight, block.qkv[0].weight] {
            assert_eq!(weight(&start, id), weight(&Init { heads: HeadInit::Plain, ..start }, id));
        }
    }
}
