//! An f64 interpreter of programs, through the reference's functions: what the engine is tested against,
//! fused and edited programs included.
//!
//! It computes whole sequences from position 0, keeps every result and is not optimised. It has its own
//! weights, so a test can change one by 1e-6 and compare the loss: a finite difference, good to 1e-8.
//!
//! ```
//! # use lookback_model::{Batch, Config, Network, Size, TokenId};
//! use lookback_f64_interpreter::{Weights, logits};
//!
//! # let size = Size { vocabulary: 11, width: 8, layers: 2, heads: 2, key_heads: 1, hidden: 12, context: 16 };
//! # let network = Network::new(&Config::llama(size).unwrap());
//! let weights = Weights::new(&network, |_, weight| weight.fill(0.1));
//! let logits = logits(&network, &weights, &Batch::whole(&[3, 1, 4].map(TokenId)));
//! assert_eq!(logits.shape(), [3, 11]);
//! ```

mod attention;
pub mod optimize;
mod steer;

use lookback_model::{
    Activation, Batch, BoundEdits, Change, Edit, ExpertLinears, ExpertWeighting, Head, Linear,
    Loss, Network, Norm, NormKind, Op, Program, Rotary, Routing, RowKind, SequenceId, Site, Step,
    Targets, ValueId, WeightId, forward,
};
use lookback_reference::{
    embed, experts,
    logits::{capped, cross_entropy},
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

    /// A weight, to be changed.
    pub fn of_mut(&mut self, id: WeightId) -> &mut Array2<f64> {
        &mut self.0[id.index()]
    }

    /// A weight of one row.
    fn vector(&self, id: WeightId) -> Array1<f64> {
        self.of(id).row(0).to_owned()
    }
}

/// The logits of a batch's logit rows, `[logit_rows, vocabulary]`.
pub fn logits(network: &Network, weights: &Weights, batch: &Batch) -> Array2<f64> {
    let program = forward::logits(network, forward::Rows::LogitRows);
    let mut values = run(&program, weights, batch, None);
    let logits = program.at(Site::Logits).and_then(|logits| values[logits.index()].take());
    logits.unwrap_or_default()
}

/// The cross-entropy of a batch's logit rows against their targets.
pub fn loss(network: &Network, weights: &Weights, batch: &Batch, targets: &Targets) -> Loss {
    program_loss(&forward::loss(network), weights, batch, targets)
}

/// The same of a program that ends with a loss.
pub fn program_loss(
    program: &Program,
    weights: &Weights,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    let values = run(program, weights, batch, Some(targets));
    let losses = program.steps.last().and_then(|last| values[last.outputs[0].index()].as_ref());
    let rows = targets.ids.iter().filter(|&&id| id != Targets::NONE).count();
    let total = losses.map_or(0.0, |losses| losses.iter().fold(0.0, |sum, loss| sum + loss));
    Loss { total, rows }
}

/// Every value of a program over a batch of whole sequences, by its id: `[rows, width]`. None of those
/// that are not numbers of rows.
pub fn run(
    program: &Program,
    weights: &Weights,
    batch: &Batch,
    targets: Option<&Targets>,
) -> Vec<Option<Array2<f64>>> {
    run_with_sequence_edits(program, weights, batch, &[], targets)
}

/// The same of a program with places for the edits that sequences have of their own.
pub fn run_with_sequence_edits(
    program: &Program,
    weights: &Weights,
    batch: &Batch,
    sequence_edits: &[(SequenceId, BoundEdits)],
    targets: Option<&Targets>,
) -> Vec<Option<Array2<f64>>> {
    let values = vec![None; program.values.len()];
    let mut pass = Pass { program, weights, batch, sequence_edits, values };
    for step in &program.steps {
        pass.step(step, targets);
    }
    pass.values
}

/// One pass.
struct Pass<'a> {
    program: &'a Program,
    weights: &'a Weights,
    batch: &'a Batch,
    sequence_edits: &'a [(SequenceId, BoundEdits)],
    values: Vec<Option<Array2<f64>>>,
}

/// Logits under their cap, if there is one.
fn soft_capped(logits: Array2<f64>, cap: Option<f32>) -> Array2<f64> {
    match cap {
        Some(cap) => logits.mapv(|logit| capped(logit, f64::from(cap))),
        None => logits,
    }
}

/// The rows of each sequence, which must be whole.
fn sequences(batch: &Batch) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    batch.segments.iter().map(|segment| {
        assert_eq!(segment.first_position, 0, "the f64 interpreter has no cache");
        segment.rows.clone()
    })
}

