//! The executor that computes, in buffers that the layout placed.

mod loss;
mod pages;
mod several;

use lookback_files::Result;
use lookback_kernels::{
    activate, add,
    attend::{self, Heads, Span},
    cap, embed,
    loss::Want,
    norm as norms, position,
    room::Room,
    team::Team,
};
use lookback_model::{
    Activation, Attend, Batch, Execute, Head, Index, Linear, Loss, Norm, NormKind, Rotary, Site,
    Targets, WeightId,
};

use crate::{
    buffers::Buffers,
    cache::Cache,
    packed::Compute,
    products::{self, Factors},
    tape::{Op, Rows, Step},
    weights::Weights,
    workspace::Workspace,
};

pub(crate) use pages::{Keys, PagesOf};

/// One forward pass over borrowed parts.
#[derive(Debug)]
pub struct Run<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) team: &'a Team,
    pub(crate) buffers: Buffers<'a>,
    pub(crate) keys: Keys<'a>,
    pub(crate) spans: &'a [Span],
    pub(crate) table: &'a [u32],
    pub(crate) asides: &'a mut [Room],
    pub(crate) logits: &'a mut [f32],
    pub(crate) capped: &'a mut [f32],
    pub(crate) losses: &'a mut [f32],
    pub(crate) blocks: &'a mut [f64],
    pub(crate) scratch: &'a mut [f32],
    pub(crate) factors: &'a mut Factors,
    angles: &'a [f32],
    indices: &'a mut Vec<u32>,
    selects: bool,
    next: usize,
}

impl<'a> Run<'a> {
    /// A pass over a batch whose keys and values go into a cache.
    pub fn cached(
        weights: &'a Weights,
        space: &'a mut Workspace,
        cache: &'a mut Cache,
        team: &'a Team,
        batch: &Batch,
    ) -> Result<Self> {
        assert_eq!(cache.compute(), weights.compute(), "a cache of another precision");
        cache.admit(batch, &mut space.spans, &mut space.table)?;
        Ok(Self::over(weights, space, Some(cache), team))
    }

    /// A pass over whole sequences, which keeps no keys.
    pub fn afresh(
        weights: &'a Weights,
        space: &'a mut Workspace,
        team: &'a Team,
        batch: &Batch,
    ) -> Self {
        space.spans.clear();
        space.table.clear();
        for segment in &batch.segments {
            let first_page = space.table.len();
            let pages = Cache::pages(segment.rows.len());
            space.table.extend((first_page..first_page + pages).map(|page| page as u32));
            space.spans.push(Span {
                first_row: segment.rows.start,
                rows: segment.rows.len(),
                first_position: 0,
                first_page,
            });
        }
        Self::over(weights, space, None, team)
    }

    fn over(
        weights: &'a Weights,
        space: &'a mut Workspace,
        cache: Option<&'a mut Cache>,
        team: &'a Team,
    ) -> Self {
        let selects = space.selects();
        space.factors.forget();
        Self {
            weights,
            team,
            buffers: Buffers::new(&mut space.slots, &mut space.holds, &space.layout),
            keys: match cache {
                Some(cache) => Keys::Cache(cache),
                None => Keys::Scratch(&mut space.pages),
            },
            spans: &space.spans,
            table: &space.table,
            asides: &mut space.asides,
            logits: &mut space.logits,
            capped: &mut space.capped,
            losses: &mut space.losses,
            blocks: &mut space.blocks,
            scratch: &mut space.scratch,
            factors: &mut space.factors,
            angles: &space.angles,
            indices: &mut space.indices,
            selects,
            next: 0,
        }
    }

    /// Makes the next step's result with `write`, which may read those that stand.
    fn make(
        &mut self,
        rows: usize,
        width: usize,
        write: impl FnOnce(&mut Self, &mut [f32]),
    ) -> Rows {
        let made = Rows { step: self.next, rows, width };
        self.next += 1;
        let mut buffer = self.buffers.take(made);
        write(self, &mut buffer[..made.len()]);
        self.buffers.put(made, buffer);
        made
    }

