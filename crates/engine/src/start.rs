//! What a network knows before it has seen a token: seeded random weights.

use lookback_files::Result;
use lookback_model::{Network, Role, WeightId};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// How weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// Seed of all of them; each weight draws from a stream of its own.
    pub seed: u64,
    /// Standard deviation of tables.
    pub tables: f64,
    /// Standard deviation of matrices. Those that write into the residual stream have it divided
    /// by the root of twice the layers (Radford et al. 2019, section 2.3).
    pub matrices: f64,
}

impl Start {
    /// As GPT-2 starts: 0.02 everywhere.
    pub fn gpt2(seed: u64) -> Self {
        Self { seed, tables: 0.02, matrices: 0.02 }
    }

    /// Writes a weight's first values.
    pub fn fill(&self, network: &Network, id: WeightId, to: &mut [f32]) -> Result<()> {
        let layers = network.blocks.len() as f64;
        let deviation = match network.weight(id).role {
            Role::Gain => {
                to.fill(1.0);
                return Ok(());
            }
            Role::Bias => {
                to.fill(0.0);
                return Ok(());
            }
            Role::Table => self.tables,
            Role::Matrix => self.matrices,
            Role::Output => self.matrices / f64::sqrt(2.0 * layers),
        };
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(u64::from(id.0) + 1);
        for pair in to.chunks_mut(2) {
            let normal = normal_pair(&mut random);
            for (to, normal) in pair.iter_mut().zip(normal) {
                *to = (deviation * normal) as f32;
            }
        }
        Ok(())
    }
}

/// Two independent draws from the standard normal distribution (Box and Muller 1958).
fn normal_pair(random: &mut ChaCha8Rng) -> [f64; 2] {
    // 53 random bits, in (0, 1]: the logarithm of 0 is never taken.
    let mut uniform = || ((random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    let (radius, turn) = (uniform(), uniform());
    let radius = f64::sqrt(-2.0 * libm::log(radius));
    let angle = 2.0 * std::f64::consts::PI * turn;
    [radius * libm::cos(angle), radius * libm::sin(angle)]
}
