//! The same forward pass in f64, through the reference's functions: the yardstick of whole models.
//!
//! It computes whole sequences from position 0, keeps every result, and is in no hurry. Its weights
//! are its own, so a test can move one by 1e-6 and see the loss follow: that is a slope near 1e-8.

pub mod optimize;

use lookback_model::{
    Activation, Attend, Batch, Execute, Head, Index, Linear, Loss, Network, Norm, NormKind, Rotary,
    Targets, WeightId, forward,
};
use lookback_reference::{
    attend, embed,
    logits::{capped, surprise},
    mlp, norm, position,
};
use ndarray::{Array1, Array2, Axis, s};

/// A network's weights in f64, `[outputs, inner]` each, by their ids.
#[derive(Clone, Debug)]
pub struct Weights(Vec<Array2<f64>>);

impl Weights {
    /// Widens what `read` writes for each weight.
    pub fn new(network: &Network, mut read: impl FnMut(WeightId, &mut [f32])) -> Self {
        let widened = network.ids().map(|id| {
            let spec = network.weight(id);
            let mut values = vec![0.0; spec.len()];
            read(id, &mut values);
            let [rows, columns] = spec.shape;
            Array2::from_shape_fn((rows, columns), |(row, column)| {
                f64::from(values[row * columns + column])
            })
        });
        Self(widened.collect())
    }

    /// A weight, to be read.
    pub fn of(&self, id: WeightId) -> &Array2<f64> {
        &self.0[id.index()]
    }

    /// A weight, to be moved.
    pub fn of_mut(&mut self, id: WeightId) -> &mut Array2<f64> {
        &mut self.0[id.index()]
    }

    /// A weight of one row.
    fn vector(&self, id: WeightId) -> Array1<f64> {
        self.of(id).row(0).to_owned()
    }
}

/// The logits of a batch's wanted rows, `[wanted, vocabulary]`.
pub fn logits(network: &Network, weights: &Weights, batch: &Batch) -> Array2<f64> {
    let mut slow = Slow::new(weights);
    let logits = forward::logits(network, &mut slow, batch);
    slow.read(logits).clone()
}

/// The cross-entropy of a batch's wanted rows against their targets.
pub fn loss(network: &Network, weights: &Weights, batch: &Batch, targets: &Targets) -> Loss {
    forward::loss(network, &mut Slow::new(weights), batch, targets)
}

/// An executor for one pass; a handle is a place among the results.
pub struct Slow<'a> {
    weights: &'a Weights,
    results: Vec<Array2<f64>>,
}

impl<'a> Slow<'a> {
    /// Nothing computed yet.
    pub fn new(weights: &'a Weights) -> Self {
        Self { weights, results: Vec::new() }
    }

    /// What a handle stands for: `[rows, width]`.
    pub fn read(&self, x: usize) -> &Array2<f64> {
        &self.results[x]
    }

    fn keep(&mut self, result: Array2<f64>) -> usize {
        self.results.push(result);
        self.results.len() - 1
    }

    fn dense(&self, how: &Linear) -> mlp::Linear {
        let bias = how.bias.map(|bias| self.weights.vector(bias));
        mlp::Linear { weight: self.weights.of(how.weight).clone(), bias }
    }
}

/// Logits under their cap, if there is one.
fn bounded(logits: Array2<f64>, cap: Option<f32>) -> Array2<f64> {
    match cap {
        Some(most) => logits.mapv(|logit| capped(logit, f64::from(most))),
        None => logits,
    }
}

/// The rows of each sequence, which must be whole.
fn sequences(batch: &Batch) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    batch.segments.iter().map(|segment| {
        assert_eq!(segment.first_position, 0, "the slow executor has no cache");
        segment.rows.clone()
    })
}

