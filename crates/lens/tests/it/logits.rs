//! Where logits come from: what wrote into the stream adds up to them, hidden units add up to their
//! MLP, and the deepest reading of the stream is the model's own.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use std::collections::BTreeMap;

use crate::fixture::{bits, ids, weights};
use crate::shapes::{Behind, ROUNDING, networks, values};
use lookback_engine::{ThreadPool, WeightMode, Weights, final_norm, unembed};
use lookback_lens::{
    LensPoints, NeuronOrder, NeuronQuery, SiteFilter, Trace, logit_attribution,
    logit_attribution_sites, logit_lens, logit_lens_sites, neuron_effects, neuron_sites, trace,
};
use lookback_model::{BlockSite, Edits, Network, NormKind, NormPlacement, Site, TokenId, WeightId};

const TOKENS: usize = 70;

struct Fixture {
    pool: ThreadPool,
    weights: Weights,
    trace: Trace,
}

impl Fixture {
    fn new(network: &Arc<Network>) -> Self {
        let pool = ThreadPool::single_threaded();
        let weights = weights(network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(TOKENS, 3), &SiteFilter::all()).unwrap();
        Self { pool, weights, trace }
    }

    /// Those whose logits are sums.
    fn all() -> Vec<Self> {
        let has_sum = |network: &Network| {
            network.head.cap.is_none()
                && network.config.norm_placement != NormPlacement::Stream
                && network.projections.is_none()
        };
        let sums = networks().into_iter().filter(|network| has_sum(network));
        sums.map(|network| Self::new(&network)).collect()
    }

    fn network(&self) -> &Network {
        self.weights.network()
    }

    fn read(&self, id: WeightId) -> Vec<f64> {
        values(&self.weights, id)
    }

    /// A next token, and the logit that the model gives it.
    fn said(&self, token: usize, of: TokenId) -> (TokenId, f32) {
        (of, self.trace.at(Site::Logits).unwrap().part(token)[of.index()])
    }

    fn row(&self, site: Site, token: usize) -> Vec<f64> {
        self.trace.at(site).unwrap().part(token).iter().copied().map(f64::from).collect()
    }

    /// How far f32 may have taken a logit from the exact sum of what was written.
    ///
    /// Every addition to the stream errs by one rounding of what it makes; the norm's mean by as many
    /// roundings as it adds terms, and the norm itself by one each for the difference, the factor and
    /// the gain with the bias; the head's chain by one for each of its terms; and the logit by two where a bias
    /// and a factor make it another.
    fn bound(&self, token: usize, of: TokenId) -> f64 {
        let network = self.network();
        let width = network.config.width;
        let after = |layer: usize, site| self.row(Site::Block(layer as u16, site), token);
        let mut apart = vec![0.0; width];
        let entering = [after(0, BlockSite::ResidPre)].into_iter();
        let within = network.layers().flat_map(|layer| {
            [BlockSite::ResidMid, BlockSite::ResidPost].map(|at| after(layer, at))
        });
        for stream in entering.chain(within) {
            for (apart, x) in apart.iter_mut().zip(stream) {
                *apart += ROUNDING * x.abs();
            }
        }
        let last = Site::Block(network.layers().end as u16 - 1, BlockSite::ResidPost);
        let x = self.row(last, token);
        let normed =
            final_norm(&self.weights, &self.pool, self.trace.at(last).unwrap().part(token));
        let factor = f64::from(normed.factors[0]);
        let terms = width as f64 + 2.0;
        let size = |values: &[f64]| values.iter().fold(0.0, |sum, x| sum + x.abs());
        let mean_apart = match network.ln_final.bias {
            Some(_) => (terms * ROUNDING * size(&x) + size(&apart)) / width as f64,
            None => 0.0,
        };
        let gain = self.read(network.ln_final.weight);
        let head = self.read(network.head.linear.weight);
        let head = &head[of.index() * width..][..width];
        let bias = network.ln_final.bias.map_or(vec![0.0; width], |bias| self.read(bias));
        let (_, logit) = self.said(token, of);
        let head_bias = network.head.linear.bias.map_or(0.0, |id| self.read(id)[of.index()].abs());
        let logit_factor = f64::from(network.head.factor).abs();
        let last = 2.0 * ROUNDING * (f64::from(logit).abs() + logit_factor * head_bias);
        last + logit_factor
            * (0..width).fold(0.0, |sum, j| {
                let normal = f64::from(normed.rows[j]).abs();
                let by_norm = 4.0 * ROUNDING * (normal + 2.0 * bias[j].abs());
                let by_stream = (factor * gain[j]).abs() * (apart[j] + mean_apart);
                sum + head[j].abs() * (by_stream + by_norm + terms * ROUNDING * normal)
            })
    }
}