    /// Begins in the middle of the tape, with a result that is known.
    pub(crate) fn begin_at(&mut self, known: Rows, values: &[f32]) -> Rows {
        self.next = known.step;
        self.make(known.rows, known.width, |_, x| x.copy_from_slice(values))
    }

    /// A matrix product with what is added after it.
    fn product(&mut self, x: Rows, how: &Linear, residual: Option<Rows>, y: &mut [f32]) {
        let buffers = &self.buffers;
        let residual = residual.map(|to| buffers.get(to));
        let (entering, of) = (buffers.get(x), Some(x.step));
        products::forward(self.team, self.weights, how, entering, of, self.factors, residual, y);
    }

    fn activate(&self, pre: Rows, linear: Option<Rows>, how: Activation, post: &mut [f32]) {
        let linear = linear.map(|x| self.buffers.get(x));
        activate::forward(self.team, kind(how), self.buffers.get(pre), linear, post);
    }

    /// Makes a step's result a second time, of what it was made of.
    pub(crate) fn make_again(&mut self, step: &Step) {
        let mut buffer = self.buffers.take(step.made);
        let y = &mut buffer[..step.made.len()];
        match step.op {
            Op::Norm(how, x) => norm(self.weights, self.team, &how, self.buffers.get(x), y, None),
            Op::Gate(how, pre, linear) => self.activate(pre, linear, how, y),
            _ => unreachable!("only what costs little is made again"),
        }
        self.buffers.put(step.made, buffer);
    }

    /// A result that stands: the logits, after a pass. `[rows, width]`
    pub fn read(&self, x: Rows) -> &[f32] {
        self.buffers.get(x)
    }

    /// The ids that were embedded.
    pub(crate) fn ids(&self) -> &[u32] {
        self.indices
    }

    /// Cosines and sines of all positions.
    pub(crate) fn angles(&self) -> &[f32] {
        self.angles
    }
}

