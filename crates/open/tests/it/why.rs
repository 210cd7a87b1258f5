//! A logit taken apart, on every family.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_lens::{
    Component, FrozenNorm, LogitGraph, UnfoldOptions, Unfolding, Why, graph_svg, paths,
};
use lookback_model::{BlockSite, Change, Edit, NormKind, Site, TokenId};
use lookback_open::Model;

use crate::goldens::{names, opened};

/// The largest that may be left of a logit, relative to the sum of absolute values.
const BOUND: f64 = 1e-5;

/// The golden whose norms stand on the residual stream itself, so that its logits are no sums.
const NO_SUM: &str = "opt-stream";

/// Every other golden.
fn of_sums() -> impl Iterator<Item = String> {
    names().into_iter().filter(|name| name != NO_SUM)
}

#[test]
fn a_logit_that_is_no_sum_is_not_taken_apart() {
    let (model, ids) = opened(NO_SUM);
    let refusal = model.why(&ids).token(TokenId(7)).sum().unwrap_err().to_string();
    assert!(refusal.contains("norms stand on the stream itself"), "{refusal}");
}

fn whole(through_mlps: bool) -> UnfoldOptions {
    UnfoldOptions { share: 1.0, max_openings: 300, through_mlps }
}

#[test]
fn the_parts_of_a_logit_add_up_to_it_in_every_family() {
    for name in of_sums() {
        let (model, ids) = opened(&name);
        for position in [0, ids.len() / 2, ids.len() - 1] {
            let query = model.why(&ids).position(position as isize).token(TokenId(7)).neurons(3);
            for query in [query.clone(), query.against(TokenId(11))] {
                let why = query.sum().unwrap();
                let sum = why.parts.iter().fold(0.0, |sum, part| sum + part.contribution);
                assert_eq!((sum, why.before_cap - sum), (why.sum, why.rounding), "{name}");
                assert!(why.rounding.abs() <= BOUND * why.absolute, "{name}: {why:?}");
                check_neurons(&model, &why, &name);
                check_cap(&model, &why, &name);
            }
        }
    }
}

/// Neurons and biases make up their MLP.
fn check_neurons(model: &Model, why: &Why, name: &str) {
    for mlp in &why.neurons {
        let component = Component::Mlp { layer: mlp.layer };
        let part = why.parts.iter().find(|part| part.component == component).unwrap();
        let named = mlp.neurons.iter().fold(0.0, |sum, neuron| sum + neuron.contribution);
        let all = named + mlp.others + mlp.bias;
        assert!((all - part.contribution).abs() <= BOUND * why.absolute, "{name}");
        let block = &model.network().blocks[mlp.layer];
        let has_bias = block.mlp.mlps()[0].down.bias.is_some()
            || block.ln2_post.is_some_and(|norm| norm.bias.is_some());
        assert!(has_bias || mlp.bias.abs() <= BOUND * why.absolute, "{name}: {mlp:?}");
        let sizes = mlp.neurons.iter().map(|neuron| neuron.contribution.abs());
        assert!(sizes.rev().is_sorted() && mlp.neurons.len() == 3, "{name}: {mlp:?}");
    }
}

/// A cap is told with its factor, and the logit before it is the one that it makes the logit of.
fn check_cap(model: &Model, why: &Why, name: &str) {
    assert_eq!(why.cap.is_some(), model.network().head.cap.is_some(), "{name}");
    match why.cap {
        None => assert_eq!(why.before_cap, why.logit, "{name}"),
        Some(cap) if why.against.is_none() => {
            let capped = cap.cap * (why.before_cap / cap.cap).tanh();
            assert!((capped - why.logit).abs() <= BOUND * why.absolute, "{name}: {why:?}");
            assert!((cap.factor * why.before_cap - why.logit).abs() <= 1e-12 * why.absolute);
        }
        Some(_) => (),
    }
}