#[test]
fn what_was_written_adds_up_to_the_logit() {
    for fixture in Fixture::all() {
        let network = fixture.network();
        let learned = usize::from(network.positions.is_some() && network.ln_embed.is_none());
        for (token, of) in [(0, 0), (3, 41), (69, 96)] {
            let of = TokenId(of);
            let stream = logit_attribution(
                &fixture.weights,
                &fixture.pool,
                &fixture.trace,
                token,
                fixture.said(token, of),
            )
            .unwrap();
            let bound = fixture.bound(token, of);
            assert!(stream.rounding.abs() <= bound, "{} is over {bound}", stream.rounding);
            // The bound could fail: every writer is far larger than it.
            assert_eq!(stream.components.len(), 1 + learned + 2 * fixture.network().layers().end);
            for writer in &stream.components {
                assert!(writer.logit.abs() > 10.0 * bound, "{writer:?} hides in {bound}");
            }
            let groups = stream.before + stream.attention + stream.mlp + stream.bias;
            assert!((f64::from(stream.logit) - groups).abs() <= bound);
            let biases = [network.ln_final.bias, network.head.linear.bias];
            assert_eq!(stream.bias != 0.0, biases.iter().any(Option::is_some));
        }
    }
}

#[test]
fn what_was_written_adds_up_to_a_logit_before_its_cap() {
    let networks = networks();
    let network = networks.iter().find(|network| network.head.cap.is_some()).unwrap();
    let cap = f64::from(network.head.cap.unwrap());
    let pool = ThreadPool::single_threaded();
    let weights = weights(network, WeightMode::Inference, &pool);
    let trace = trace(&weights, &pool, &ids(TOKENS, 3), &SiteFilter::all()).unwrap();
    let mut bent = 0.0;
    for of in 0..97 {
        let logit = trace.at(Site::Logits).unwrap().part(5)[of as usize];
        let target = (TokenId(of), logit);
        let stream = logit_attribution(&weights, &pool, &trace, 5, target).unwrap();
        let before = stream.before_cap.unwrap();
        let capped = cap * (before / cap).tanh();
        assert!((capped - f64::from(logit)).abs() < 2e-6 * cap, "{capped}, not {logit}");
        let size = stream.components.iter().fold(0.0, |sum, part| sum + part.logit.abs());
        assert!(stream.rounding.abs() < 1e-5 * size, "{} of {size}", stream.rounding);
        let groups = stream.before + stream.attention + stream.mlp + stream.bias;
        assert!((before - groups).abs() < 1e-5 * size);
        bent = f64::max(bent, (before - f64::from(logit)).abs() / size);
    }
    // The bounds could fail: the cap changes logits by far more.
    assert!(bent > 1e-3, "{bent}");
}

#[test]
fn lengths_are_those_of_the_sites() {
    for fixture in Fixture::all() {
        let stream = logit_attribution(
            &fixture.weights,
            &fixture.pool,
            &fixture.trace,
            5,
            fixture.said(5, TokenId(1)),
        )
        .unwrap();
        let norm =
            |site: Site| f64::sqrt(fixture.row(site, 5).iter().fold(0.0, |sum, x| sum + x * x));
        for writer in &stream.components {
            assert_eq!(writer.norm, norm(writer.site.parse().unwrap()), "{}", writer.site);
        }
        // What stands after the position is what enters the first block.
        let first = stream.components.iter().rposition(|writer| writer.layer.is_none()).unwrap();
        let entering = norm(Site::Block(0, BlockSite::ResidPre));
        assert_eq!(stream.components[first].after, entering);
        let leaving = norm(Site::Block(1, BlockSite::ResidPost));
        assert_eq!(stream.components.last().unwrap().after, leaving);
    }
}

