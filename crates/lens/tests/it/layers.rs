//! A layer that is looked at alone shows the numbers of a whole pass.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use crate::fixture::{bits, ids, weights};
use crate::shapes::networks;
use lookback_engine::{Isa, ThreadPool, WeightMode};
use lookback_lens::{
    SiteFilter, edited_trace_from_layer, edited_trace_with_parts, sites, trace, trace_of_layer,
    trace_with_edits,
};
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
fn layers_of_an_edited_pass_have_its_bits_from_the_stream_that_they_read() {
    use lookback_model::{AttentionChange, AttentionEdit, Change, Edit, ElementChange, PassEdit};
    let pool = ThreadPool::new(2, Isa::detect());
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let (ids, config) = (ids(70, 5), &network.config);
        let layer = config.layers - 1;
        let edit = |layer: usize, site, change| -> PassEdit {
            let positions = Some([2, 40].into());
            let edit = Edit { change, positions, columns: 0..5, numbers: [0.25].into() };
            (Site::Block(layer as u16, site), edit).into()
        };
        let pattern = AttentionEdit {
            heads: Some([1].into()),
            queries: None,
            keys: Some([0].into()),
            change: AttentionChange::Scores(ElementChange::Add, [1.5].into()),
        };
        let edits = Edits::new([
            edit(0, BlockSite::Z, Change::Set),
            edit(layer, BlockSite::ResidPre, Change::Add),
            edit(layer, BlockSite::Z, Change::Scale),
            (layer, pattern).into(),
            edit(layer, BlockSite::ResidPost, Change::Add),
        ]);
        let all = SiteFilter::all();
        let whole = trace_with_edits(&weights, &pool, &ids, &all, &edits).unwrap();
        let from = (layer, whole.block(layer, BlockSite::ResidPre).unwrap());
        let (pass, no_parts) = ((&weights, &edits), BTreeSet::new());
        let alone = trace_of_layer(pass, &pool, &ids, from, &all, &no_parts).unwrap();
        let behind = edited_trace_from_layer(pass, &pool, &ids, from, &all, &no_parts, 8).unwrap();
        let is_behind = |site: &&Site| match site {
            Site::Block(of, _) => usize::from(*of) == layer,
            Site::Embed | Site::PosEmbed => false,
            _ => true,
        };
        for site in whole.sites.keys().filter(is_behind) {
            let expected = bits(&whole.sites[site].values);
            assert_eq!(bits(&behind.sites[site].values), expected, "{site}");
            if matches!(site, Site::Block(..)) {
                assert_eq!(bits(&alone.sites[site].values), expected, "{site}");
            }
        }
        let small = edited_trace_with_parts(pass, &pool, &ids, &all, &no_parts, 8).unwrap();
        let [small, part] = [small, behind].map(|looked| looked.thumbnails.unwrap().values);
        let below = layer * small.len() / config.layers;
        assert_eq!(small[below..], part[below..]);
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
