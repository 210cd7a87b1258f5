//! The backward pass: what the gradient of a value means for everything that it was made of.
//!
//! The gradient of a value is written by the last step that read it and added to by those before; a
//! linear layer continues the sum of products that stands there. Weight gradients continue over the
//! passes of a step of training. A loss and its gradient are made in one visit of each chunk of rows.

mod experts;
mod head_results;

use lookback_kernels::{
    activate, add, aligned_buffer,
    attend::{self, BackwardInputs},
    cap, embed,
    loss::LossMode,
    matmul::Accumulate,
    norm::{self, NormGradients},
    position::{self, Direction},
    scale, steer,
};
use lookback_model::{
    Activation, Attend, AttentionEdit, Change, Edit, Head, Linear, Norm, NormKind, Op, Rotary,
    Step, Targets, ValueId, WeightId,
};

use crate::{
    backward_plan::BackwardPlan,
    gradients::Gradients,
    interpreter::{Interpreter, Observer, elementwise, norm_params},
    operations::{self, statistics},
    products::{self, LinearBackward},
};

/// A pass that goes back.
pub(crate) struct Backward<'a, 'g> {
    pub(crate) pass: Interpreter<'a>,
    pub(crate) gradients: &'g mut Gradients,
    pub(crate) backward_plan: &'a BackwardPlan,
}

impl Backward<'_, '_> {
    /// From the loss, whose targets are given, to the first step.
    pub(crate) fn run_from_loss(&mut self, targets: &Targets, observer: &mut impl Observer) {
        self.run(Some(targets), observer);
    }

    /// From a value whose gradient is given, `[rows, width]`, to the first step.
    pub(crate) fn run_from_value(&mut self, gradient: &[f32], observer: &mut impl Observer) {
        let start = self.backward_plan.start;
        let mut buffer = self.pass.buffers.take_gradient(start);
        let len = self.pass.buffers.len(start);
        buffer[..len].copy_from_slice(gradient);
        self.pass.buffers.put_gradient(start, buffer);
        self.run(None, observer);
    }

    fn run(&mut self, targets: Option<&Targets>, observer: &mut impl Observer) {
        self.pass.buffers.start_backward();
        let program = self.pass.program;
        for (at, step) in program.steps.iter().enumerate().rev() {
            self.capture(step, targets.is_some(), observer);
            if !self.backward_plan.visits(at) {
                continue;
            }
            for read in operations::traits(step).saved_inputs {
                if self.pass.buffers.is_recomputed(*read, at)
                    && let Some(producer) = program.producer(*read)
                {
                    self.pass.recompute(&program.steps[producer]);
                }
            }
            self.step(at, step, targets);
        }
    }

    /// Shows the gradients of what a step made, to which every reader has added by now.
    fn capture(&self, step: &Step, is_from_loss: bool, observer: &mut impl Observer) {
        for output in &step.outputs {
            let is_there = self.backward_plan.has_gradient(*output);
            if !is_there || is_from_loss && *output == self.backward_plan.start {
                continue;
            }
            for site in self.pass.program.sites_of(*output) {
                if observer.wants(site) {
                    observer.observe(
                        site,
                        self.pass.view(*output, self.pass.buffers.gradient(*output)),
                    );
                }
            }
        }
    }