#[test]
fn hidden_units_add_up_to_what_their_mlp_pushes() {
    for fixture in Fixture::all() {
        let (layer, token, of) = (1, 4, TokenId(17));
        let post = fixture.row(Site::Block(1, BlockSite::MlpPost), token);
        let hidden = post.len();
        let asked = NeuronQuery {
            layer,
            token,
            target: of,
            order: NeuronOrder::LogitEffect,
            units: hidden,
            tokens: 97,
        };
        let all = neuron_effects(&fixture.weights, &fixture.pool, &fixture.trace, asked).unwrap();
        assert_eq!(all.len(), hidden);
        let stream = logit_attribution(
            &fixture.weights,
            &fixture.pool,
            &fixture.trace,
            token,
            fixture.said(token, of),
        )
        .unwrap();
        let mlp = stream.components.last().unwrap();
        assert_eq!(mlp.site, "blocks.1.mlp_out");

        // How a vector moves the logit, as the norm's definition has it, with the factor held.
        let network = fixture.network();
        let width = network.config.width;
        let head = fixture.read(network.head.linear.weight);
        let head = &head[of.index() * width..][..width];
        let gain = fixture.read(network.ln_final.weight);
        let is_centered = network.ln_final.kind == NormKind::Layer;
        let logit_factor = f64::from(network.head.factor);
        let moves = |vector: &[f64]| {
            let mean = vector.iter().fold(0.0, |sum, x| sum + x) / width as f64;
            let mean = if is_centered { mean } else { 0.0 };
            let sum = (0..width)
                .fold(0.0, |sum, j| sum + (vector[j] - mean) * stream.factor * gain[j] * head[j]);
            logit_factor * sum
        };
        let block = &network.blocks[layer];
        // The MLPs that worked on the token, each with its weight, and what each of their units writes.
        let mlps = block.mlp.mlps();
        let each = mlps[0].down.inputs;
        let worked: Vec<(usize, f64)> = match block.mlp.mixture() {
            Some(_) => {
                let row = |site| fixture.row(Site::Block(1, site), token);
                let indices = row(BlockSite::ExpertIndices).into_iter().map(|index| index as usize);
                indices.zip(row(BlockSite::ExpertWeights)).collect()
            }
            None => vec![(0, 1.0)],
        };
        let (mut columns, mut down_bias) = (BTreeMap::new(), vec![0.0; width]);
        let mut output = vec![0.0; width];
        let mut masses = vec![0.0; width];
        for (slot, &(mlp, weight)) in worked.iter().enumerate() {
            let down = &mlps[mlp].down;
            let matrix = fixture.read(down.weight);
            let bias = down.bias.map_or(vec![0.0; width], |bias| fixture.read(bias));
            for unit in 0..each {
                let column = (0..width).map(|out| weight * matrix[out * each + unit]);
                let (post, column) = (post[slot * each + unit], column.collect::<Vec<f64>>());
                for out in 0..width {
                    output[out] += column[out] * post;
                    masses[out] += (column[out] * post).abs();
                }
                columns.insert(mlp * each + unit, (post, column));
            }
            for out in 0..width {
                down_bias[out] += weight * bias[out];
                output[out] += weight * bias[out];
                masses[out] += (weight * bias[out]).abs();
            }
        }
        let behind = Behind::new(&fixture.weights, block.ln2_post, block.residual_factor, &output);
        let bias = moves(&behind.part(&down_bias)) + moves(&behind.bias);
        let sum = all.iter().fold(bias, |sum, unit| sum + unit.target.contribution);
        // The engine's chain rounds once for each unit, for a bias, and for the sum over experts.
        let roundings = (hidden + 2 + 2 * worked.len()) as f64;
        let apart = masses.iter().map(|mass| roundings * ROUNDING * mass);
        let added = fixture.trace.block(layer, BlockSite::MlpOut).unwrap().part(token);
        let bounds = behind.bounds(&apart.collect::<Vec<f64>>(), added);
        let bound = bounds.iter().enumerate().fold(0.0, |sum, (j, bound)| {
            let mut one = vec![0.0; width];
            one[j] = 1.0;
            sum + bound * moves(&one).abs()
        });
        assert!((sum - mlp.logit).abs() < bound, "{sum} is not {} ± {bound}", mlp.logit);
        assert!(bound < 1e-3 * (mlp.logit.abs() + bias.abs()), "a bound in which anything hides");

        for unit in &all {
            let (post, column) = &columns[&unit.index];
            let column = behind.part(column);
            let norm = column.iter().fold(0.0, |sum, x| sum + x * x).sqrt();
            assert_eq!(f64::from(unit.post), *post);
            assert_eq!(fixture.row(Site::Block(1, BlockSite::MlpPost), token)[unit.place], *post);
            assert!((unit.written - norm * post.abs()).abs() < 1e-9);
            assert!((unit.target.effect - moves(&column)).abs() < 1e-9);
            // Over all tokens, one list is the other backwards, and both routes meet at `of`.
            assert!(unit.up.windows(2).all(|two| two[0].contribution >= two[1].contribution));
            let ends = [unit.up.first().unwrap(), unit.down.last().unwrap()];
            assert_eq!(ends[0].contribution, ends[1].contribution);
            let here = unit.up.iter().find(|push| push.id == Some(of.0)).unwrap();
            assert!((here.effect - unit.target.effect).abs() < 1e-9);
            let total = unit.up.iter().fold(0.0, |sum, push| sum + push.effect);
            assert!((unit.average.effect - total / 97.0).abs() < 1e-9);
        }
    }
}

