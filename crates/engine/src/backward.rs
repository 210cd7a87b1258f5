//! The walk back: what the gradient of a value means for everything that it was made of.
//!
//! The gradient of a value is written by the last step that read it and added to by those before; a
//! linear layer continues the sum of products that stands there. Weight gradients continue over the
//! passes of a step of training. A loss and its gradient are made in one visit of each chunk of rows.

use lookback_kernels::{
    activate, add, aligned_buffer, attend, cap, embed, loss::LossMode, matmul::Accumulate, norm,
    position,
};
use lookback_model::{
    Activation, Attend, Change, Edit, Head, Linear, Norm, NormKind, Op, Rotary, Step, Targets,
    ValueId, WeightId,
};

use crate::{
    gradients::Gradients,
    interpreter::{Interpreter, Watch},
    operations::{self, statistics},
    products,
    walk::Walk,
};

/// A pass that goes back.
pub(crate) struct Backward<'a, 'g> {
    pub(crate) pass: Interpreter<'a>,
    pub(crate) gradients: &'g mut Gradients,
    pub(crate) walk: &'a Walk,
}

impl Backward<'_, '_> {
    /// From the loss, whose targets are given, to the first step.
    pub(crate) fn walk_from_loss(&mut self, targets: &Targets, watch: &mut impl Watch) {
        self.walk(Some(targets), watch);
    }

    /// From a value whose gradient is given, `[rows, width]`, to the first step.
    pub(crate) fn walk_from(&mut self, gradient: &[f32], watch: &mut impl Watch) {
        let start = self.walk.start;
        let mut buffer = self.pass.buffers.take_gradient(start);
        let len = self.pass.buffers.len(start);
        buffer[..len].copy_from_slice(gradient);
        self.pass.buffers.put_gradient(start, buffer);
        self.walk(None, watch);
    }

    fn walk(&mut self, targets: Option<&Targets>, watch: &mut impl Watch) {
        self.pass.buffers.turn_back();
        let program = self.pass.program;
        for (at, step) in program.steps.iter().enumerate().rev() {
            self.show(step, targets.is_some(), watch);
            if !self.walk.visits(at) {
                continue;
            }
            for read in operations::traits(step).saved_inputs {
                if self.pass.buffers.is_recomputed(*read, at)
                    && let Some(maker) = program.maker(*read)
                {
                    self.pass.recompute(&program.steps[maker]);
                }
            }
            self.step(at, step, targets);
        }
    }

    /// Shows the gradients of what a step made, to which every reader has added by now.
    fn show(&self, step: &Step, is_from_loss: bool, watch: &mut impl Watch) {
        for made in &step.makes {
            let is_there = self.walk.has_gradient(*made);
            if !is_there || is_from_loss && *made == self.walk.start {
                continue;
            }
            for site in self.pass.program.names(*made) {
                if watch.wants(site) {
                    watch.see(site, self.pass.view(*made, self.pass.buffers.gradient(*made)));
                }
            }
        }
    }

    /// What the gradient of a step's results means for what it read and for its weights.
    fn step(&mut self, at: usize, step: &Step, targets: Option<&Targets>) {
        let (reads, makes) = (&step.reads[..], &step.makes[..]);
        let (x, made) = (reads[0], makes[0]);
        let is_first = self.is_first(x, at);
        match &step.op {
            Op::Embed(table) => self.embed(*table, x, made),
            Op::Norm(how) => self.norm(how, at, x, made),
            Op::Linear(layers) => {
                let mut is_first = is_first;
                for (layer, made) in layers.iter().zip(makes).rev() {
                    if self.walk.has_gradient(*made) {
                        self.linear(layer, x, *made, is_first);
                        is_first = false;
                    }
                }
            }
            Op::LinearAdd(layer) => {
                self.linear(layer, x, made, is_first);
                self.pass_on(made, reads[1], at);
            }
            Op::Rotate(how) => self.rotate(how, x, made),
            Op::Attend(how) => self.attend(how, [x, reads[1], reads[2]], made, makes[1]),
            Op::Activate(how) => self.activate(*how, x, reads.get(1).copied(), made),
            Op::Add => {
                self.copy_on(made, reads[1], self.is_first(reads[1], at));
                self.pass_on(made, x, at);
            }
            Op::Select => self.select(x, made, is_first),
            Op::Logits(head) => self.logits(head, x, made, is_first),
            Op::Loss(head) => {
                let targets = targets.expect("a walk from the loss has targets");
                self.loss(head, x, made, targets);
            }
            Op::Edit(edit) => self.edit(edit, x, made, at),
            Op::Scores(_) | Op::Pattern(_) | Op::Probabilities => {
                unreachable!("what is only there to be read has no gradient")
            }
        }
    }