    /// What the gradient of a step's results means for what it read and for its weights.
    fn step(&mut self, at: usize, step: &Step, targets: Option<&Targets>) {
        let (inputs, outputs) = (&step.inputs[..], &step.outputs[..]);
        let (x, output) = (inputs[0], outputs[0]);
        let is_first = self.is_first(x, at);
        match &step.op {
            Op::Embed(table) => self.embed(*table, x, output),
            Op::Norm(norm) => self.norm(norm, at, x, output),
            Op::Linear(layers) => {
                let mut is_first = is_first;
                for (layer, output) in layers.iter().zip(outputs).rev() {
                    if self.backward_plan.has_gradient(*output) {
                        self.linear(layer, x, *output, is_first);
                        is_first = false;
                    }
                }
            }
            Op::LinearAdd(layer) => {
                self.linear(layer, x, output, is_first);
                self.add_or_move_gradient(output, inputs[1], at);
            }
            Op::Scale(factor) => self.scale(*factor, x, output, at),
            Op::Clamp(bound) => self.clamp(*bound, x, output, at),
            Op::Rotate(rotary) => self.rotate(rotary, x, output),
            Op::Attend(attend) => {
                self.attend(attend, &[], [x, inputs[1], inputs[2]], output, outputs[1])
            }
            Op::AttendEdited(attend, edits) => {
                self.attend(attend, edits, [x, inputs[1], inputs[2]], output, outputs[1])
            }
            Op::SplitHeads(projection) => self.split_heads(projection, x, output, is_first),
            Op::SumHeads(projection) => self.sum_heads(projection, inputs[2], output),
            Op::Activate(activation) => {
                self.activate(*activation, x, inputs.get(1).copied(), output)
            }
            Op::Add => {
                self.add_gradient(output, inputs[1], self.is_first(inputs[1], at));
                self.add_or_move_gradient(output, x, at);
            }
            Op::Route(routing) => self.route(*routing, x, outputs),
            Op::Experts(linears) => self.experts(linears, x, inputs[1], outputs, is_first),
            Op::Combine => self.combine(x, inputs[1], output),
            Op::Select => self.select(x, output, is_first),
            Op::Logits(head) => self.logits(head, x, output, is_first),
            Op::Loss(head) => {
                let targets = targets.expect("a backward pass from the loss has targets");
                self.loss(head, x, output, targets);
            }
            Op::Edit(edit) => self.edit(edit, x, output, at),
            Op::SequenceEdits(_) => unreachable!("such a program has no backward plan"),
            Op::Scores(..) | Op::Pattern(..) | Op::Results(_) | Op::Probabilities => {
                unreachable!("what is only there to be read has no gradient")
            }
        }
    }

    /// Whether a step is the first in the backward pass to write the gradient of `x`.
    fn is_first(&self, x: ValueId, at: usize) -> bool {
        self.backward_plan.writer(x) == Some(at)
    }