impl Pass<'_> {
    fn read(&self, x: ValueId) -> &Array2<f64> {
        self.values[x.index()].as_ref().expect("a step reads what was made before it")
    }

    fn step(&mut self, step: &Step, targets: Option<&Targets>) {
        let x = |index: usize| step.inputs[index];
        let result = match &step.op {
            Op::Embed(table) => self.embed(*table, x(0)),
            Op::Norm(norm) => self.norm(norm, x(0)),
            Op::Linear(layers) => {
                for (layer, output) in layers.iter().zip(&step.outputs) {
                    self.values[output.index()] = Some(self.dense(layer).apply(self.read(x(0))));
                }
                return;
            }
            Op::LinearAdd(layer) => self.read(x(1)) + self.dense(layer).apply(self.read(x(0))),
            Op::Scale(factor) => self.read(x(0)) * f64::from(*factor),
            Op::Clamp(bound) => {
                let bound = f64::from(*bound);
                self.read(x(0)).mapv(|x| x.clamp(-bound, bound))
            }
            Op::Rotate(rotary) => self.rotate(rotary, x(0)),
            Op::Attend(attend) => self.attend(attend, &[], [x(0), x(1), x(2)]),
            Op::AttendEdited(attend, edits) => self.attend(attend, edits, [x(0), x(1), x(2)]),
            Op::SplitHeads(projection) => self.split_heads(projection, x(0)),
            Op::SumHeads(projection) => self.sum_heads(projection, x(2)),
            Op::Activate(activation) => {
                self.activate(*activation, x(0), step.inputs.get(1).copied())
            }
            Op::Add => self.read(x(0)) + self.read(x(1)),
            Op::Route(routing) => {
                let made = self.route(routing, x(0));
                for (output, made) in step.outputs.iter().zip(made) {
                    self.values[output.index()] = Some(made);
                }
                return;
            }
            Op::Experts(linears) => {
                for (result, output) in step.outputs.iter().enumerate() {
                    let made = self.experts(linears, linears.of_result(result), x(0), x(1));
                    self.values[output.index()] = Some(made);
                }
                return;
            }
            Op::Combine => self.combine(x(0), x(1)),
            Op::Select => self.read(x(0)).select(Axis(0), &self.batch.logit_rows),
            Op::Logits(head) => self.logits(head, self.read(x(0))),
            Op::Loss(head) => self.losses(head, x(0), targets.expect("a loss has targets")),
            Op::Edit(edit) => self.edit(edit, None, x(0), self.read(x(0)).clone()),
            Op::SequenceEdits(place) => {
                let edits = self.sequence_edits.iter().flat_map(|(sequence, edits)| {
                    edits.of_place(*place).iter().map(move |edit| (*sequence, edit))
                });
                edits.fold(self.read(x(0)).clone(), |y, (sequence, edit)| {
                    self.edit(edit, Some(sequence), x(0), y)
                })
            }
            // Made to be observed, and nothing is observed here.
            Op::Scores(..) | Op::Pattern(..) | Op::Results(_) | Op::Probabilities => return,
        };
        self.values[step.outputs[0].index()] = Some(result);
    }

    fn dense(&self, layer: &Linear) -> mlp::Linear {
        let bias = layer.bias.map(|bias| self.weights.vector(bias));
        mlp::Linear { weight: self.weights.of(layer.weight).clone(), bias }
    }

    fn embed(&self, table: WeightId, indices: ValueId) -> Array2<f64> {
        let rows: Vec<usize> = if indices == Program::IDS {
            self.batch.ids.iter().map(|id| id.0 as usize).collect()
        } else {
            self.batch.positions.iter().map(|&at| at as usize).collect()
        };
        embed::rows(self.weights.of(table), &rows)
    }

    fn norm(&self, config: &Norm, x: ValueId) -> Array2<f64> {
        let weights = self.weights.of(config.weight);
        let mut y = self.read(x).clone();
        for (head, mut part) in y.axis_chunks_iter_mut(Axis(1), config.width).enumerate() {
            let norm = norm::Norm {
                is_layer: config.kind == NormKind::Layer,
                weight: weights.row(head % weights.nrows()).to_owned(),
                bias: config.bias.map(|bias| self.weights.vector(bias)),
                epsilon: f64::from(config.epsilon),
            };
            let normed = norm.apply(&part.to_owned());
            part.assign(&normed);
        }
        y
    }

    fn rotate(&self, rotary: &Rotary, x: ValueId) -> Array2<f64> {
        let mut y = self.read(x).clone();
        let frequencies: Vec<f64> = rotary.frequencies.iter().map(|&it| f64::from(it)).collect();
        for rows in sequences(self.batch) {
            let mut own = y.slice_mut(s![rows, ..]);
            for mut head in own.axis_chunks_iter_mut(Axis(1), rotary.head_dim) {
                let mut rotated = position::rotate_by(head.view(), &frequencies);
                let mut dimensions = rotated.slice_mut(s![.., ..rotary.rotary_dim]);
                dimensions *= f64::from(rotary.factor);
                head.assign(&rotated);
            }
        }
        y
    }

    fn activate(
        &self,
        activation: Activation,
        pre: ValueId,
        linear: Option<ValueId>,
    ) -> Array2<f64> {
        let activation = match activation {
            Activation::Silu => mlp::Activation::Silu,
            Activation::Gelu => mlp::Activation::Gelu,
            Activation::GeluTanh => mlp::Activation::GeluTanh,
            Activation::Relu2 => mlp::Activation::Relu2,
            Activation::Relu => mlp::Activation::Relu,
            Activation::QuickGelu => mlp::Activation::QuickGelu,
            Activation::SwigluOai => mlp::Activation::SwigluOai,
        };
        let activated = self.read(pre).mapv(|x| activation.apply(x));
        match linear {
            Some(linear) => activated * self.read(linear).mapv(|x| activation.apply_linear(x)),
            None => activated,
        }
    }

    /// The weights and the indices of the chosen experts, `[rows, chosen]` each.
    fn route(&self, routing: &Routing, logits: ValueId) -> [Array2<f64>; 2] {
        let weighting = match routing.weighting {
            ExpertWeighting::Softmax => experts::Weighting::Softmax,
            ExpertWeighting::Normalized => experts::Weighting::Normalized,
            ExpertWeighting::SoftmaxOfChosen => experts::Weighting::SoftmaxOfChosen,
        };
        let logits = self.read(logits);
        let routes = experts::route(logits, routing.chosen, weighting);
        let shape = (logits.nrows(), routing.chosen);
        let weights = Array2::from_shape_fn(shape, |(row, slot)| routes[row][slot].1);
        let indices = Array2::from_shape_fn(shape, |(row, slot)| routes[row][slot].0 as f64);
        [weights, indices]
    }

    /// What the chosen experts of each row make of it, side by side.
    fn experts(
        &self,
        linears: &ExpertLinears,
        layers: &[Linear],
        x: ValueId,
        indices: ValueId,
    ) -> Array2<f64> {
        let (x, indices) = (self.read(x), self.read(indices));
        let Linear { inputs, outputs, .. } = layers[0];
        let is_shared = x.ncols() == inputs;
        let layers: Vec<mlp::Linear> = layers.iter().map(|layer| self.dense(layer)).collect();
        let mut y = Array2::zeros((x.nrows(), linears.chosen * outputs));
        for ((row, slot), expert) in indices.indexed_iter() {
            let first = if is_shared { 0 } else { slot * inputs };
            let own = x.slice(s![row..=row, first..first + inputs]).to_owned();
            let made = layers[*expert as usize].apply(&own);
            y.slice_mut(s![row..=row, slot * outputs..(slot + 1) * outputs]).assign(&made);
        }
        y
    }

    /// The weighted sum of what the chosen experts made of each row.
    fn combine(&self, made: ValueId, weights: ValueId) -> Array2<f64> {
        let (made, weights) = (self.read(made), self.read(weights));
        let width = made.ncols() / weights.ncols();
        let mut y = Array2::zeros((made.nrows(), width));
        for ((row, slot), weight) in weights.indexed_iter() {
            let mut to = y.row_mut(row);
            to += &(&made.slice(s![row, slot * width..(slot + 1) * width]) * *weight);
        }
        y
    }

    fn logits(&self, head: &Head, x: &Array2<f64>) -> Array2<f64> {
        soft_capped(self.dense(&head.linear).apply(x) * f64::from(head.factor), head.cap)
    }

    /// A row's loss, `[rows, 1]`; 0 where none is asked.
    fn losses(&self, head: &Head, x: ValueId, targets: &Targets) -> Array2<f64> {
        let with_target: Vec<usize> =
            (0..targets.ids.len()).filter(|&row| targets.ids[row] != Targets::NONE).collect();
        let ids: Vec<usize> = with_target.iter().map(|&row| targets.ids[row] as usize).collect();
        let logits = self.logits(head, &self.read(x).select(Axis(0), &with_target));
        let mut losses = Array2::zeros((targets.ids.len(), 1));
        for (row, loss) in with_target.into_iter().zip(cross_entropy(&logits, &ids)) {
            losses[[row, 0]] = loss;
        }
        losses
    }

    /// Changes rows of `y`, which are rows of `x`, of one sequence or of all.
    fn edit(
        &self,
        edit: &Edit,
        sequence: Option<SequenceId>,
        x: ValueId,
        mut y: Array2<f64>,
    ) -> Array2<f64> {
        let is_logit_row = self.program.value(x).rows == RowKind::LogitRows;
        for (row, mut y) in y.outer_iter_mut().enumerate() {
            let row = if is_logit_row { self.batch.logit_rows[row] } else { row };
            let position = self.batch.positions[row];
            let own = self.batch.segments.iter().find(|segment| segment.rows.contains(&row));
            if sequence.is_some() && own.map(|segment| segment.sequence) != sequence {
                continue;
            }
            let mut columns = y.slice_mut(s![edit.columns.clone()]);
            if let Change::Steer(steering) = edit.change {
                if edit.is_at(position) {
                    let changed = steer::steered(steering, &edit.numbers, columns.view());
                    columns.assign(&changed);
                }
                continue;
            }
            for (y, number) in columns.iter_mut().zip(edit.row(position).into_iter().flatten()) {
                let number = f64::from(number);
                match edit.change {
                    Change::Set => *y = number,
                    Change::Add => *y += number,
                    Change::Scale => *y *= number,
                    Change::Steer(_) => {}
                }
            }
        }
        y
    }
}