    /// Whether a step is the first on the way back to write the gradient of `x`.
    fn is_first(&self, x: ValueId, at: usize) -> bool {
        self.walk.writer(x) == Some(at)
    }

    /// The loss, the gradient of `x` and the head's gradients, in one visit of each chunk of rows.
    fn loss(&mut self, head: &Head, x: ValueId, made: ValueId, targets: &Targets) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let width = self.pass.buffers.width(x);
        let gradients = &mut *self.gradients;
        let mode = LossMode::Gradient;
        self.pass.losses_in_chunks(head, x, made, targets, mode, |pass, rows, dlogits| {
            let part = rows.start * width..rows.end * width;
            products::backward(
                pass.pool,
                pass.weights,
                &head.linear,
                dlogits,
                &pass.buffers.get(x)[part.clone()],
                pass.factors,
                pass.scratch,
                gradients,
                Accumulate::FromZero,
                &mut dx[part],
            );
        });
        self.pass.buffers.put_gradient(x, dx);
    }

    fn logits(&mut self, head: &Head, x: ValueId, made: ValueId, is_first: bool) {
        if let Some(most) = head.cap {
            let mut dlogits = self.pass.buffers.take_gradient(made);
            let len = self.pass.buffers.len(made);
            let capped = self.pass.buffers.get(made);
            cap::backward(self.pass.pool, most, capped, &mut dlogits[..len]);
            self.pass.buffers.put_gradient(made, dlogits);
        }
        self.linear(&head.linear, x, made, is_first);
    }

    fn embed(&mut self, table: WeightId, indices: ValueId, made: ValueId) {
        let dy = self.pass.buffers.gradient(made);
        let width = self.pass.buffers.width(made);
        if let Some(dtable) = self.gradients.learned_mut(table) {
            embed::scatter_add(self.pass.pool, dy, width, self.pass.indices(indices), dtable);
        }
    }

    fn norm(&mut self, how: &Norm, at: usize, x: ValueId, made: ValueId) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let learned = self.gradients.learns(how.weight);
        let mut learned = learned.then(|| self.gradients.take(how.weight));
        let scratch = std::mem::take(&mut self.pass.scratch);
        let pass = &self.pass;
        let (entering, dy) = (pass.buffers.get(x), pass.buffers.gradient(made));
        let (pool, weight) = (pass.pool, pass.weights.rows(how.weight));
        let len = pass.buffers.rows(made) * statistics(pass.program, &pass.program.steps[at]);
        let statistics = &pass.statistics[at][..len];
        let dx_rows = &mut dx[..entering.len()];
        if self.is_first(x, at) {
            aligned_buffer::zero_fill(pool, dx_rows);
        }
        // The kernels add the weight's gradient up in any case.
        let dweight = match &mut learned {
            Some(dweight) => &mut dweight[..],
            None => &mut scratch[..how.width],
        };
        match how.kind {
            NormKind::Layer => {
                let dbias = how.bias.and_then(|bias| self.gradients.learned_mut(bias));
                norm::layer_backward(
                    pool, dy, entering, how.width, weight, statistics, dx_rows, dweight, dbias,
                );
            }
            NormKind::Rms => norm::rms_backward(
                pool, dy, entering, how.width, weight, statistics, dx_rows, dweight,
            ),
        }
        self.pass.scratch = scratch;
        if let Some(dweight) = learned {
            self.gradients.put(how.weight, dweight);
        }
        self.pass.buffers.put_gradient(x, dx);
    }

    fn linear(&mut self, layer: &Linear, x: ValueId, made: ValueId, is_first: bool) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let len = self.pass.buffers.len(x);
        let pass = &mut self.pass;
        products::backward(
            pass.pool,
            pass.weights,
            layer,
            pass.buffers.gradient(made),
            pass.buffers.get(x),
            pass.factors,
            pass.scratch,
            self.gradients,
            if is_first { Accumulate::FromZero } else { Accumulate::FromOutput },
            &mut dx[..len],
        );
        self.pass.buffers.put_gradient(x, dx);
    }

    /// The gradient of a sum is that of what was added to.
    fn pass_on(&mut self, made: ValueId, to: ValueId, at: usize) {
        if self.is_first(to, at) {
            self.pass.buffers.pass_gradient_on(made, to);
        } else {
            self.copy_on(made, to, false);
        }
    }

    /// The gradient of a sum is that of what was added, in a place of its own.
    fn copy_on(&mut self, made: ValueId, to: ValueId, is_first: bool) {
        let mut dx = self.pass.buffers.take_gradient(to);
        let dy = self.pass.buffers.gradient(made);
        if is_first {
            dx[..dy.len()].copy_from_slice(dy);
        } else {
            add::add_to(self.pass.pool, dy, &mut dx[..dy.len()]);
        }
        self.pass.buffers.put_gradient(to, dx);
    }

    /// A row that was not wanted has no gradient.
    fn select(&mut self, x: ValueId, made: ValueId, is_first: bool) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let (len, width) = (self.pass.buffers.len(x), self.pass.buffers.width(x));
        if is_first {
            aligned_buffer::zero_fill(self.pass.pool, &mut dx[..len]);
        }
        let dy = self.pass.buffers.gradient(made);
        for (dy, &row) in dy.chunks_exact(width).zip(&self.pass.batch.wanted) {
            for (dx, dy) in dx[row * width..(row + 1) * width].iter_mut().zip(dy) {
                *dx += dy;
            }
        }
        self.pass.buffers.put_gradient(x, dx);
    }

    /// What was set depends on nothing any more; what was scaled, in proportion.
    fn edit(&mut self, edit: &Edit, x: ValueId, made: ValueId, at: usize) {
        let is_first = self.is_first(x, at);
        // The gradient of an edited value is nobody else's, so it may be changed where it stands.
        let mut dy = self.pass.buffers.take_gradient(made);
        let len = self.pass.buffers.len(made);
        self.pass.edit_rows(edit, made, &mut dy[..len], |change, dy, number| match change {
            Change::Set => *dy = 0.0,
            Change::Add => {}
            Change::Scale => *dy *= number,
        });
        self.pass.buffers.put_gradient(made, dy);
        if is_first {
            self.pass.buffers.pass_gradient_on(made, x);
        } else {
            self.copy_on(made, x, false);
        }
    }

    fn rotate(&mut self, how: &Rotary, x: ValueId, made: ValueId) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let (len, width) = (self.pass.buffers.len(x), self.pass.buffers.width(x));
        position::rotate(
            self.pass.pool,
            self.pass.buffers.gradient(made),
            width / how.head_dim,
            how.head_dim,
            how.rotary_dim,
            self.pass.angles,
            &self.pass.batch.positions,
            position::Direction::Back,
            &mut dx[..len],
        );
        self.pass.buffers.put_gradient(x, dx);
    }

    fn attend(&mut self, how: &Attend, qkv: [ValueId; 3], z: ValueId, log_sum_exp: ValueId) {
        let [mut dq, mut dk, mut dv] = qkv.map(|x| self.pass.buffers.take_gradient(x));
        let [q, k, v] = qkv.map(|x| self.pass.buffers.get(x));
        let buffers = &self.pass.buffers;
        attend::backward(
            self.pass.pool,
            &self.pass.heads(how),
            q,
            k,
            v,
            buffers.get(z),
            buffers.get(log_sum_exp),
            buffers.gradient(z),
            self.pass.spans,
            self.pass.scratch,
            &mut dq[..q.len()],
            &mut dk[..k.len()],
            &mut dv[..v.len()],
        );
        for (x, dx) in qkv.into_iter().zip([dq, dk, dv]) {
            self.pass.buffers.put_gradient(x, dx);
        }
    }

    fn activate(&mut self, how: Activation, pre: ValueId, linear: Option<ValueId>, made: ValueId) {
        let mut dpre = self.pass.buffers.take_gradient(pre);
        let mut dlinear = linear.map(|x| self.pass.buffers.take_gradient(x));
        let (buffers, len) = (&self.pass.buffers, self.pass.buffers.len(pre));
        activate::backward(
            self.pass.pool,
            how,
            buffers.gradient(made),
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
