//! Under edits a sum is a sum still: of what they left of its parts, and of what they added.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ids, weights};
use crate::shapes::networks;
use lookback_engine::{ThreadPool, WeightMode, Weights};
use lookback_files::Result;
use lookback_lens::{
    MatrixCache, NeuronOrder, NeuronQuery, SiteFilter, Trace, UnfoldOptions, Why, WhyOptions,
    logit_attribution, neuron_effects, ov_decomposition, source_contributions, trace_with_edits,
    why,
};
use lookback_model::{
    AttentionChange, AttentionEdit, BlockSite, Change, Edit, Edits, ElementChange, Network,
    NormPlacement, PassEdit, PassVariant, Site, Steering, TokenId,
};

/// What may be left of a sum, relative to the sizes of its parts.
const BOUND: f64 = 1e-5;
/// The token whose sums are looked at, of so many.
const TOKEN: usize = 5;
const TOKENS: usize = 9;

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at as f32 * 0.7).sin()).collect()
}

fn edit(site: Site, change: Change, columns: std::ops::Range<usize>, numbers: &[f32]) -> PassEdit {
    let positions = Some([3, TOKEN as u32].into());
    (site, Edit { change, positions, columns, numbers: numbers.into() }).into()
}

/// Edits of every kind of site that a sum passes.
fn cases(network: &Network) -> Vec<Edits> {
    use BlockSite as B;
    let config = &network.config;
    let (width, head_dim, last) = (config.width, config.head_dim, config.layers - 1);
    let at = |layer: usize, site| Site::Block(layer as u16, site);
    let head = head_dim..2 * head_dim;
    let (all, vector) = (0..width, numbers(width));
    let result = 2 * width..3 * width;
    let steering = Change::Steer(Steering::AddOrthogonal);
    let pattern = AttentionEdit {
        heads: Some([1].into()),
        queries: Some([TOKEN as u32].into()),
        keys: Some([4, 5].into()),
        change: AttentionChange::Pattern(ElementChange::Set, [0.75].into()),
    };
    let mut cases: Vec<Vec<PassEdit>> = vec![
        vec![edit(at(last, B::Z), Change::Set, head.clone(), &[0.0])],
        vec![edit(at(last, B::Z), Change::Set, head.clone(), &numbers(head_dim))],
        vec![edit(at(0, B::Z), Change::Scale, 0..3 * head_dim, &[0.5])],
        vec![edit(at(last, B::Z), steering, head, &numbers(head_dim))],
        vec![edit(at(last, B::Result), Change::Scale, result.clone(), &[0.5])],
        vec![edit(at(last, B::Result), Change::Set, result, &vector)],
        vec![edit(at(last, B::AttnOut), Change::Set, all.clone(), &[0.0])],
        vec![edit(at(last, B::AttnOut), Change::Add, all.clone(), &vector)],
        vec![edit(at(0, B::AttnOut), Change::Scale, all.clone(), &[0.5])],
        vec![edit(at(last, B::MlpOut), Change::Set, all.clone(), &[0.0])],
        vec![edit(at(0, B::MlpOut), Change::Add, all.clone(), &vector)],
        vec![edit(at(last, B::ResidMid), Change::Add, all.clone(), &vector)],
        vec![edit(at(0, B::ResidPost), Change::Scale, all.clone(), &[0.9])],
        vec![edit(at(1, B::ResidPre), Change::Set, 0..5, &[0.3])],
        vec![edit(at(0, B::ResidPre), Change::Add, all.clone(), &vector)],
        vec![edit(at(last, B::ResidPost), steering, all.clone(), &vector)],
        vec![edit(Site::Embed, Change::Scale, all.clone(), &[2.0])],
        vec![edit(at(last, B::V), Change::Set, 0..head_dim, &numbers(head_dim))],
        vec![(last, pattern).into()],
    ];
    // One after the other.
    cases.push(vec![
        edit(at(last, B::AttnOut), Change::Add, all.clone(), &vector),
        edit(at(last, B::AttnOut), Change::Scale, all.clone(), &[-0.5]),
        edit(at(last, B::ResidMid), Change::Scale, all, &[0.8]),
    ]);
    let mut cases: Vec<Edits> = cases.into_iter().map(Edits::new).collect();
    let variants = [
        PassVariant { no_mask: true, ..PassVariant::default() },
        PassVariant { no_scale: true, no_position: true, ..PassVariant::default() },
        PassVariant { uniform_attention: true, ..PassVariant::default() },
        PassVariant { plain_attention: true, ..PassVariant::default() },
    ];
    let variants = variants.into_iter().filter(|variant| variant.check(network).is_ok());
    cases.extend(variants.map(|variant| Edits::default().of_variant(variant)));
    cases
}

