//! Executes the steps of a program on the processor, in the buffers that the layout placed.

mod attention;
mod edits;
mod experts;
mod head_results;
mod keys;
mod linear;
mod loss;
mod observe;

use std::ops::Range;

use lookback_files::{Kind, Refusal, Result};
use lookback_kernels::{
    activate, add,
    aligned_buffer::AlignedBuffer,
    attend::SequenceSpan,
    embed,
    norm::{self as norms, NormParams},
    position::{self, Direction, Rotation},
    scale,
    thread_pool::ThreadPool,
};
use lookback_model::{
    Activation, Batch, BoundEdits, Norm, NormKind, Op, Program, Rotary, SequenceId, Step, Targets,
    ValueId, WeightId,
};

use self::keys::Keys;
use crate::{
    attention_edits::EditBuffers,
    buffers::Buffers,
    cache::{Cached, KvCache},
    experts::ExpertBuffers,
    operations::statistics,
    products::{self, Operands},
    rotary::RotaryTables,
    weights::Weights,
    workspace::Workspace,
};

pub(crate) use edits::elementwise;
pub use observe::{Observer, SiteView};

/// One pass of a program over borrowed parts.
#[derive(Debug)]
pub(crate) struct Interpreter<'a> {
    pub(crate) program: &'a Program,
    pub(crate) weights: &'a Weights,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) batch: &'a Batch,
    pub(crate) buffers: Buffers<'a>,
    keys: Keys<'a>,
    pub(crate) spans: &'a [SequenceSpan],
    table: &'a [u32],
    /// For each step, the statistics of its norm.
    pub(crate) statistics: &'a mut [AlignedBuffer],
    chunk: loss::Chunk<'a>,
    pub(crate) scratch: &'a mut [f32],
    pub(crate) operands: &'a mut Operands,
    pub(crate) experts: &'a mut ExpertBuffers,
    pub(crate) angles: &'a RotaryTables,
    ids: &'a [u32],
    derived: &'a mut Vec<f32>,
    pub(crate) edits: &'a mut EditBuffers,
    pub(crate) sequence_edits: &'a [(SequenceId, BoundEdits)],
}

