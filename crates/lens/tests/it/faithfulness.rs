//! What is switched off to check a sum is switched off in passes that begin late: each has the bits of a whole pass.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::Cell;

use lookback_engine::{ThreadPool, Weights};
use lookback_lens::{
    Component, PathStep, SiteFilter, Trace, UnfoldOptions, Why, WhyOptions, faithfulness,
    trace_with_edits,
};
use lookback_model::{BlockSite, Change, Edit, Edits, NormPlacement, PassEdit, Site, TokenId};

use crate::edited_sums::{each, sum};

/// Heads and MLPs that are switched off.
const OFF: usize = 6;
const TARGET: TokenId = TokenId(7);

#[test]
fn passes_that_begin_late_have_the_bits_of_whole_ones() {
    let compared = Cell::new(0);
    each(|weights, pool, trace, name| {
        let is_sum = weights.network().config.norm_placement != NormPlacement::Stream;
        if !is_sum || trace.edits.variant().plain_attention {
            return;
        }
        for (position, through_mlps) in [(5, true), (8, false), (2, true)] {
            let unfold = UnfoldOptions { share: 1.0, max_openings: 25, through_mlps };
            let (target, unfold) = (TARGET, Some(unfold));
            let options = WhyOptions { position, target, against: None, neurons: 0, unfold };
            let why = sum(weights, pool, trace, &options).unwrap();
            let check = |most| faithfulness(weights, pool, trace, &why, most).unwrap();
            let steps: Vec<PathStep> =
                (1..=OFF).filter_map(|most| Some(check(most).last()?.last)).collect();
            for point in check(OFF) {
                let logit = logit_of_whole_pass(weights, pool, trace, &why, &steps[..point.off]);
                let real = logit - why.before_cap;
                assert_eq!(point.real.to_bits(), real.to_bits(), "{name}, {position}: {point:?}");
                compared.set(compared.get() + 1);
            }
        }
    });
    assert!(compared.get() > 100, "{compared:?}");
}

#[test]
fn rows_of_patterns_that_were_not_kept_have_the_bits_of_whole_ones() {
    each(|weights, pool, trace, name| {
        let is_sum = weights.network().config.norm_placement != NormPlacement::Stream;
        let variant = trace.edits.variant();
        if !is_sum || variant.plain_attention || variant.no_mask {
            return;
        }
        let mut few = trace.clone();
        few.sites.retain(|site, _| !matches!(site, Site::Block(_, BlockSite::Pattern)));
        let unfold = UnfoldOptions { share: 1.0, max_openings: 40, through_mlps: true };
        let options = WhyOptions {
            position: 7,
            target: TARGET,
            against: None,
            neurons: 0,
            unfold: Some(unfold),
        };
        let [whole, made] = [trace, &few].map(|trace| sum(weights, pool, trace, &options).unwrap());
        assert_eq!(whole, made, "{name}");
    });
}

/// The logit before its cap in a pass in which some heads and MLPs add nothing.
fn logit_of_whole_pass(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    why: &Why,
    off: &[PathStep],
) -> f64 {
    let network = weights.network();
    let off = off.iter().map(|step| {
        let head_dim = network.blocks[0].attend.head_dim;
        let (site, columns) = match step.component {
            Component::Head { layer, head } => {
                ((layer, BlockSite::Z), head * head_dim..(head + 1) * head_dim)
            }
            Component::Mlp { layer } => ((layer, BlockSite::MlpOut), 0..network.config.width),
            other => panic!("{other:?} cannot be switched off"),
        };
        let positions = Some([step.token as u32].into());
        let edit = Edit { change: Change::Set, positions, columns, numbers: [0.0].into() };
        PassEdit::from((Site::Block(site.0 as u16, site.1), edit))
    });
    let edits = Edits::new(trace.edits.iter().cloned().chain(off));
    let edits = edits.of_variant(trace.edits.variant());
    let filter = SiteFilter::only([Site::LnFinal]);
    let whole = trace_with_edits(weights, pool, &trace.ids, &filter, &edits).unwrap();
    let normed = whole.at(Site::LnFinal).unwrap().part(why.position);

    let head = &network.head;
    let mut row = vec![0.0; head.linear.inputs];
    weights.gather(head.linear.weight, &[TARGET.0], &mut row);
    // Four chains, then the rest, as every sum over a row of the head.
    let products: Vec<f64> =
        normed.iter().zip(&row).map(|(x, u)| f64::from(*x) * f64::from(*u)).collect();
    let (fours, rest) = products.as_chunks::<4>();
    let chain = |at: usize| fours.iter().fold(0.0, |sum, four| sum + four[at]);
    let rest = rest.iter().fold(0.0, |sum, x| sum + x);
    let sum = chain(0) + chain(1) + (chain(2) + chain(3)) + rest;
    let bias = head.linear.bias.map_or(0.0, |id| f64::from(weights.rows(id)[TARGET.index()]));
    f64::from(head.factor) * (sum + bias)
}