impl Execute for Run<'_> {
    type Rows = Rows;

    fn embed(&mut self, table: WeightId, width: usize, by: Index, batch: &Batch) -> Rows {
        self.make(batch.rows(), width, |run, y| {
            let table = run.weights.table(table);
            match by {
                Index::Ids => {
                    run.indices.clear();
                    run.indices.extend(batch.ids.iter().map(|id| id.0));
                    embed::gather(run.team, table, width, run.indices, y);
                }
                Index::Positions => embed::gather(run.team, table, width, &batch.positions, y),
            }
        })
    }

    fn norm(&mut self, x: Rows, how: &Norm) -> Rows {
        let step = self.next;
        self.make(x.rows, x.width, |run, y| {
            let mut aside = std::mem::take(&mut run.asides[step]);
            let statistics = (!aside.is_empty()).then_some(&mut aside);
            let normed = x.len() / how.width;
            let statistics = statistics.map(|to| &mut to[..normed * statistics_of(how)]);
            norm(run.weights, run.team, how, run.buffers.get(x), y, statistics);
            run.asides[step] = aside;
        })
    }

    fn linear(&mut self, x: Rows, how: &Linear) -> Rows {
        self.make(x.rows, how.outputs, |run, y| run.product(x, how, None, y))
    }

    fn linears<const N: usize>(&mut self, x: Rows, how: [&Linear; N]) -> [Rows; N] {
        self.several(x, how)
    }

    fn rotate(&mut self, x: Rows, how: &Rotary, batch: &Batch) -> Rows {
        self.make(x.rows, x.width, |run, y| {
            position::rotate(
                run.team,
                run.buffers.get(x),
                x.width / how.head_dim,
                how.head_dim,
                how.rotary_dim,
                run.angles,
                &batch.positions,
                position::Direction::Forward,
                y,
            );
        })
    }

    fn attend(&mut self, [q, k, v]: [Rows; 3], how: &Attend, _: &Batch) -> Rows {
        let step = self.next;
        self.make(q.rows, q.width, |run, z| {
            let (heads, place) = (run.heads(how), run.pages(how));
            let [q, k, v] = [q, k, v].map(|x| run.buffers.get(x));
            let storage = match &mut run.keys {
                Keys::Cache(cache) => cache.storage_mut(),
                Keys::Scratch(pages) => pages,
            };
            let pages = place.over_mut(storage, run.table);
            attend::store(run.team, &heads, k, v, run.spans, pages);
            let pages = place.over(storage, run.table);
            let aside = &mut run.asides[step];
            let rows = q.len() / (how.heads * how.head_dim);
            let log_sum_exp = (!aside.is_empty()).then(|| &mut aside[..rows * how.heads]);
            attend::forward(run.team, &heads, q, run.spans, pages, z, log_sum_exp);
        })
    }

    fn gate(&mut self, pre: Rows, linear: Option<Rows>, how: Activation) -> Rows {
        self.make(pre.rows, pre.width, |run, post| run.activate(pre, linear, how, post))
    }

    fn add(&mut self, x: Rows, y: Rows) -> Rows {
        self.make(x.rows, x.width, |run, out| {
            add::add(run.team, run.buffers.get(x), run.buffers.get(y), out);
        })
    }

    fn select(&mut self, x: Rows, batch: &Batch) -> Rows {
        if !self.selects {
            return x;
        }
        self.make(batch.wanted.len(), x.width, |run, y| {
            let x_rows = run.buffers.get(x);
            for (to, &row) in y.chunks_exact_mut(x.width).zip(&batch.wanted) {
                to.copy_from_slice(&x_rows[row * x.width..(row + 1) * x.width]);
            }
        })
    }

    fn logits(&mut self, x: Rows, how: &Head) -> Rows {
        self.make(x.rows, how.linear.outputs, |run, y| {
            run.product(x, &how.linear, None, y);
            if let Some(most) = how.cap {
                cap::forward(run.team, most, y);
            }
        })
    }

    fn loss(&mut self, x: Rows, how: &Head, targets: &Targets) -> Loss {
        self.loss_in_chunks(x, how, targets, Want::Loss, |_, _, _| {})
    }

    fn linear_add(&mut self, x: Rows, how: &Linear, to: Rows, _: Site) -> Rows {
        self.make(x.rows, how.outputs, |run, y| run.product(x, how, Some(to), y))
    }
}

/// A norm of rows or of their heads; `statistics` are those of the kernel, for each.
pub(crate) fn norm(
    weights: &Weights,
    team: &Team,
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
            norms::layer(team, x, width, weight, bias, epsilon, y, statistics);
        }
        NormKind::Rms => norms::rms(team, x, width, weight, epsilon, y, statistics),
    }
}

/// Statistics that a norm keeps of what it brings to a scale together.
pub(crate) fn statistics_of(how: &Norm) -> usize {
    match how.kind {
        NormKind::Layer => 2,
        NormKind::Rms => 1,
    }
}

/// An attention's shape as the kernels have it.
pub(crate) fn heads(how: &Attend, compute: Compute) -> Heads {
    Heads {
        heads: how.heads,
        key_heads: how.key_heads,
        head_dim: how.head_dim,
        scale: how.scale,
        window: how.window,
        products: compute.into(),
    }
}

/// An activation as the kernels have it.
pub(crate) fn kind(how: Activation) -> activate::Activation {
    match how {
        Activation::Silu => activate::Activation::Silu,
        Activation::Gelu => activate::Activation::Gelu,
        Activation::GeluTanh => activate::Activation::GeluTanh,
        Activation::Relu2 => activate::Activation::Relu2,
        Activation::Relu => activate::Activation::Relu,
    }
}