    /// The loss, the gradient of `x` and the head's gradients, in one visit of each chunk of rows.
    fn loss(&mut self, head: &Head, x: ValueId, output: ValueId, targets: &Targets) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let width = self.pass.buffers.width(x);
        let gradients = &mut *self.gradients;
        let mode = LossMode::Gradient;
        self.pass.losses_in_chunks(head, x, output, targets, mode, |pass, rows, dlogits| {
            let part = rows.start * width..rows.end * width;
            let back = LinearBackward {
                layer: &head.linear,
                dy: dlogits,
                x: &pass.buffers.get(x)[part.clone()],
                start: Accumulate::FromZero,
                dx: &mut dx[part],
            };
            let (operands, scratch) = (&mut *pass.operands, &mut *pass.scratch);
            products::backward(pass.pool, pass.weights, back, operands, scratch, gradients);
        });
        self.pass.buffers.put_gradient(x, dx);
    }

    fn logits(&mut self, head: &Head, x: ValueId, output: ValueId, is_first: bool) {
        if let Some(cap) = head.cap {
            let mut dlogits = self.pass.buffers.take_gradient(output);
            let len = self.pass.buffers.len(output);
            let capped = self.pass.buffers.get(output);
            cap::backward(self.pass.pool, cap, capped, &mut dlogits[..len]);
            self.pass.buffers.put_gradient(output, dlogits);
        }
        if head.factor != 1.0 {
            self.scale_gradient(head.factor, output);
        }
        self.linear(&head.linear, x, output, is_first);
    }

    /// What was scaled has a gradient in proportion.
    fn scale(&mut self, factor: f32, x: ValueId, output: ValueId, at: usize) {
        self.scale_gradient(factor, output);
        self.add_or_move_gradient(output, x, at);
    }

    /// What was bounded has none.
    fn clamp(&mut self, bound: f32, x: ValueId, output: ValueId, at: usize) {
        let mut dy = self.pass.buffers.take_gradient(output);
        let len = self.pass.buffers.len(output);
        let entered = &self.pass.buffers.get(x)[..len];
        scale::clamp_backward(self.pass.pool, bound, entered, &mut dy[..len]);
        self.pass.buffers.put_gradient(output, dy);
        self.add_or_move_gradient(output, x, at);
    }

    /// The gradient of a value whose step comes next has no other reader, so it may be changed where it stands.
    fn scale_gradient(&mut self, factor: f32, value: ValueId) {
        let mut dy = self.pass.buffers.take_gradient(value);
        let len = self.pass.buffers.len(value);
        scale::scale_in_place(self.pass.pool, factor, &mut dy[..len]);
        self.pass.buffers.put_gradient(value, dy);
    }

    fn embed(&mut self, table: WeightId, indices: ValueId, output: ValueId) {
        let dy = self.pass.buffers.gradient(output);
        let width = self.pass.buffers.width(output);
        if let Some(dtable) = self.gradients.trainable_mut(table) {
            embed::scatter_add(self.pass.pool, dy, width, self.pass.indices(indices), dtable);
        }
    }

    fn norm(&mut self, config: &Norm, at: usize, x: ValueId, output: ValueId) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let learned = self.gradients.is_trainable(config.weight);
        let mut learned = learned.then(|| self.gradients.take(config.weight));
        let scratch = std::mem::take(&mut self.pass.scratch);
        let pass = &self.pass;
        let (entering, dy) = (pass.buffers.get(x), pass.buffers.gradient(output));
        let params = norm_params(pass.weights, config);
        let len = pass.buffers.rows(output) * statistics(pass.program, &pass.program.steps[at]);
        let statistics = &pass.statistics[at][..len];
        let dx_rows = &mut dx[..entering.len()];
        if self.is_first(x, at) {
            aligned_buffer::zero_fill(pass.pool, dx_rows);
        }
        // The kernels add the weight's gradient up in any case.
        let dweight = match &mut learned {
            Some(dweight) => &mut dweight[..],
            None => &mut scratch[..config.weights()],
        };
        match config.kind {
            NormKind::Layer => {
                let dbias = config.bias.and_then(|bias| self.gradients.trainable_mut(bias));
                let to = NormGradients { dx: dx_rows, dweight, dbias };
                norm::layer_backward(pass.pool, params, dy, entering, statistics, to);
            }
            NormKind::Rms => {
                let to = NormGradients { dx: dx_rows, dweight, dbias: None };
                norm::rms_backward(pass.pool, params, dy, entering, statistics, to);
            }
        }
        self.pass.scratch = scratch;
        if let Some(dweight) = learned {
            self.gradients.put(config.weight, dweight);
        }
        self.pass.buffers.put_gradient(x, dx);
    }

    fn linear(&mut self, layer: &Linear, x: ValueId, output: ValueId, is_first: bool) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let len = self.pass.buffers.len(x);
        let pass = &mut self.pass;
        let back = LinearBackward {
            layer,
            dy: pass.buffers.gradient(output),
            x: pass.buffers.get(x),
            start: if is_first { Accumulate::FromZero } else { Accumulate::FromOutput },
            dx: &mut dx[..len],
        };
        let (operands, scratch) = (&mut *pass.operands, &mut *pass.scratch);
        products::backward(pass.pool, pass.weights, back, operands, scratch, self.gradients);
        self.pass.buffers.put_gradient(x, dx);
    }

    /// The gradient of a sum is that of what was added to.
    fn add_or_move_gradient(&mut self, output: ValueId, input: ValueId, at: usize) {
        if self.is_first(input, at) {
            self.pass.buffers.move_gradient(output, input);
        } else {
            self.add_gradient(output, input, false);
        }
    }

    /// The gradient of a sum is that of what was added, in a place of its own.
    fn add_gradient(&mut self, output: ValueId, input: ValueId, is_first: bool) {
        let mut dx = self.pass.buffers.take_gradient(input);
        let dy = self.pass.buffers.gradient(output);
        if is_first {
            dx[..dy.len()].copy_from_slice(dy);
        } else {
            add::add_to(self.pass.pool, dy, &mut dx[..dy.len()]);
        }
        self.pass.buffers.put_gradient(input, dx);
    }

    /// A row whose logits were not computed has no gradient.
    fn select(&mut self, x: ValueId, output: ValueId, is_first: bool) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let (len, width) = (self.pass.buffers.len(x), self.pass.buffers.width(x));
        if is_first {
            aligned_buffer::zero_fill(self.pass.pool, &mut dx[..len]);
        }
        let dy = self.pass.buffers.gradient(output);
        for (dy, &row) in dy.chunks_exact(width).zip(&self.pass.batch.logit_rows) {
            for (dx, dy) in dx[row * width..(row + 1) * width].iter_mut().zip(dy) {
                *dx += dy;
            }
        }
        self.pass.buffers.put_gradient(x, dx);
    }

    /// What was set depends on nothing any more; what was scaled, in proportion.
    fn edit(&mut self, edit: &Edit, x: ValueId, output: ValueId, at: usize) {
        let mut dy = self.pass.buffers.take_gradient(output);
        let len = self.pass.buffers.len(output);
        let (isa, width) = (self.pass.pool.isa(), self.pass.buffers.width(output));
        self.pass.edited_rows((edit, None), output, &mut dy[..len], |position, row, dy| match edit
            .change
        {
            Change::Set => dy.fill(0.0),
            Change::Add => {}
            Change::Scale => elementwise(edit, position, dy, |dy, number| dy * number),
            Change::Steer(steering) => {
                let x = &self.pass.buffers.get(x)[row * width..][edit.columns.clone()];
                steer::backward(isa, steering, &edit.numbers, x, dy);
            }
        });
        self.pass.buffers.put_gradient(output, dy);
        self.add_or_move_gradient(output, x, at);
    }

    fn rotate(&mut self, rotary: &Rotary, x: ValueId, output: ValueId) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let (len, width) = (self.pass.buffers.len(x), self.pass.buffers.width(x));
        let rotation = self.pass.rotation(rotary, width, Direction::Back);
        let dy = self.pass.buffers.gradient(output);
        position::rotate(self.pass.pool, rotation, dy, &mut dx[..len]);
        self.pass.buffers.put_gradient(x, dx);
    }

    fn attend(
        &mut self,
        config: &Attend,
        edits: &[AttentionEdit],
        qkv: [ValueId; 3],
        z: ValueId,
        log_sum_exp: ValueId,
    ) {
        let [mut dq, mut dk, mut dv] = qkv.map(|x| self.pass.buffers.take_gradient(x));
        let [q, k, v] = qkv.map(|x| self.pass.buffers.get(x));
        let buffers = &self.pass.buffers;
        let inputs = BackwardInputs {
            query: q,
            key: k,
            value: v,
            out: buffers.get(z),
            log_sum_exp: buffers.get(log_sum_exp),
            dout: buffers.gradient(z),
            spans: self.pass.spans,
        };
        let to = attend::Gradients {
            dq: &mut dq[..q.len()],
            dk: &mut dk[..k.len()],
            dv: &mut dv[..v.len()],
            dsinks: config.sinks.and_then(|sinks| self.gradients.trainable_mut(sinks)),
        };
        let params = self.pass.heads(config);
        let (pool, spans, rows) = (self.pass.pool, self.pass.spans, self.pass.batch.rows());
        let edited = self.pass.edits.edited_rows(&params, edits, spans, rows);
        attend::backward_edited(pool, &params, inputs, edited, self.pass.scratch, to);
        for (x, dx) in qkv.into_iter().zip([dq, dk, dv]) {
            self.pass.buffers.put_gradient(x, dx);
        }
    }

    fn activate(
        &mut self,
        activation: Activation,
        pre: ValueId,
        linear: Option<ValueId>,
        output: ValueId,
    ) {
        let mut dpre = self.pass.buffers.take_gradient(pre);
        let mut dlinear = linear.map(|x| self.pass.buffers.take_gradient(x));
        let (buffers, len) = (&self.pass.buffers, self.pass.buffers.len(pre));
        activate::backward(
            self.pass.pool,
            activation,
            buffers.gradient(output),
            buffers.get(pre),
            linear.map(|x| buffers.get(x)),
            &mut dpre[..len],
            dlinear.as_mut().map(|dx| &mut dx[..len]),
        );
        self.pass.buffers.put_gradient(pre, dpre);
        if let (Some(x), Some(dx)) = (linear, dlinear) {
            self.pass.buffers.put_gradient(x, dx);
        }
    }
}
