//! What makes the neurons of each MLP fire most, over many sequences, and which never do.
//!
//! A neuron's activation is what leaves it (`mlp.post`). It counts as dead where its largest activation, in
//! absolute value, is below a thousandth of its layer's. Of a mixture, the neurons of all experts stand one
//! expert's after the other's, and those of an expert that was never chosen are dead. Read `neurons` for the
//! logits that a neuron moves at one token.

use lookback_engine::{
    KvCache, Observer, Shape, SiteView, ThreadPool, Weights, Workspace, forward_observed,
};
use lookback_files::{Refusal, Result};
use lookback_model::{Batch, BlockSite, Site, TokenId};
use serde::Serialize;

use crate::{
    frozen_norm::{FrozenNorm, check_is_sum},
    ranking::top_k_indices,
};

/// A neuron is dead where it stays below this share of its layer's largest activation.
const DEAD: f32 = 1e-3;

/// The neurons of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerFiring {
    /// Which layer.
    pub layer: usize,
    /// How many neurons it has.
    pub count: usize,
    /// Those that stayed near 0 everywhere.
    pub dead: Vec<usize>,
    /// Those that fired most, the strongest first.
    pub strongest: Vec<Firing>,
}

/// A neuron and where it fires most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Firing {
    /// Its index.
    pub neuron: usize,
    /// Its largest activation, in absolute value, with its sign.
    pub activation: f32,
    /// Which sequence.
    pub sequence: usize,
    /// Which token of it.
    pub token: usize,
    /// The tokens whose logits it raises most there, when later layers do nothing, the most raised first.
    pub up: Vec<u32>,
    /// Those that it lowers most.
    pub down: Vec<u32>,
}

