//! What a token takes up from each token before it: attention's output, taken apart by source.
//!
//! Everything behind the pattern is linear, so what attention adds to a token is exactly a sum over
//! sources: of each head, weight × value through that head's columns of the output projection, and
//! the projection's bias apart (Kobayashi et al. 2020; Elhage et al. 2021 call it the OV circuit).
//! The parts are f64 sums over the engine's own weights, pattern and values. What is not seen gives
//! exactly nothing: its value is in no sum.

use lookback_engine::Weights;
use lookback_files::Result;
use lookback_model::{Attend, BlockSite, Linear, Network, Site};
use serde::Serialize;

use crate::{
    Seen, Trace,
    context::{add, check, furthest_apart, key_head, needed, sees, slice, weights},
};

/// What one token takes up in one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// Which layer.
    pub layer: usize,
    /// Who takes.
    pub token: usize,
    /// What every token gives, also those that are not seen.
    pub sources: Vec<Part>,
    /// What the output projection adds whoever is looked at, where it has a bias.
    pub bias: Option<Part>,
    /// Length of the residual stream before.
    pub before: f64,
    /// Length of what is added, the engine's `attn_out`.
    pub added: f64,
    /// Length of the residual stream after.
    pub after: f64,
    /// The furthest that the sum of the parts is from the engine's `attn_out`, in any dimension.
    pub apart: f64,
    /// The plane that holds before, added and after.
    pub plane: Plane,
}

/// A part of what is added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Whether it is seen; a bias always is.
    pub seen: bool,
    /// `[width]`
    #[serde(skip)]
    pub vector: Vec<f64>,
    /// Its length.
    pub length: f64,
    /// Its part along `attn_out`, of `attn_out`'s length: all shares add up to 1.
    pub share: f64,
    /// Its shadow on the plane.
    pub at: [f64; 2],
}

/// The plane spanned by the residual stream before attention and what attention adds: its first axis
/// is the direction before, the second what of the addition stands upright on it. Before, added and
/// after lie in it whole; the parts only cast their shadows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plane {
    /// The residual stream before: on the first axis.
    pub before: [f64; 2],
    /// What attention adds.
    pub added: [f64; 2],
    /// The residual stream after.
    pub after: [f64; 2],
}

impl Exchange {
    /// The sites that [`exchange`] reads.
    pub fn sites(layer: usize) -> [Site; 5] {
        use BlockSite as B;
        [B::ResidPre, B::Pattern, B::V, B::AttnOut, B::ResidMid]
            .map(|site| Site::Block(layer as u16, site))
    }
}

/// Takes apart by source what attention adds to a token in one layer.
pub fn exchange(trace: &Trace, model: &Weights, [layer, token]: [usize; 2]) -> Result<Exchange> {
    let network: &Network = model.network();
    check(trace, network, layer, token)?;
    let block = &network.blocks[layer];
    let [before, pattern, v, added, after] = Exchange::sites(layer).map(|s| needed(trace, s));
    let (before, added, after) = (before?.part(token), added?.part(token), after?.part(token));
    let (pattern, v) = (pattern?, v?);

    let output = Output::read(model, &block.output);
    let axes = Axes::new(before, added);
    let part = |vector: Vec<f64>, seen: bool| Part {
        seen,
        length: dot(&vector, &vector).sqrt(),
        share: axes.share(&vector),
        at: axes.shadow(&vector),
        vector,
    };
    let sources: Vec<Part> = (0..trace.ids.len())
        .map(|source| {
            let seen = sees(&block.attend, token, source);
            let given = seen.then(|| weighted(&block.attend, pattern, v, token, source));
            part(given.map_or(vec![0.0; output.width], |given| output.through(&given)), seen)
        })
        .collect();
    let bias = output.bias.clone().map(|bias| part(bias, true));

    let mut sum = vec![0.0; output.width];
    sources.iter().chain(&bias).for_each(|part| add(&mut sum, &part.vector));
    let plane = [before, added, after].map(|vector| axes.shadow(&wide(vector)));
    Ok(Exchange {
        layer,
        token,
        before: crate::length(before),
        added: crate::length(added),
        after: crate::length(after),
        apart: furthest_apart(&sum, added),
        plane: Plane { before: plane[0], added: plane[1], after: plane[2] },
        sources,
        bias,
    })
}

/// Of each head, weight × value of one source, side by side: `[heads · head_dim]`.
fn weighted(how: &Attend, pattern: &Seen, v: &Seen, token: usize, source: usize) -> Vec<f64> {
    let heads = (0..how.heads).flat_map(|head| {
        let weight = f64::from(weights(pattern, head, token)[source]);
        let value = slice(v, source, key_head(how, head), how.head_dim);
        value.iter().map(move |&value| weight * f64::from(value))
    });
    heads.collect()
}

/// The output projection of a block.
struct Output {
    width: usize,
    /// `[heads · head_dim, width]`, so that a sum runs over rows.
    columns: Vec<f32>,
    bias: Option<Vec<f64>>,
}

impl Output {
    fn read(model: &Weights, how: &Linear) -> Self {
        let (width, inner) = (how.outputs, how.inputs);
        let mut rows = vec![0.0; width * inner];
        model.read(how.weight, &mut rows);
        let mut columns = vec![0.0; rows.len()];
        for (output, row) in rows.chunks_exact(inner).enumerate() {
            for (input, &weight) in row.iter().enumerate() {
                columns[input * width + output] = weight;
            }
        }
        let bias = how.bias.map(|id| {
            let mut bias = vec![0.0; width];
            model.read(id, &mut bias);
            wide(&bias)
        });
        Self { width, columns, bias }
    }

    /// `[heads · head_dim]` to `[width]`, without the bias.
    fn through(&self, given: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.width];
        for (column, &given) in self.columns.chunks_exact(self.width).zip(given) {
            for (sum, &weight) in sum.iter_mut().zip(column) {
                *sum += given * f64::from(weight);
            }
        }
        sum
    }
}

/// The axes of a [`Plane`], and the vector that shares are taken along.
struct Axes {
    along: Vec<f64>,
    upright: Vec<f64>,
    added: Vec<f64>,
}

impl Axes {
    fn new(before: &[f32], added: &[f32]) -> Self {
        let added = wide(added);
        let along = unit(wide(before));
        let ahead = dot(&added, &along);
        let upright = added.iter().zip(&along).map(|(added, along)| added - ahead * along);
        Self { upright: unit(upright.collect()), along, added }
    }

    fn shadow(&self, vector: &[f64]) -> [f64; 2] {
        [dot(vector, &self.along), dot(vector, &self.upright)]
    }

    fn share(&self, vector: &[f64]) -> f64 {
        let whole = dot(&self.added, &self.added);
        if whole > 0.0 { dot(vector, &self.added) / whole } else { 0.0 }
    }
}

fn wide(vector: &[f32]) -> Vec<f64> {
    vector.iter().map(|&x| f64::from(x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Of length 1, or as it is if it has none.
fn unit(vector: Vec<f64>) -> Vec<f64> {
    let length = dot(&vector, &vector).sqrt();
    if length > 0.0 { vector.iter().map(|x| x / length).collect() } else { vector }
}
