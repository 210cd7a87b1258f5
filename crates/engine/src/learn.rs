//! The executor that learns: a `Run` that keeps what its backward needs, then walks its tape back.
//!
//! The gradient of a result is written by the last operation that read it and added to by those
//! before; a linear layer continues the sum of products that stands there. Weight gradients continue
//! over the passes of a step.

use lookback_kernels::{
    activate, add, attend, embed, loss::Want, matmul::Start, norm, position, room, team::Team,
};
use lookback_model::{
    Activation, Attend, Batch, Execute, Head, Index, Linear, Loss, Network, Norm, NormKind, Rotary,
    Site, Targets, WeightId, forward,
};

use crate::{
    gradients::Gradients,
    products,
    run::{Run, kind},
    tape::{Op, Rows, Tape},
    weights::Weights,
    workspace::{Shape, Workspace},
};

/// The loss of a batch of whole sequences; adds its gradients to `gradients`.
///
/// The batch has as many rows as the workspace was made for.
pub fn learn(
    weights: &Weights,
    gradients: &mut Gradients,
    space: &mut Workspace,
    team: &Team,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    assert!(
        matches!(space.shape, Shape::Learn { rows, .. } if rows == batch.rows()),
        "the workspace was made for another batch"
    );
    let network: &Network = weights.network();
    let tape = std::mem::take(&mut space.tape);
    let mut learn = Learn { run: Run::afresh(weights, space, team, batch), gradients };
    let loss = forward::loss(network, &mut learn, batch, targets);
    learn.walk_back(&tape, batch);
    space.tape = tape;
    loss
}

/// The loss of a batch of whole sequences.
pub fn evaluate(
    weights: &Weights,
    space: &mut Workspace,
    team: &Team,
    batch: &Batch,
    targets: &Targets,
) -> Loss {
    let network: &Network = weights.network();
    forward::loss(network, &mut Run::afresh(weights, space, team, batch), batch, targets)
}

/// A pass that learns.
#[derive(Debug)]
pub struct Learn<'a> {
    run: Run<'a>,
    gradients: &'a mut Gradients,
}

impl Learn<'_> {
    /// From the last step to the first.
    fn walk_back(&mut self, tape: &Tape, batch: &Batch) {
        self.run.buffers.turn_back();
        for (at, step) in tape.steps.iter().enumerate().rev() {
            for x in step.op.read_again() {
                if self.run.buffers.is_made_again(x, at) {
                    self.run.make_again(&tape.steps[x.step]);
                }
            }
            self.step_back(tape, at, &step.op, step.made, batch);
        }
    }

    /// What one operation's gradient means for what it read and for its weights.
    fn step_back(&mut self, tape: &Tape, at: usize, op: &Op, made: Rows, batch: &Batch) {
        // Whether this operation is the first on the way back to write the gradient of `x`.
        let is_first = |x: Rows| crate::layout::last_reader(tape, x.step) == Some(at);
        match *op {
            Op::Loss(..) | Op::Logits(..) => {}
            Op::Embed(table, by) => self.embed_back(table, by, made, batch),
            Op::Norm(how, x) => self.norm_back(&how, at, x, made, is_first(x)),
            Op::Linear(how, x) => self.linear_back(&how, x, made, is_first(x)),
            Op::LinearAdd(how, x, to) => {
                self.linear_back(&how, x, made, is_first(x));
                self.pass_on(made, to, is_first(to));
            }
            Op::Add(x, y) => {
                self.copy_on(made, y, is_first(y));
                self.pass_on(made, x, is_first(x));
            }
            Op::Rotate(how, x) => self.rotate_back(&how, x, made, batch),
            Op::Attend(how, qkv) => self.attend_back(&how, at, qkv, made),
            Op::Gate(how, pre, linear) => self.gate_back(how, pre, linear, made),
            Op::Select(_) => unreachable!("a pass that learns wants every row"),
        }
    }

    fn embed_back(&mut self, table: WeightId, by: Index, made: Rows, batch: &Batch) {
        let dy = self.run.buffers.gradient(made);
        let dtable = self.gradients.of_mut(table);
        match by {
            Index::Ids => {
                // The ids still stand in the run's indices: the pass embeds them once.
                let ids = self.run.ids();
                embed::scatter_add(self.run.team, dy, made.width, ids, dtable);
            }
            Index::Positions => {
                embed::scatter_add(self.run.team, dy, made.width, &batch.positions, dtable);
            }
        }
    }

    fn norm_back(&mut self, how: &Norm, at: usize, x: Rows, made: Rows, is_first: bool) {
        let mut dx = self.run.buffers.take_gradient(x);
        let mut dweight = self.gradients.take(how.weight);
        let entering = self.run.buffers.get(x);
        let dy = self.run.buffers.gradient(made);
        let (team, weight) = (self.run.team, self.run.weights.rows(how.weight));
        let statistics = &self.run.asides[at];
        let dx_rows = &mut dx[..x.len()];
        if is_first {
            room::clear(self.run.team, dx_rows);
        }
        match how.kind {
            NormKind::Layer => {
                let dbias = how.bias.map(|bias| self.gradients.of_mut(bias));
                norm::layer_backward(
                    team,
                    dy,
                    entering,
                    how.width,
                    weight,
                    statistics,
                    dx_rows,
                    &mut dweight,
                    dbias,
                );
            }
            NormKind::Rms => norm::rms_backward(
                team,
                dy,
                entering,
                how.width,
                weight,
                statistics,
                dx_rows,
                &mut dweight,
            ),
        }
        self.gradients.put(how.weight, dweight);
        self.run.buffers.put_gradient(x, dx);
    }

    fn linear_back(&mut self, how: &Linear, x: Rows, made: Rows, is_first: bool) {
        let mut dx = self.run.buffers.take_gradient(x);
        let start = if is_first { Start::Zero } else { Start::Existing };
        let run = &mut self.run;
        products::backward(
            run.team,
            run.weights,
            how,
            run.buffers.gradient(made),
            run.buffers.get(x),
            run.factors,
            run.scratch,
            self.gradients,
            start,
            &mut dx[..x.len()],
        );
        self.run.buffers.put_gradient(x, dx);
    }

    /// The gradient of a sum is that of what was added to.
    fn pass_on(&mut self, made: Rows, to: Rows, is_first: bool) {
        if is_first {
            self.run.buffers.pass_gradient_on(made, to);
        } else {
            self.copy_on(made, to, false);
        }
    }

    /// The gradient of a sum is that of what was added, in a place of its own.
    fn copy_on(&mut self, made: Rows, to: Rows, is_first: bool) {
        let mut dx = self.run.buffers.take_gradient(to);
        let dy = self.run.buffers.gradient(made);
        if is_first {
            dx[..to.len()].copy_from_slice(dy);
        } else {
            add::add_to(self.run.team, dy, &mut dx[..to.len()]);
        }
        self.run.buffers.put_gradient(to, dx);
    }

    fn rotate_back(&mut self, how: &Rotary, x: Rows, made: Rows, batch: &Batch) {
        let mut dx = self.run.buffers.take_gradient(x);
        position::rotate(
            self.run.team,
            self.run.buffers.gradient(made),
            x.width / how.head_dim,
            how.head_dim,
            how.rotary_dim,
            self.run.angles(),
            &batch.positions,
            position::Direction::Back,
            &mut dx[..x.len()],
        );
        self.run.buffers.put_gradient(x, dx);
    }

    fn attend_back(&mut self, how: &Attend, at: usize, [q, k, v]: [Rows; 3], made: Rows) {
        let [mut dq, mut dk, mut dv] = [q, k, v].map(|x| self.run.buffers.take_gradient(x));
        let buffers = &self.run.buffers;
        attend::backward(
            self.run.team,
            &self.run.heads(how),
            buffers.get(q),
            buffers.get(k),
            buffers.get(v),
            buffers.get(made),
            &self.run.asides[at],
            buffers.gradient(made),
            self.run.spans,
            self.run.scratch,
            &mut dq[..q.len()],
            &mut dk[..k.len()],
            &mut dv[..v.len()],
        );
        for (x, dx) in [(q, dq), (k, dk), (v, dv)] {
            self.run.buffers.put_gradient(x, dx);
        }
    }

    fn gate_back(&mut self, how: Activation, pre: Rows, linear: Option<Rows>, made: Rows) {
        let mut dpre = self.run.buffers.take_gradient(pre);
        let mut dlinear = linear.map(|x| self.run.buffers.take_gradient(x));
        let buffers = &self.run.buffers;
        activate::backward(
            self.run.team,
            kind(how),
            buffers.gradient(made),
            buffers.get(pre),
            linear.map(|x| buffers.get(x)),
            &mut dpre[..pre.len()],
            dlinear.as_mut().map(|dx| &mut dx[..pre.len()]),
        );
        self.run.buffers.put_gradient(pre, dpre);
        if let (Some(x), Some(dx)) = (linear, dlinear) {
            self.run.buffers.put_gradient(x, dx);
        }
    }
}