/// What makes neurons fire: the `strongest` of each layer, with so many `tokens` that each raises and lowers.
/// `each` is called after every sequence and may refuse to go on.
///
/// # Errors
/// When there is no sequence, one is empty or longer than the model's context; what `each` says.
pub fn neuron_firing(
    weights: &Weights,
    pool: &ThreadPool,
    sequences: &[Vec<TokenId>],
    (strongest, tokens): (usize, usize),
    each: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<LayerFiring>> {
    let network = weights.network();
    let config = &network.config;
    let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
    if longest == 0 || longest > config.context || sequences.iter().any(Vec::is_empty) {
        return Err(Refusal::user(format!(
            "neurons are asked about sequences of 1 to {} tokens, and there is one of {longest} or none",
            config.context
        )));
    }
    for ids in sequences {
        config.check_ids("token", ids.iter().map(|id| id.0))?;
    }
    let mut observer = FiringObserver {
        layers: network
            .blocks
            .iter()
            .map(|block| {
                let mlps = block.mlp.mlps();
                vec![Largest::default(); mlps.len() * mlps[0].down.inputs]
            })
            .collect(),
        chosen: Vec::new(),
        sequence: 0,
        each: network.blocks.iter().map(|block| block.mlp.mlps()[0].down.inputs).collect(),
    };
    let shape = Shape::Observed { rows: longest };
    let mut workspace = Workspace::new(network, shape, longest, pool.threads());
    for (number, ids) in sequences.iter().enumerate() {
        let mut cache = KvCache::new(network, weights.compute(), 1, KvCache::pages(longest));
        observer.sequence = number;
        let batch = Batch::whole(ids);
        forward_observed(weights, &mut workspace, &mut cache, pool, &batch, &mut observer)?;
        each(number)?;
    }
    let layers = observer.layers.iter().enumerate();
    Ok(layers
        .map(|(layer, neurons)| {
            let most = neurons.iter().fold(0.0, |most: f32, one| most.max(one.activation.abs()));
            let is_dead = |one: &Largest| one.activation.abs() <= DEAD * most;
            let size: Vec<f32> = neurons.iter().map(|one| one.activation.abs()).collect();
            let best = top_k_indices(&size, strongest, |size| size.to_bits());
            let best: Vec<usize> = best.into_iter().filter(|&at| size[at] > 0.0).collect();
            let pushed = pushed(weights, pool, layer, neurons, &best, tokens);
            let firing = |(&at, (up, down)): (&usize, (Vec<u32>, Vec<u32>))| Firing {
                neuron: at,
                activation: neurons[at].activation,
                sequence: neurons[at].sequence,
                token: neurons[at].token,
                up,
                down,
            };
            LayerFiring {
                layer,
                count: neurons.len(),
                dead: (0..neurons.len()).filter(|&at| is_dead(&neurons[at])).collect(),
                strongest: best.iter().zip(pushed).map(firing).collect(),
            }
        })
        .collect())
}

/// The tokens that neurons of a layer raise and lower, as they are where they fire most. The last norm's
/// scale, which is the same for all tokens, is left out.
fn pushed(
    weights: &Weights,
    pool: &ThreadPool,
    layer: usize,
    neurons: &[Largest],
    which: &[usize],
    tokens: usize,
) -> Vec<(Vec<u32>, Vec<u32>)> {
    // Where the stream's norms or a matrix behind it stand between, no token is raised by a neuron alone.
    if check_is_sum(weights.network()).is_err() {
        return vec![(Vec::new(), Vec::new()); which.len()];
    }
    let block = &weights.network().blocks[layer];
    let mlps = block.mlp.mlps();
    let (each, width) = (mlps[0].down.inputs, mlps[0].down.outputs);
    let gains = block.ln2_post.as_ref().map(|norm| weights.rows(norm.weight));
    let mut matrix = vec![0.0; width * each];
    let mut read = None;
    let columns = which.iter().map(|&at| {
        if read != Some(at / each) {
            weights.read(mlps[at / each].down.weight, &mut matrix);
            read = Some(at / each);
        }
        let sign = if neurons[at].activation < 0.0 { -1.0 } else { 1.0 };
        let gain = |row: usize| gains.map_or(1.0, |gains| f64::from(gains[row]));
        let column =
            (0..width).map(|row| sign * gain(row) * f64::from(matrix[row * each + at % each]));
        column.collect::<Vec<f64>>()
    });
    let columns: Vec<Vec<f64>> = columns.collect();
    // Of length √width and mean 0, so that the norm's scale is about 1.
    let stream: Vec<f32> = (0..width).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let effects = FrozenNorm::new(weights, pool, &stream).logit_effects(&columns);
    let first = |effects: &[f64], sign: f64| {
        let key = |effect: f64| {
            let bits = (sign * effect).to_bits().cast_signed();
            bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
        };
        top_k_indices(effects, tokens, key).into_iter().map(|id| id as u32).collect()
    };
    effects.iter().map(|effects| (first(effects, 1.0), first(effects, -1.0))).collect()
}

/// A neuron's largest activation so far.
#[derive(Clone, Copy, Default)]
struct Largest {
    activation: f32,
    sequence: usize,
    token: usize,
}

struct FiringObserver {
    /// By layer and neuron.
    layers: Vec<Vec<Largest>>,
    /// The experts of each token of the layer that is being computed.
    chosen: Vec<usize>,
    sequence: usize,
    /// Neurons of one MLP, by layer.
    each: Vec<usize>,
}

impl Observer for FiringObserver {
    fn wants(&self, site: Site) -> bool {
        matches!(site, Site::Block(_, BlockSite::MlpPost | BlockSite::ExpertIndices))
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        let Site::Block(layer, site) = site else { return };
        let [_, _, width] = view.shape;
        if site == BlockSite::ExpertIndices {
            self.chosen = view.values.iter().map(|&at| at as usize).collect();
            return;
        }
        let (layer, each) = (usize::from(layer), self.each[usize::from(layer)]);
        let slots = width / each;
        let neurons = &mut self.layers[layer];
        let is_mixture = neurons.len() > each;
        for (token, row) in view.values.chunks_exact(width).enumerate() {
            for (slot, post) in row.chunks_exact(each).enumerate() {
                let expert = if is_mixture { self.chosen[token * slots + slot] } else { 0 };
                let own = &mut neurons[expert * each..(expert + 1) * each];
                for (largest, &post) in own.iter_mut().zip(post) {
                    if post.abs() > largest.activation.abs() {
                        (largest.activation, largest.token) = (post, token);
                        largest.sequence = self.sequence;
                    }
                }
            }
        }
    }
}