#[test]
fn every_part_is_the_sum_of_its_parts_and_paths_add_up() {
    for name in of_sums() {
        let (model, ids) = opened(&name);
        for through_mlps in [false, true] {
            let query = model.why(&ids).token(TokenId(7)).unfold(whole(through_mlps));
            let why = query.sum().unwrap();
            let unfolding = why.unfolding.as_ref().unwrap();
            for part in unfolding.parts.iter().filter(|part| !part.parts.is_empty()) {
                let own = part.parts.iter().map(|&at| unfolding.parts[at].contribution);
                let (sum, size) =
                    own.fold((0.0, 0.0), |(sum, size), own| (sum + own, size + f64::abs(own)));
                let apart = (sum - part.contribution).abs();
                // What the engine rounded are vectors, whose products with a direction may be far smaller
                // than they: the measure is the logit, not the part.
                let bound = BOUND * size.max(why.absolute);
                assert!(apart <= bound, "{name}: {apart:e} of {bound:e} in {part:?}");
                assert!(part.parts.iter().all(|&at| unfolding.parts[at].token <= part.token));
            }
            check_paths(&why, unfolding, through_mlps, &name);
        }
    }
}

fn check_paths(why: &Why, unfolding: &Unfolding, through_mlps: bool, name: &str) {
    let ends = paths(unfolding);
    let sizes = ends.iter().map(|path| path.contribution.abs());
    assert!(sizes.rev().is_sorted(), "{name}");
    let open = unfolding.parts.iter().filter(|part| !part.is_end && part.parts.is_empty());
    let (open, more) = open.fold((0.0, 0.0), |(sum, size), part| {
        (sum + part.contribution, size + part.contribution.abs())
    });
    let (sum, size) = ends.iter().fold((open, more), |(sum, size), path| {
        (sum + path.contribution, size + path.contribution.abs())
    });
    assert!((sum - why.sum).abs() <= BOUND * size, "{name}: {sum} of {}", why.sum);
    if !through_mlps {
        assert!(ends.iter().all(|path| !path.is_linearised), "{name}");
        let through_heads = |path: &lookback_lens::LogitPath| {
            path.through.iter().all(|step| matches!(step.component, Component::Head { .. }))
        };
        assert!(ends.iter().all(through_heads), "{name}");
    }
    // A path's layers only ascend.
    for path in &ends {
        let layers: Vec<_> = path.through.iter().map(|step| step.component.layer()).collect();
        assert!(layers.is_sorted(), "{name}: {path:?}");
    }
}

/// The tangent of an MLP, from nearby passes: what the MLP reads is stretched a little, and what it adds along
/// the logit's direction grows as its linear parts say.
#[test]
fn an_mlp_is_opened_by_its_own_slope() {
    let mut tried = 0;
    for name in of_sums() {
        let (model, ids) = opened(&name);
        let network = model.network();
        let layer = network.blocks.len() - 1;
        let block = &network.blocks[layer];
        let (token, target) = (ids.len() - 1, TokenId(7));
        let mlp = &block.mlp.mlps()[0];
        let into = [mlp.gate, Some(mlp.up)].into_iter().flatten();
        let is_plain = block.ln2_post.is_none()
            && block.mlp.mixture().is_none()
            && block.ln2.is_some_and(|norm| norm.kind == NormKind::Rms)
            && { into }.all(|linear| linear.bias.is_none());
        if !is_plain {
            continue;
        }
        tried += 1;
        let stream = model.look(&ids).sites(format!("blocks.{layer}.resid_post")).trace().unwrap();
        let stream = stream.block(layer, BlockSite::ResidPost).unwrap().part(token);
        let frozen = FrozenNorm::new(&model.weights, &model.pool, stream);
        let direction = frozen.residual_direction(target);
        let added = |factor: f32| {
            let edit = Edit {
                change: Change::Scale,
                positions: Some([token as u32].into()),
                columns: 0..network.config.width,
                numbers: [factor].into(),
            };
            let look = model.look(&ids).edit(Site::Block(layer as u16, BlockSite::Ln2), edit);
            let trace = look.sites(format!("blocks.{layer}.mlp_out")).trace().unwrap();
            let out = trace.block(layer, BlockSite::MlpOut).unwrap().part(token);
            out.iter().zip(&direction).fold(0.0, |sum, (&x, d)| sum + f64::from(x) * d)
        };
        let step = 1.0 / 128.0;
        let slope = (added(1.0 + step) - added(1.0 - step)) / f64::from(2.0 * step);
        let options = UnfoldOptions { max_openings: 10_000, ..whole(true) };
        let why = model.why(&ids).token(target).unfold(options).sum().unwrap();
        let unfolding = why.unfolding.unwrap();
        let component = Component::Mlp { layer };
        let (_, mlp) = unfolding.roots().find(|(_, part)| part.component == component).unwrap();
        assert!(!mlp.parts.is_empty(), "{name}: it was not opened");
        let linear = mlp.parts.iter().map(|&at| &unfolding.parts[at]);
        let linear = linear.filter(|part| part.component != Component::MlpRemainder { layer });
        let (sum, size) = linear.fold((0.0, 0.0), |(sum, size), part| {
            (sum + part.contribution, size + part.contribution.abs())
        });
        assert!((sum - slope).abs() <= 2e-3 * size, "{name}: {sum} and {slope} of {size}");
    }
    assert!(tried >= 5, "{tried} families");
}

