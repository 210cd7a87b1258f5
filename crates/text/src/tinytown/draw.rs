//! Chance, in whole numbers: the same seed draws the same on every machine.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// What is drawn for. Each has streams of its own, so that no question was ever a story.
#[derive(Clone, Copy)]
pub(super) enum For {
    World,
    Stories,
    Questions,
}

/// Draws for one story.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// Number `number` of a seed depends on no other.
    pub(super) fn new(seed: u64, what: For, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number.wrapping_mul(4).wrapping_add(what as u64));
        Self(random)
    }

    /// Below `end`, which is not zero.
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.0.next_u64()) * end as u128) >> 64) as usize
    }

    /// From `first` to `last`, both included.
    pub(super) fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last + 1 - first)
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// `count` different ones, in any order.
    pub(super) fn several<T: Copy>(&mut self, count: usize, from: &[T]) -> Vec<T> {
        let mut left = from.to_vec();
        let count = count.min(left.len());
        for at in 0..count {
            let other = at + self.below(left.len() - at);
            left.swap(at, other);
        }
        left.truncate(count);
        left
    }
}
