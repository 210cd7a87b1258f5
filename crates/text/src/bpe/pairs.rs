//! Which neighbours may be merged, in which order, into what.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
};

/// What two pieces become, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Merge {
    pub(crate) rank: u32,
    pub(crate) id: u32,
}

/// From two pieces to their merge.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Map<Merge>);

/// A map by pairs of ids.
pub(crate) type Map<V> = HashMap<u64, V, Seeded>;

/// Two ids as one key.
pub(crate) fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

impl Pairs {
    /// A later merge of the same two takes an earlier one's place.
    pub(crate) fn insert(&mut self, left: u32, right: u32, merge: Merge) {
        self.0.insert(key(left, right), merge);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, left: u32, right: u32) -> Option<Merge> {
        self.0.get(&key(left, right)).copied()
    }
}

/// Begins each map's hashes with a number of its own, which the author of a vocabulary cannot know: else
/// pairs could be chosen that all have one hash.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Mix;

    fn build_hasher(&self) -> Mix {
        Mix(self.0)
    }
}

/// One multiplication, folded.
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let product = u128::from(self.0 ^ key ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