#[test]
fn what_is_switched_off_at_the_end_changes_what_was_predicted() {
    // In a layer with nothing behind it but the last norm, which a small head hardly moves.
    let (model, ids) = opened("llama");
    let query = model.why(&ids).token(TokenId(7)).unfold(whole(false));
    let why = query.sum().unwrap();
    let points = query.faithfulness(&why, 5).unwrap();
    let counts: Vec<usize> = points.iter().map(|point| point.off).collect();
    assert_eq!(counts, [1, 2, 4, 5]);
    for point in &points {
        assert!(point.predicted.is_finite() && point.real.is_finite(), "{point:?}");
        assert!(point.real != 0.0 && point.predicted != 0.0, "{point:?}");
    }
}

#[test]
fn a_graph_carries_what_goes_into_the_logit() {
    let (model, ids) = opened("gpt2");
    let why = model.why(&ids).token(TokenId(7)).unfold(whole(true)).sum().unwrap();
    let unfolding = why.unfolding.unwrap();
    let graph = LogitGraph::new(&unfolding, why.position, usize::MAX);
    let into_logit = graph.edges.iter().filter(|edge| edge.to.is_none());
    let sum = into_logit.fold(0.0, |sum, edge| sum + edge.contribution);
    let written = unfolding.roots().filter(|(_, part)| {
        !matches!(part.component, Component::AttentionBias { .. } | Component::FinalBias)
    });
    let roots = written.fold(0.0, |sum, (_, part)| sum + part.contribution);
    assert!((sum - roots).abs() <= 1e-9 * why.absolute && graph.left_out == 0.0);
    let few = LogitGraph::new(&unfolding, why.position, 4);
    assert!(few.edges.len() == 4 && few.left_out > 0.0);
    let svg = graph_svg(&few, &["a".to_owned(), "<b>".to_owned()], "why & how");
    assert!(svg.contains("why &amp; how") && svg.ends_with("</svg>\n"), "{svg}");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let (model, ids) = opened("llama");
    let says = |query: lookback_open::WhyQuery| query.sum().unwrap_err().to_string();
    let last = ids.len() - 1;
    let tokens = ids.len();
    for position in [tokens as isize, -(tokens as isize) - 1] {
        assert_eq!(
            says(model.why(&ids).position(position)),
            format!(
                "position {position}: the prompt has {tokens} tokens, 0 to {last}, or -1 to -{tokens} from the end"
            )
        );
    }
    let beyond = says(model.why(&ids).token(TokenId(4000)));
    assert!(beyond.contains("4000"), "{beyond}");
    assert!(says(model.why(&[])).contains("there is no token to look at"));
    // An id needs no tokenizer.
    assert_eq!(model.token("#9").unwrap(), TokenId(9));
    assert!(model.token("#4000").unwrap_err().to_string().contains("4000"));
}