#[test]
fn units_come_in_the_order_that_was_asked_for() {
    for fixture in Fixture::all() {
        let asked = NeuronQuery {
            layer: 0,
            token: 9,
            target: TokenId(3),
            order: NeuronOrder::Activation,
            units: 7,
            tokens: 2,
        };
        let post = fixture.row(Site::Block(0, BlockSite::MlpPost), 9);
        let chosen =
            neuron_effects(&fixture.weights, &fixture.pool, &fixture.trace, asked).unwrap();
        assert_eq!(chosen.len(), 7);
        let least = f64::from(chosen[6].post).abs();
        assert_eq!(post.iter().filter(|post| post.abs() > least).count(), 6);
        assert!(chosen.iter().all(|unit| unit.up.len() == 2 && unit.down.len() == 2));
        assert_eq!(chosen[0].linear.is_some(), fixture.network().config.gated);

        let asked = NeuronQuery { order: NeuronOrder::WriteNorm, ..asked };
        let chosen =
            neuron_effects(&fixture.weights, &fixture.pool, &fixture.trace, asked).unwrap();
        assert!(chosen.windows(2).all(|two| two[0].written >= two[1].written));
    }
}

#[test]
fn the_deepest_reading_is_what_the_model_says() {
    // Capped logits too.
    for fixture in networks().iter().map(Fixture::new) {
        let vocabulary = fixture.network().config.vocabulary;
        for (steps, count) in [(LensPoints::Layers, 3), (LensPoints::Sublayers, 5)] {
            let sites = logit_lens_sites(&fixture.network().config, steps);
            assert_eq!(sites.len(), count);
            let of = TokenId(60);
            let read = logit_lens(
                &fixture.weights,
                &fixture.pool,
                &fixture.trace,
                &sites,
                20..TOKENS,
                vocabulary,
                Some(of),
            )
            .unwrap();
            assert_eq!(read[0].site, "blocks.0.resid_pre");
            let deepest = read.last().unwrap();
            assert_eq!(deepest.site, "blocks.1.resid_post");
            assert_eq!(deepest.tokens.len(), TOKENS - 20);
            for (token, guess) in (20..TOKENS).zip(&deepest.tokens) {
                let logits = fixture.trace.at(Site::Logits).unwrap().part(token);
                let probabilities = fixture.trace.at(Site::Probabilities).unwrap().part(token);
                assert_eq!(guess.top.len(), vocabulary);
                for next in &guess.top {
                    let id = next.id as usize;
                    assert_eq!(next.logit.to_bits(), logits[id].to_bits());
                    assert_eq!(next.probability.to_bits(), probabilities[id].to_bits());
                }
                assert_eq!(guess.target, guess.top.iter().find(|next| next.id == of.0).copied());
            }
            // In between, each row is read as if it stood alone.
            let between = fixture.trace.block(0, BlockSite::ResidPost).unwrap().part(33);
            let alone = unembed(&fixture.weights, &fixture.pool, between);
            let at = sites.iter().position(|site| site.to_string() == "blocks.0.resid_post");
            let mut there = vec![0.0; vocabulary];
            for next in &read[at.unwrap()].tokens[33 - 20].top {
                there[next.id as usize] = next.logit;
            }
            assert_eq!(bits(&there), bits(&alone.logits));
        }
    }
}

#[test]
fn the_sites_that_are_asked_for_are_enough() {
    for fixture in Fixture::all() {
        let config = &fixture.network().config;
        let only = |wanted: Vec<Site>| {
            let all = fixture.trace.sites.iter().filter(|(site, _)| wanted.contains(site));
            let sites: BTreeMap<_, _> = all.map(|(site, seen)| (*site, seen.clone())).collect();
            // None is asked for that this family does not have.
            assert_eq!(sites.len(), wanted.len());
            Trace { ids: fixture.trace.ids.clone(), sites, ..Trace::default() }
        };
        let (weights, pool, of) = (&fixture.weights, &fixture.pool, TokenId(5));
        logit_attribution(
            weights,
            pool,
            &only(logit_attribution_sites(config, &Edits::default())),
            3,
            (of, 0.0),
        )
        .unwrap();
        let by = NeuronOrder::WriteNorm;
        let asked = NeuronQuery { layer: 0, token: 3, target: of, order: by, units: 3, tokens: 3 };
        neuron_effects(weights, pool, &only(neuron_sites(config, 0)), asked).unwrap();
        let sites = logit_lens_sites(config, LensPoints::Sublayers);
        logit_lens(weights, pool, &only(sites.clone()), &sites, 0..2, 1, None).unwrap();
    }
}

#[test]
fn a_site_that_was_not_looked_at_is_named() {
    let fixture = Fixture::all().remove(0);
    let bare = Trace { ids: fixture.trace.ids.clone(), ..Trace::default() };
    let refused = logit_attribution(&fixture.weights, &fixture.pool, &bare, 0, (TokenId(0), 0.0))
        .unwrap_err();
    assert!(refused.to_string().contains("blocks.1.resid_post"), "{refused}");
}
