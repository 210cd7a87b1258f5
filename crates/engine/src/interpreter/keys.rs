//! Where the keys and values of a pass stand.

use crate::cache::Cache;

/// Where keys and values go.
#[derive(Debug)]
pub(super) enum Keys<'a> {
    /// Into a cache, to be seen by later passes.
    Cache(&'a mut Cache),
    /// Into pages for one layer, written anew by each.
    Scratch(&'a mut [f32]),
}
