//! Where the keys and values of a pass stand.

use crate::cache::KvCache;

/// Where keys and values go.
#[derive(Debug)]
pub(super) enum Keys<'a> {
    /// Into a cache, to be seen by later passes.
    Cache(&'a mut KvCache),
    /// Into pages for one layer, written anew by each.
    Scratch(&'a mut [f32]),
}