impl Execute for Slow<'_> {
    type Rows = usize;

    fn embed(&mut self, table: WeightId, _: usize, by: Index, batch: &Batch) -> usize {
        let rows: Vec<usize> = match by {
            Index::Ids => batch.ids.iter().map(|id| id.0 as usize).collect(),
            Index::Positions => batch.positions.iter().map(|&at| at as usize).collect(),
        };
        self.keep(embed::rows(self.weights.of(table), &rows))
    }

    fn norm(&mut self, x: usize, how: &Norm) -> usize {
        let norm = norm::Norm {
            is_layer: how.kind == NormKind::Layer,
            weight: self.weights.vector(how.weight),
            bias: how.bias.map(|bias| self.weights.vector(bias)),
            epsilon: f64::from(how.epsilon),
        };
        let mut y = self.read(x).clone();
        for mut part in y.axis_chunks_iter_mut(Axis(1), how.width) {
            let normed = norm.apply(&part.to_owned());
            part.assign(&normed);
        }
        self.keep(y)
    }

    fn linear(&mut self, x: usize, how: &Linear) -> usize {
        self.keep(self.dense(how).apply(self.read(x)))
    }

    fn rotate(&mut self, x: usize, how: &Rotary, batch: &Batch) -> usize {
        let mut y = self.read(x).clone();
        for rows in sequences(batch) {
            let mut own = y.slice_mut(s![rows, ..]);
            for mut head in own.axis_chunks_iter_mut(Axis(1), how.head_dim) {
                let turned = position::rotate(head.view(), how.rotary_dim, f64::from(how.theta));
                head.assign(&turned);
            }
        }
        self.keep(y)
    }

    fn attend(&mut self, [q, k, v]: [usize; 3], how: &Attend, batch: &Batch) -> usize {
        // The reference divides by the root of the head's width; the rest of the factor goes ahead.
        let ahead = f64::from(how.scale) * (how.head_dim as f64).sqrt();
        let query = self.read(q) * ahead;
        let mut z = Array2::zeros(query.dim());
        for rows in sequences(batch) {
            let own = |x: &Array2<f64>| x.slice(s![rows.clone(), ..]).to_owned();
            let (query, key, value) = (own(&query), own(self.read(k)), own(self.read(v)));
            let context = attend::many(&query, &key, &value, how.head_dim, how.window);
            z.slice_mut(s![rows.clone(), ..]).assign(&context);
        }
        self.keep(z)
    }

    fn gate(&mut self, pre: usize, linear: Option<usize>, how: Activation) -> usize {
        let how = match how {
            Activation::Silu => mlp::Activation::Silu,
            Activation::Gelu => mlp::Activation::Gelu,
            Activation::GeluTanh => mlp::Activation::GeluTanh,
            Activation::Relu2 => mlp::Activation::Relu2,
            Activation::Relu => mlp::Activation::Relu,
        };
        let bent = self.read(pre).mapv(|x| how.of(x));
        let post = match linear {
            Some(linear) => bent * self.read(linear),
            None => bent,
        };
        self.keep(post)
    }

    fn add(&mut self, x: usize, y: usize) -> usize {
        self.keep(self.read(x) + self.read(y))
    }

    fn select(&mut self, x: usize, batch: &Batch) -> usize {
        self.keep(self.read(x).select(Axis(0), &batch.wanted))
    }

    fn logits(&mut self, x: usize, how: &Head) -> usize {
        let logits = self.dense(&how.linear).apply(self.read(x));
        self.keep(bounded(logits, how.cap))
    }

    fn loss(&mut self, x: usize, how: &Head, targets: &Targets) -> Loss {
        let asked: Vec<usize> =
            (0..targets.ids.len()).filter(|&row| targets.ids[row] != Targets::NONE).collect();
        let ids: Vec<usize> = asked.iter().map(|&row| targets.ids[row] as usize).collect();
        let logits = self.dense(&how.linear).apply(&self.read(x).select(Axis(0), &asked));
        let logits = bounded(logits, how.cap);
        let total = surprise(&logits, &ids).into_iter().fold(0.0, |sum, loss| sum + loss);
        Loss { total, rows: asked.len() }
    }
}