/// A logit of a pass whose logits were captured, taken apart.
pub(crate) fn sum(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    options: &WhyOptions,
) -> Result<Why> {
    let logits = trace.at(Site::Logits).unwrap().part(options.position);
    why(weights, pool, (trace, logits), options, &MatrixCache::new(0))
}

/// Each network with each of its cases.
pub(crate) fn each(check: impl Fn(&Weights, &ThreadPool, &Trace, &str)) {
    let pool = ThreadPool::single_threaded();
    for (index, network) in networks().into_iter().enumerate() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 3);
        for (case, edits) in cases(&network).into_iter().enumerate() {
            let trace = trace_with_edits(&weights, &pool, &ids, &SiteFilter::all(), &edits);
            let name = format!("network {index}, case {case}");
            check(&weights, &pool, &trace.unwrap(), &name);
        }
    }
}

fn size(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn what_attention_adds_is_a_sum_over_sources_and_edits() {
    each(|weights, _, trace, name| {
        let network = weights.network();
        for layer in network.layers() {
            let sum = ov_decomposition(trace, weights, [layer, TOKEN]).unwrap();
            let parts = sum.sources.iter().chain(&sum.bias).chain(&sum.edit);
            let sizes = parts.map(|part| part.norm).sum::<f64>();
            assert!(sum.max_error <= BOUND * sizes, "{name}: {} of {sizes}", sum.max_error);
            for head in 0..network.config.heads {
                let place = [layer, head, TOKEN];
                let sum = source_contributions(trace, network, place, 3).unwrap();
                let moved = sum.sources.iter().map(|source| source.contribution).sum::<f64>();
                let sizes = moved + sum.edit.as_deref().map_or(0.0, size);
                assert!(sum.max_error <= BOUND * sizes, "{name}: {} of {sizes}", sum.max_error);
            }
        }
    });
}

#[test]
fn a_head_that_is_off_gives_nothing_of_any_source() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let (ids, inner) = (ids(TOKENS, 3), network.config.heads * network.config.head_dim);
        let off = edit(Site::Block(0, BlockSite::Z), Change::Set, 0..inner, &[0.0]);
        let trace = trace_with_edits(&weights, &pool, &ids, &SiteFilter::all(), &Edits::new([off]));
        let sum = ov_decomposition(&trace.unwrap(), &weights, [0, TOKEN]).unwrap();
        assert!(sum.sources.iter().all(|source| source.norm == 0.0));
        assert!(sum.edit.is_none());
    }
}

#[test]
fn a_logit_is_a_sum_of_what_was_added_and_of_edits_of_the_stream() {
    each(|weights, pool, trace, name| {
        if weights.network().config.norm_placement == NormPlacement::Stream {
            return;
        }
        let target = TokenId(7);
        let logit = trace.at(Site::Logits).unwrap().part(TOKEN)[target.index()];
        let stream = logit_attribution(weights, pool, trace, TOKEN, (target, logit)).unwrap();
        let sizes: f64 = stream.components.iter().map(|part| part.logit.abs()).sum();
        let sizes = sizes + stream.bias.abs();
        assert!(stream.rounding.abs() <= BOUND * sizes, "{name}: {} of {sizes}", stream.rounding);

        let unfold = UnfoldOptions { share: 1.0, max_openings: 60, through_mlps: true };
        let is_plain = trace.edits.variant().plain_attention;
        let options = WhyOptions {
            position: TOKEN,
            target,
            against: None,
            neurons: 3,
            unfold: (!is_plain).then_some(unfold),
        };
        let why = sum(weights, pool, trace, &options).unwrap();
        assert!(why.rounding.abs() <= BOUND * why.absolute, "{name}: {}", why.rounding);
        let Some(unfolding) = &why.unfolding else { return };
        let roots: f64 = unfolding.roots().map(|(_, part)| part.contribution).sum();
        assert!((roots - why.sum).abs() <= BOUND * why.absolute, "{name}");
        for part in unfolding.parts.iter().filter(|part| !part.parts.is_empty()) {
            let of = |at: &usize| unfolding.parts[*at].contribution;
            let sum: f64 = part.parts.iter().map(of).sum();
            let sizes: f64 = part.parts.iter().map(|at| of(at).abs()).sum();
            let apart = (sum - part.contribution).abs();
            assert!(apart <= BOUND * sizes.max(why.absolute), "{name}: {part:?} {sum}");
        }
    });
}

