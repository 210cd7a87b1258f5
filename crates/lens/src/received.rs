//! The rows that a pass leaves at some sites. Read `capture_recorder` for what keeps the shapes of whole sequences too.

use std::collections::BTreeMap;

use lookback_engine::{Observer, SiteView};
use lookback_model::Site;

/// Rows at sites, of several senders one below the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received(pub(crate) BTreeMap<Site, Vec<f32>>);

impl Received {
    /// Of these sites, without rows yet.
    pub(crate) fn new(sites: impl IntoIterator<Item = Site>) -> Self {
        Self(sites.into_iter().map(|site| (site, Vec::new())).collect())
    }
}

/// Keeps the rows of its sites.
impl Observer for Received {
    fn wants(&self, site: Site) -> bool {
        self.0.contains_key(&site)
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.0.insert(site, view.values.to_vec());
    }
}
