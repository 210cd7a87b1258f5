//! A layer that is looked at alone shows the numbers of a whole pass.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use crate::fixture::{bits, ids, weights};
use crate::shapes::networks;
use lookback_engine::{Isa, ThreadPool, WeightMode};
use lookback_lens::{SiteFilter, sites, trace, trace_of_layer};
use lookback_model::{BlockSite, Edits, Site};

#[test]
fn a_layer_alone_has_the_bits_of_a_whole_pass() {
    for threads in [1, 3] {
        let pool = ThreadPool::new(threads, Isa::detect());
        for (network, tokens) in networks().iter().flat_map(|network| [(network, 1), (network, 70)])
        {
            let weights = weights(network, WeightMode::Inference, &pool);
            let ids = ids(tokens, 5);
            let whole = trace(&weights, &pool, &ids, &SiteFilter::all()).unwrap();
            for layer in network.layers() {
                let before = whole.block(layer, BlockSite::ResidPre).unwrap();
                let (all, no_parts) = (SiteFilter::all(), BTreeSet::new());
                let from = (layer, before);
                let pass = (&weights, &Edits::default());
                let looked = trace_of_layer(pass, &pool, &ids, from, &all, &no_parts).unwrap();
                let is_its =
                    |site: &Site| matches!(site, Site::Block(of, _) if usize::from(*of) == layer);
                let expected: Vec<Site> =
                    sites(&network.config).into_iter().filter(is_its).collect();
                assert_eq!(looked.sites.len(), expected.len());
                for site in expected {
                    let [alone, in_all] = [&looked.sites[&site], &whole.sites[&site]];
                    assert_eq!(alone.shape, in_all.shape, "{site}");
                    assert_eq!(bits(&alone.values), bits(&in_all.values), "{site}");
                }
            }
        }
    }
}

#[test]
fn a_pass_without_logits_changes_no_other_site() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(33, 9);
        let whole = trace(&weights, &pool, &ids, &SiteFilter::all()).unwrap();
        let head = [Site::Logits, Site::Probabilities];
        let others = sites(&network.config).into_iter().filter(|site| !head.contains(site));
        let bare = trace(&weights, &pool, &ids, &SiteFilter::only(others)).unwrap();
        assert_eq!(bare.sites.len() + head.len(), whole.sites.len());
        for (site, seen) in &bare.sites {
            assert_eq!(bits(&seen.values), bits(&whole.sites[site].values), "{site}");
        }
    }
}