impl<'a> Interpreter<'a> {
    /// A pass over a batch whose keys and values go into a cache, of which it says what that holds.
    pub(crate) fn cached(
        weights: &'a Weights,
        workspace: &'a mut Workspace,
        (cache, cached): (&'a mut KvCache, Cached),
        pool: &'a ThreadPool,
        batch: &'a Batch,
    ) -> Result<Self> {
        assert_eq!(cache.compute(), weights.compute(), "a cache of another precision");
        if !workspace.program.is_causal()
            && batch.segments.iter().any(|segment| segment.first_position > 0)
        {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                "attention without a mask sees a sequence as a whole, so it cannot go on behind the tokens of \
                 a cache",
            ));
        }
        cache.allocate(batch, cached, &mut workspace.spans, &mut workspace.table)?;
        Ok(Self::new(weights, workspace, Some(cache), pool, batch))
    }

    /// A pass over whole sequences, which keeps no keys.
    pub(crate) fn uncached(
        weights: &'a Weights,
        workspace: &'a mut Workspace,
        pool: &'a ThreadPool,
        batch: &'a Batch,
    ) -> Self {
        workspace.spans.clear();
        workspace.table.clear();
        for segment in &batch.segments {
            let first_page = workspace.table.len();
            let pages = KvCache::pages(segment.rows.len());
            workspace.table.extend((first_page..first_page + pages).map(|page| page as u32));
            workspace.spans.push(SequenceSpan {
                first_row: segment.rows.start,
                rows: segment.rows.len(),
                first_position: 0,
                first_page,
            });
        }
        Self::new(weights, workspace, None, pool, batch)
    }

    fn new(
        weights: &'a Weights,
        workspace: &'a mut Workspace,
        cache: Option<&'a mut KvCache>,
        pool: &'a ThreadPool,
        batch: &'a Batch,
    ) -> Self {
        workspace.operands.invalidate();
        workspace.ids.clear();
        workspace.ids.extend(batch.ids.iter().map(|id| id.0));
        let (slots, contents) = (&mut workspace.slots, &mut workspace.contents);
        Self {
            program: &workspace.program,
            weights,
            pool,
            batch,
            buffers: Buffers::new(slots, contents, &workspace.layout, &workspace.program, batch),
            keys: match cache {
                Some(cache) => Keys::Cache(cache),
                None => Keys::Scratch(&mut workspace.pages),
            },
            spans: &workspace.spans,
            table: &workspace.table,
            statistics: &mut workspace.statistics,
            chunk: loss::Chunk {
                logits: &mut workspace.logits,
                capped: &mut workspace.capped,
                blocks: &mut workspace.blocks,
            },
            scratch: &mut workspace.scratch,
            operands: &mut workspace.operands,
            experts: &mut workspace.experts,
            angles: &workspace.angles,
            ids: &workspace.ids,
            derived: &mut workspace.derived,
            edits: &mut workspace.edits,
            sequence_edits: &workspace.sequence_edits,
        }
    }

    /// Runs some steps. Only a pass with targets reaches its loss.
    pub(crate) fn run(&mut self, steps: Range<usize>, targets: Option<&Targets>) {
        let program = self.program;
        for at in steps {
            self.step(at, &program.steps[at], targets);
        }
    }

    /// Runs some steps, and hands the values at their sites to an observer.
    pub(crate) fn run_observed(&mut self, steps: Range<usize>, observer: &mut impl Observer) {
        let program = self.program;
        let end = steps.end;
        let mut probabilities = None;
        for at in steps {
            let step = &program.steps[at];
            if probabilities == Some(at) {
                continue;
            }
            if step.op.is_derived() {
                self.capture_derived(step, observer);
                continue;
            }
            self.step(at, step, None);
            // Probabilities are as large as logits, so they are captured first, and their buffer is
            // freed before an observer copies the logits.
            let next = &program.steps[at + 1..end.max(at + 1)];
            if let Some(next @ Step { op: Op::Probabilities, .. }) = next.first() {
                self.capture_derived(next, observer);
                *self.derived = Vec::new();
                probabilities = Some(at + 1);
            }
            self.capture(step, observer);
        }
    }

    /// Begins in the middle of the program, behind the step that makes the first of some values that are
    /// known, `[rows, width]` each: gives the step at which it goes on.
    pub(crate) fn start_behind(&mut self, known: &[(ValueId, &[f32])]) -> usize {
        let Some((first, _)) = known.first() else { return 0 };
        let behind = self.program.read_behind(*first);
        debug_assert!(
            behind.as_ref().is_some_and(|(_, reads)| reads
                .iter()
                .all(|it| known.iter().any(|of| of.0 == *it))),
            "a later step reads what was not computed"
        );
        for (value, rows) in known {
            self.write(*value, |_, x| x.copy_from_slice(rows));
        }
        behind.map_or(0, |(step, _)| step)
    }

    fn step(&mut self, at: usize, step: &Step, targets: Option<&Targets>) {
        let (inputs, outputs) = (&step.inputs[..], &step.outputs[..]);
        let (x, output) = (inputs[0], outputs[0]);
        match &step.op {
            Op::Embed(table) => self.embed(*table, x, output),
            Op::Norm(norm) => self.norm(at, norm, x, output),
            Op::Linear(layers) => self.linear(layers, x, outputs),
            Op::LinearAdd(layer) => {
                self.write(output, |pass, y| pass.product(x, layer, Some(inputs[1]), y));
            }
            Op::Scale(factor) => self.write(output, |pass, y| {
                scale::scale(pass.pool, *factor, pass.buffers.get(x), y);
            }),
            Op::Clamp(bound) => self.write(output, |pass, y| {
                scale::clamp(pass.pool, *bound, pass.buffers.get(x), y);
            }),
            Op::Rotate(rotary) => self.rotate(rotary, x, output),
            Op::Attend(attend) => {
                self.attend(attend, None, [x, inputs[1], inputs[2]], output, outputs[1])
            }
            Op::AttendEdited(attend, edits) => {
                let edits = Some(&edits[..]);
                self.attend(attend, edits, [x, inputs[1], inputs[2]], output, outputs[1])
            }
            Op::SplitHeads(projection) => self.split_heads(projection, x, output),
            Op::SumHeads(projection) => {
                self.sum_heads(projection, x, [inputs[1], inputs[2]], output);
            }
            Op::Activate(activation) => {
                self.write(output, |pass, y| {
                    pass.activate(*activation, x, inputs.get(1).copied(), y)
                });
            }
            Op::Add => self.write(output, |pass, sum| {
                add::add(pass.pool, pass.buffers.get(x), pass.buffers.get(inputs[1]), sum);
            }),
            Op::Route(routing) => self.route(*routing, x, outputs),
            Op::Experts(linears) => self.experts(linears, x, inputs[1], outputs),
            Op::Combine => self.combine(x, inputs[1], output),
            Op::Select => self.select(x, output),
            Op::Logits(head) => self.write(output, |pass, y| {
                pass.product(x, &head.linear, None, y);
                products::bound_logits(pass.pool, head, y);
            }),
            Op::Loss(head) => {
                let targets = targets.expect("a pass with a loss has targets");
                self.losses(head, x, output, targets);
            }
            Op::Edit(edit) => self.edit(edit, x, output),
            Op::SequenceEdits(place) => self.edit_sequences(*place, x, output),
            // Made where they are shown.
            Op::Scores(..) | Op::Pattern(..) | Op::Results(_) | Op::Probabilities => {}
        }
    }

    /// Makes a value with `write`, which may read those that stand.
    fn write(&mut self, output: ValueId, write: impl FnOnce(&mut Self, &mut [f32])) {
        let len = self.buffers.len(output);
        let mut buffer = self.buffers.take(output);
        write(self, &mut buffer[..len]);
        self.buffers.put(output, buffer);
    }

    /// Indices of the batch: its ids or its positions.
    pub(crate) fn indices(&self, value: ValueId) -> &[u32] {
        if value == Program::IDS { self.ids } else { &self.batch.positions }
    }

    fn embed(&mut self, table: WeightId, indices: ValueId, output: ValueId) {
        self.write(output, |pass, y| {
            let (table, width) = (pass.weights.table(table), pass.buffers.width(output));
            embed::gather(pass.pool, table, width, pass.indices(indices), y);
        });
    }

    fn norm(&mut self, at: usize, config: &Norm, x: ValueId, output: ValueId) {
        self.write(output, |pass, y| {
            let mut saved = std::mem::take(&mut pass.statistics[at]);
            let len = pass.buffers.rows(output) * statistics(pass.program, &pass.program.steps[at]);
            let statistics = (!saved.is_empty()).then(|| &mut saved[..len]);
            apply_norm(pass.weights, pass.pool, config, pass.buffers.get(x), y, statistics);
            pass.statistics[at] = saved;
        });
    }

    fn rotate(&mut self, rotary: &Rotary, x: ValueId, output: ValueId) {
        self.write(output, |pass, y| {
            let rotation = pass.rotation(rotary, pass.buffers.width(x), Direction::Forward);
            position::rotate(pass.pool, rotation, pass.buffers.get(x), y);
        });
    }

    /// How rows of heads, `width` numbers a row, are rotated.
    pub(crate) fn rotation(
        &self,
        rotary: &Rotary,
        width: usize,
        direction: Direction,
    ) -> Rotation<'_> {
        Rotation {
            heads: width / rotary.head_dim,
            head_dim: rotary.head_dim,
            rotary_dim: rotary.rotary_dim,
            table: self.angles.get(rotary),
            positions: &self.batch.positions,
            direction,
        }
    }

    fn activate(
        &self,
        activation: Activation,
        pre: ValueId,
        linear: Option<ValueId>,
        post: &mut [f32],
    ) {
        let linear = linear.map(|x| self.buffers.get(x));
        activate::forward(self.pool, activation, self.buffers.get(pre), linear, post);
    }

    fn select(&mut self, x: ValueId, output: ValueId) {
        self.write(output, |pass, y| {
            let (width, rows) = (pass.buffers.width(x), pass.buffers.get(x));
            for (out, &row) in y.chunks_exact_mut(width).zip(&pass.batch.logit_rows) {
                out.copy_from_slice(&rows[row * width..(row + 1) * width]);
            }
        });
    }

    /// Computes a step's result a second time, of what it was made of.
    pub(crate) fn recompute(&mut self, step: &Step) {
        self.write(step.outputs[0], |pass, y| match (&step.op, &step.inputs[..]) {
            (Op::Norm(norm), &[x]) => {
                apply_norm(pass.weights, pass.pool, norm, pass.buffers.get(x), y, None);
            }
            (Op::Activate(activation), &[pre, ref linear @ ..]) => {
                pass.activate(*activation, pre, linear.first().copied(), y);
            }
            (op, _) => unreachable!("{op:?} is not computed again"),
        });
    }
}

/// A norm of rows or of their heads; `statistics` are those of the kernel, for each.
pub(crate) fn apply_norm(
    weights: &Weights,
    pool: &ThreadPool,
    config: &Norm,
    x: &[f32],
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    let params = norm_params(weights, config);
    match config.kind {
        NormKind::Layer => norms::layer(pool, params, x, y, statistics),
        NormKind::Rms => norms::rms(pool, params, x, y, statistics),
    }
}

/// A norm's weights and epsilon as the kernels take them.
pub(crate) fn norm_params<'w>(weights: &'w Weights, config: &Norm) -> NormParams<'w> {
    NormParams {
        width: config.width,
        weight: weights.rows(config.weight),
        bias: config.bias.map(|bias| weights.rows(bias)),
        epsilon: config.epsilon,
    }
}