impl Execute for Learn<'_> {
    type Rows = Rows;

    fn embed(&mut self, table: WeightId, width: usize, by: Index, batch: &Batch) -> Rows {
        self.run.embed(table, width, by, batch)
    }

    fn norm(&mut self, x: Rows, how: &Norm) -> Rows {
        self.run.norm(x, how)
    }

    fn linear(&mut self, x: Rows, how: &Linear) -> Rows {
        self.run.linear(x, how)
    }

    fn rotate(&mut self, x: Rows, how: &Rotary, batch: &Batch) -> Rows {
        self.run.rotate(x, how, batch)
    }

    fn attend(&mut self, qkv: [Rows; 3], how: &Attend, batch: &Batch) -> Rows {
        self.run.attend(qkv, how, batch)
    }

    fn gate(&mut self, pre: Rows, linear: Option<Rows>, how: Activation) -> Rows {
        self.run.gate(pre, linear, how)
    }

    fn add(&mut self, x: Rows, y: Rows) -> Rows {
        self.run.add(x, y)
    }

    fn select(&mut self, x: Rows, batch: &Batch) -> Rows {
        self.run.select(x, batch)
    }

    fn logits(&mut self, x: Rows, how: &Head) -> Rows {
        self.run.logits(x, how)
    }

    /// Loss, the gradient of `x` and the head's gradients in one visit of each chunk of rows.
    fn loss(&mut self, x: Rows, how: &Head, targets: &Targets) -> Loss {
        let mut dx = self.run.buffers.take_gradient(x);
        let gradients = &mut *self.gradients;
        let loss =
            self.run.loss_in_chunks(x, how, targets, Want::Gradient, |run, rows, dlogits| {
                let part = rows.start * x.width..rows.end * x.width;
                products::backward(
                    run.team,
                    run.weights,
                    &how.linear,
                    dlogits,
                    &run.buffers.get(x)[part.clone()],
                    run.factors,
                    run.scratch,
                    gradients,
                    Start::Zero,
                    &mut dx[part],
                );
            });
        self.run.buffers.put_gradient(x, dx);
        loss
    }

    fn linear_add(&mut self, x: Rows, how: &Linear, to: Rows, at: Site) -> Rows {
        self.run.linear_add(x, how, to, at)
    }
}