#[test]
fn units_add_to_a_logit_what_edits_leave_of_them() {
    each(|weights, pool, trace, name| {
        let network = weights.network();
        let layer = network.config.layers - 1;
        let block = &network.blocks[layer];
        let has_bias = block.mlp.mlps()[0].down.bias.is_some()
            || block.ln2_post.is_some_and(|norm| norm.bias.is_some());
        let adds = trace.edits.iter().any(|edit| match edit {
            PassEdit::Value(Site::Block(of, BlockSite::MlpOut), edit) => {
                usize::from(*of) == layer && edit.change == Change::Add
            }
            _ => false,
        });
        if has_bias || adds || network.config.norm_placement == NormPlacement::Stream {
            return;
        }
        let target = TokenId(7);
        let query = NeuronQuery {
            layer,
            token: TOKEN,
            target,
            order: NeuronOrder::Activation,
            units: usize::MAX,
            tokens: 1,
        };
        let units = neuron_effects(weights, pool, trace, query);
        let is_steered = trace.edits.iter().any(|edit| match edit {
            PassEdit::Value(Site::Block(_, BlockSite::ResidPost), edit) => {
                matches!(edit.change, Change::Steer(_))
            }
            _ => false,
        });
        if is_steered {
            let refusal = units.unwrap_err().to_string();
            assert!(refusal.contains("resid_post") && !refusal.contains('\n'), "{refusal}");
            return;
        }
        let logit = trace.at(Site::Logits).unwrap().part(TOKEN)[target.index()];
        let stream = logit_attribution(weights, pool, trace, TOKEN, (target, logit)).unwrap();
        let site = Site::Block(layer as u16, BlockSite::MlpOut).to_string();
        let whole = stream.components.iter().find(|part| part.site == site).unwrap().logit;
        let given = units.unwrap();
        let sum: f64 = given.iter().map(|unit| unit.target.contribution).sum();
        let sizes: f64 = given.iter().map(|unit| unit.target.contribution.abs()).sum();
        assert!((sum - whole).abs() <= BOUND * sizes.max(1e-3), "{name}: {sum} and {whole}");
    });
}

#[test]
fn what_no_sum_can_tell_is_refused_by_the_name_of_its_site() {
    let pool = ThreadPool::single_threaded();
    let network = &networks()[0];
    let weights = weights(network, WeightMode::Inference, &pool);
    let ids = ids(TOKENS, 3);
    for (site, width) in
        [(Site::Logits, network.config.vocabulary), (Site::LnFinal, network.config.width)]
    {
        let edits = Edits::new([edit(site, Change::Scale, 0..width, &[2.0])]);
        let trace = trace_with_edits(&weights, &pool, &ids, &SiteFilter::all(), &edits).unwrap();
        let options = WhyOptions {
            position: TOKEN,
            target: TokenId(1),
            against: None,
            neurons: 0,
            unfold: None,
        };
        let refusal = sum(&weights, &pool, &trace, &options).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("{site}: ")), "{refusal}");
        let sites = [Site::Block(0, BlockSite::ResidPost)];
        let lens =
            |tokens| lookback_lens::logit_lens(&weights, &pool, &trace, &sites, tokens, 1, None);
        let refusal = lens(TOKEN..TOKEN + 1).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("{site}: ")), "{refusal}");
        // What stands at other tokens is no matter.
        lens(0..1).unwrap();
    }
}
