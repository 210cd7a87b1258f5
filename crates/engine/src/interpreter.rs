//! Executes the steps of a program on the processor, in the buffers that the layout placed.

mod attention;
mod keys;
mod linear;
mod loss;
mod seen;

use std::ops::Range;

use lookback_files::Result;
use lookback_kernels::{
    activate, add, aligned_buffer::AlignedBuffer, attend::SequenceSpan, cap, embed, norm as norms,
    position, thread_pool::ThreadPool,
};
use lookback_model::{
    Activation, Batch, Change, Edit, Norm, NormKind, Op, Program, RowKind, Step, Targets, ValueId,
    WeightId,
};

use self::keys::Keys;
use crate::{
    buffers::Buffers,
    cache::{Cache, Known},
    operations::statistics,
    products::Factors,
    weights::Weights,
    workspace::Workspace,
};

pub use seen::{View, Watch};

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
    pub(crate) factors: &'a mut Factors,
    pub(crate) angles: &'a [f32],
    ids: &'a [u32],
    seen: &'a mut Vec<f32>,
}

impl<'a> Interpreter<'a> {
    /// A pass over a batch whose keys and values go into a cache, of which it says what that holds.
    pub(crate) fn cached(
        weights: &'a Weights,
        space: &'a mut Workspace,
        (cache, known): (&'a mut Cache, Known),
        pool: &'a ThreadPool,
        batch: &'a Batch,
    ) -> Result<Self> {
        assert_eq!(cache.compute(), weights.compute(), "a cache of another precision");
        cache.admit(batch, known, &mut space.spans, &mut space.table)?;
        Ok(Self::over(weights, space, Some(cache), pool, batch))
    }

    /// A pass over whole sequences, which keeps no keys.
    pub(crate) fn uncached(
        weights: &'a Weights,
        space: &'a mut Workspace,
        pool: &'a ThreadPool,
        batch: &'a Batch,
    ) -> Self {
        space.spans.clear();
        space.table.clear();
        for segment in &batch.segments {
            let first_page = space.table.len();
            let pages = Cache::pages(segment.rows.len());
            space.table.extend((first_page..first_page + pages).map(|page| page as u32));
            space.spans.push(SequenceSpan {
                first_row: segment.rows.start,
                rows: segment.rows.len(),
                first_position: 0,
                first_page,
            });
        }
        Self::over(weights, space, None, pool, batch)
    }

    fn over(
        weights: &'a Weights,
        space: &'a mut Workspace,
        cache: Option<&'a mut Cache>,
        pool: &'a ThreadPool,
        batch: &'a Batch,
    ) -> Self {
        space.factors.forget();
        space.ids.clear();
        space.ids.extend(batch.ids.iter().map(|id| id.0));
        let (slots, contents) = (&mut space.slots, &mut space.contents);
        Self {
            program: &space.program,
            weights,
            pool,
            batch,
            buffers: Buffers::new(slots, contents, &space.layout, &space.program, batch),
            keys: match cache {
                Some(cache) => Keys::Cache(cache),
                None => Keys::Scratch(&mut space.pages),
            },
            spans: &space.spans,
            table: &space.table,
            statistics: &mut space.statistics,
            chunk: loss::Chunk {
                logits: &mut space.logits,
                capped: &mut space.capped,
                blocks: &mut space.blocks,
            },
            scratch: &mut space.scratch,
            factors: &mut space.factors,
            angles: &space.angles,
            ids: &space.ids,
            seen: &mut space.seen,
        }
    }

    /// Runs some steps. Only a pass with targets reaches its loss.
    pub(crate) fn run(&mut self, steps: Range<usize>, targets: Option<&Targets>) {
        let program = self.program;
        for at in steps {
            self.step(at, &program.steps[at], targets);
        }
    }

    /// Runs some steps before a watcher's eyes.
    pub(crate) fn run_watched(&mut self, steps: Range<usize>, watch: &mut impl Watch) {
        let program = self.program;
        for at in steps {
            let step = &program.steps[at];
            if step.op.is_derived() {
                self.show_derived(step, watch);
            } else {
                self.step(at, step, None);
                self.show(step, watch);
            }
        }
    }

    /// Begins in the middle of the program, with a value that is known, `[rows, width]`: gives the step
    /// behind its maker's.
    pub(crate) fn begin_at(&mut self, known: ValueId, values: &[f32]) -> usize {
        debug_assert!(self.program.may_begin_at(known), "a later step reads what was not computed");
        self.write(known, |_, x| x.copy_from_slice(values));
        self.program.maker(known).map_or(0, |maker| maker + 1)
    }

    fn step(&mut self, at: usize, step: &Step, targets: Option<&Targets>) {
        let (reads, makes) = (&step.reads[..], &step.makes[..]);
        let (x, made) = (reads[0], makes[0]);
        match &step.op {
            Op::Embed(table) => self.embed(*table, x, made),
            Op::Norm(how) => self.norm(at, how, x, made),
            Op::Linear(layers) => self.linear(layers, x, makes),
            Op::LinearAdd(layer) => {
                self.write(made, |pass, y| pass.product(x, layer, Some(reads[1]), y));
            }
            Op::Rotate(how) => self.rotate(how, x, made),
            Op::Attend(how) => self.attend(how, [x, reads[1], reads[2]], made, makes[1]),
            Op::Activate(how) => {
                self.write(made, |pass, y| pass.activate(*how, x, reads.get(1).copied(), y));
            }
            Op::Add => self.write(made, |pass, sum| {
                add::add(pass.pool, pass.buffers.get(x), pass.buffers.get(reads[1]), sum);
            }),
            Op::Select => self.select(x, made),
            Op::Logits(head) => self.write(made, |pass, y| {
                pass.product(x, &head.linear, None, y);
                if let Some(most) = head.cap {
                    cap::forward(pass.pool, most, y);
                }
            }),
            Op::Loss(head) => {
                let targets = targets.expect("a pass with a loss has targets");
                self.losses(head, x, made, targets);
            }
            Op::Edit(edit) => self.edit(edit, x, made),
            // Made where they are shown.
            Op::Scores(_) | Op::Pattern(_) | Op::Probabilities => {}
        }
    }

    /// Makes a value with `write`, which may read those that stand.
    fn write(&mut self, made: ValueId, write: impl FnOnce(&mut Self, &mut [f32])) {
        let len = self.buffers.len(made);
        let mut buffer = self.buffers.take(made);
        write(self, &mut buffer[..len]);
        self.buffers.put(made, buffer);
    }

    /// Indices of the batch: its ids or its positions.
    pub(crate) fn indices(&self, of: ValueId) -> &[u32] {
        if of == Program::IDS { self.ids } else { &self.batch.positions }
    }

    fn embed(&mut self, table: WeightId, indices: ValueId, made: ValueId) {
        self.write(made, |pass, y| {
            let (table, width) = (pass.weights.table(table), pass.buffers.width(made));
            embed::gather(pass.pool, table, width, pass.indices(indices), y);
        });
    }

    fn norm(&mut self, at: usize, how: &Norm, x: ValueId, made: ValueId) {
        self.write(made, |pass, y| {
            let mut kept = std::mem::take(&mut pass.statistics[at]);
            let len = pass.buffers.rows(made) * statistics(pass.program, &pass.program.steps[at]);
            let statistics = (!kept.is_empty()).then(|| &mut kept[..len]);
            norm(pass.weights, pass.pool, how, pass.buffers.get(x), y, statistics);
            pass.statistics[at] = kept;
        });
    }

    fn rotate(&mut self, how: &lookback_model::Rotary, x: ValueId, made: ValueId) {
        self.write(made, |pass, y| {
            position::rotate(
                pass.pool,
                pass.buffers.get(x),
                pass.buffers.width(x) / how.head_dim,
                how.head_dim,
                how.rotary_dim,
                pass.angles,
                &pass.batch.positions,
                position::Direction::Forward,
                y,
            );
        });
    }

    fn activate(&self, how: Activation, pre: ValueId, linear: Option<ValueId>, post: &mut [f32]) {
        let linear = linear.map(|x| self.buffers.get(x));
        activate::forward(self.pool, how, self.buffers.get(pre), linear, post);
    }

    fn select(&mut self, x: ValueId, made: ValueId) {
        self.write(made, |pass, y| {
            let (width, rows) = (pass.buffers.width(x), pass.buffers.get(x));
            for (to, &row) in y.chunks_exact_mut(width).zip(&pass.batch.wanted) {
                to.copy_from_slice(&rows[row * width..(row + 1) * width]);
            }
        });
    }

    fn edit(&mut self, edit: &Edit, x: ValueId, made: ValueId) {
        self.write(made, |pass, y| {
            y.copy_from_slice(pass.buffers.get(x));
            pass.edit_rows(edit, made, y, |change, y, number| match change {
                Change::Set => *y = number,
                Change::Add => *y += number,
                Change::Scale => *y *= number,
            });
        });
    }

    /// Hands the chosen elements of rows, which are those of a value, to `each`.
    pub(crate) fn edit_rows(
        &self,
        edit: &Edit,
        value: ValueId,
        rows: &mut [f32],
        each: impl Fn(Change, &mut f32, f32),
    ) {
        let width = self.buffers.width(value);
        for (row, y) in rows.chunks_exact_mut(width).enumerate() {
            let row = match self.program.value(value).rows {
                RowKind::Wanted => self.batch.wanted[row],
                RowKind::Tokens | RowKind::Queries => row,
            };
            if let Some(numbers) = edit.row(self.batch.positions[row]) {
                for (y, number) in y[edit.columns.clone()].iter_mut().zip(numbers) {
                    each(edit.change, y, number);
                }
            }
        }
    }

    /// Computes a step's result a second time, of what it was made of.
    pub(crate) fn recompute(&mut self, step: &Step) {
        self.write(step.makes[0], |pass, y| match (&step.op, &step.reads[..]) {
            (Op::Norm(how), &[x]) => {
                norm(pass.weights, pass.pool, how, pass.buffers.get(x), y, None);
            }
            (Op::Activate(how), &[pre, ref linear @ ..]) => {
                pass.activate(*how, pre, linear.first().copied(), y);
            }
            (op, _) => unreachable!("{op:?} is not computed again"),
        });
    }
}

/// A norm of rows or of their heads; `statistics` are those of the kernel, for each.
pub(crate) fn norm(
    weights: &Weights,
    pool: &ThreadPool,
    how: &Norm,
    x: &[f32],
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    let weight = weights.rows(how.weight);
    let (width, epsilon) = (how.width, how.epsilon);
    match how.kind {
        NormKind::Layer => {
            let bias = how.bias.map(|bias| weights.rows(bias));
            norms::layer(pool, x, width, weight, bias, epsilon, y, statistics);
        }
        NormKind::Rms => norms::rms(pool, x, width, weight, epsilon, y, statistics),
    }
}
