//! A program with every buffer of its passes, allocated once: the slots of the layout, and scratch for the
//! kernels.

use lookback_files::{Refusal, Result};
use lookback_kernels::{
    aligned_buffer::AlignedBuffer, attend, matmul, sums, thread_pool::ThreadPool,
};
use lookback_model::{BoundEdits, Edits, Network, Op, Program, SequenceId, Site, Step, WeightId};

use crate::{
    attention::{heads, layer_len_of_program},
    attention_edits::EditBuffers,
    backward_plan::BackwardPlan,
    buffers::Content,
    experts::{ExpertBuffers, ExpertLens},
    layout::{Bounds, Layout, MIN_RECOMPUTED},
    operations::{LOSS_ROWS, chunk_rows, statistics, traits},
    packed::Compute,
    packing::{Packing, PackingNeed},
    products::{Operands, RoundedRows},
    rotary::RotaryTables,
    shape::{BackwardShape, Plan, Shape},
};

/// The program of a pass and its buffers.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) program: Program,
    pub(crate) bounds: Bounds,
    pub(crate) backward_plan: Option<BackwardPlan>,
    pub(crate) layout: Layout,
    pub(crate) slots: Vec<AlignedBuffer>,
    pub(crate) contents: Vec<Content>,
    /// For each step, the statistics of its norm.
    pub(crate) statistics: Vec<AlignedBuffer>,
    /// A chunk's logits.
    pub(crate) logits: AlignedBuffer,
    /// A chunk's logits under their cap, which its gradient needs.
    pub(crate) capped: AlignedBuffer,
    pub(crate) blocks: Vec<f64>,
    pub(crate) scratch: AlignedBuffer,
    pub(crate) operands: Operands,
    pub(crate) experts: ExpertBuffers,
    /// `[positions, rotary_dim / 2, 2]`
    pub(crate) angles: RotaryTables,
    pub(crate) ids: Vec<u32>,
    pub(crate) spans: Vec<attend::SequenceSpan>,
    pub(crate) table: Vec<u32>,
    /// One layer's keys and values, for passes that keep none.
    pub(crate) pages: AlignedBuffer,
    /// Derived values, while they are observed: scores, pattern, probabilities.
    pub(crate) derived: Vec<f32>,
    pub(crate) edits: EditBuffers,
    /// Of the sequences that have some, for programs with places for them.
    pub(crate) sequence_edits: Vec<(SequenceId, BoundEdits)>,
    sequences: Option<usize>,
    need: PackingNeed,
}

impl Workspace {
    /// Takes the buffers for passes up to `shape`, over positions below `positions`.
    pub fn new(network: &Network, shape: Shape, positions: usize, threads: usize) -> Self {
        Self::with_recomputation(network, shape, positions, threads, MIN_RECOMPUTED)
    }

    /// As [`Workspace::new`], for passes with edits.
    ///
    /// # Errors
    /// When the network does not have the variant, or an edit does not fit the pass.
    pub fn with_edits(
        network: &Network,
        shape: Shape,
        edits: &Edits,
        positions: usize,
        threads: usize,
    ) -> Result<Self> {
        let plan = shape.plan(shape.edited_program(network, edits)?);
        Ok(Self::from_plan(network, plan, positions, threads, MIN_RECOMPUTED))
    }

    /// The same; what costs little and has at least `recomputed` elements is recomputed
    /// in the backward pass.
    pub fn with_recomputation(
        network: &Network,
        shape: Shape,
        positions: usize,
        threads: usize,
        recomputed: usize,
    ) -> Self {
        Self::from_plan(network, shape.plan(shape.program(network)), positions, threads, recomputed)
    }

    /// For passes of another program than the network's own, such as one with edits: of at most `rows`
    /// rows, with every site that `is_visible` apart, and with the derived ones among them.
    pub fn for_program(
        network: &Network,
        program: Program,
        rows: usize,
        is_visible: impl Fn(Site) -> bool,
        positions: usize,
        threads: usize,
    ) -> Self {
        Self::for_logit_rows(network, program, [rows; 2], is_visible, positions, threads)
    }

    /// The same, of passes with the logits of at most so many of the rows.
    pub fn for_logit_rows(
        network: &Network,
        program: Program,
        bounds: [usize; 2],
        is_visible: impl Fn(Site) -> bool,
        positions: usize,
        threads: usize,
    ) -> Self {
        let plan = Plan::of_program(program, bounds, is_visible);
        Self::from_plan(network, plan, positions, threads, MIN_RECOMPUTED)
    }

    /// For a backward pass from the value at a site, or from the losses where none is named, to
    /// the trainable weights and to the sites whose gradients are computed. None if the program does not have the
    /// site, or has places for edits of single sequences.
    pub fn for_backward(
        network: &Network,
        program: (Program, Option<Site>),
        shape: BackwardShape,
        is_trainable: impl Fn(WeightId) -> bool,
        wants: impl Fn(Site) -> bool,
        positions: usize,
        threads: usize,
    ) -> Option<Self> {
        let plan = shape.plan(network, program, is_trainable, wants)?;
        Some(Self::from_plan(network, plan, positions, threads, MIN_RECOMPUTED))
    }

    fn from_plan(
        network: &Network,
        plan: Plan,
        positions: usize,
        threads: usize,
        recomputed: usize,
    ) -> Self {
        let sizes = Sizes::new(network, &plan, Compute::F32, threads, recomputed);
        let floats = AlignedBuffer::zeros;
        let Bounds { rows, logit_rows } = plan.bounds;
        tracing::debug!(
            rows,
            logit_rows,
            positions,
            operations = plan.program.steps.len(),
            buffers = sizes.layout.slots.len(),
            bytes = sizes.bytes(network, plan.bounds, positions),
            "memory of a pass planned"
        );
        Self {
            slots: sizes.layout.slots.iter().map(|&len| floats(len)).collect(),
            contents: vec![Content::Nothing; sizes.layout.slots.len()],
            statistics: sizes.statistics.iter().map(|&len| floats(len)).collect(),
            logits: floats(sizes.logits),
            capped: floats(sizes.capped),
            blocks: vec![0.0; sums::blocks_len(rows)],
            scratch: floats(sizes.scratch),
            operands: Operands::default(),
            experts: ExpertBuffers::new(sizes.experts),
            angles: RotaryTables::new(network, positions),
            ids: Vec::with_capacity(rows),
            spans: Vec::with_capacity(rows),
            table: Vec::with_capacity(table_len(plan.bounds, positions)),
            pages: floats(sizes.pages),
            derived: Vec::new(),
            edits: EditBuffers::new(&plan.program, positions, threads),
            sequence_edits: Vec::with_capacity(rows),
            layout: sizes.layout,
            need: plan.need(),
            program: plan.program,
            bounds: plan.bounds,
            backward_plan: plan.backward_plan,
            sequences: plan.sequences,
        }
    }

    /// From the next pass on a sequence has these edits, of a program with places for them
    /// ([`SequencePrograms`](lookback_model::SequencePrograms)), in place of those that it had. What a cache holds of
    /// it is not changed: give them before it is read.
    pub fn set_edits(&mut self, sequence: SequenceId, edits: Option<BoundEdits>) {
        self.sequence_edits.retain(|(own, _)| *own != sequence);
        self.sequence_edits.extend(edits.map(|edits| (sequence, edits)));
    }

    /// With the buffers that products of this precision need besides; a pass takes them otherwise.
    pub fn with_precision(mut self, network: &Network, compute: Compute) -> Self {
        let has_backward = self.need.backward;
        if compute == Compute::Bf16 {
            let pairs = RoundedRows::len(&self.program, self.bounds.rows, has_backward);
            self.operands.rounded.reserve(pairs);
            self.pages = AlignedBuffer::zeros(pages_len(
                &self.program,
                self.bounds.rows,
                self.sequences,
                compute,
            ));
        }
        self.operands.packing.reserve(network, compute, self.need);
        self
    }

    /// The sites whose values a pass reads that begins behind the one of a site, which comes first.
    ///
    /// # Errors
    /// When the program does not have the site, or reads a value that no site names.
    pub fn sites_read_behind(&self, site: Site) -> Result<Vec<Site>> {
        let program = &self.program;
        let refused = || Refusal::ours(format!("a pass cannot begin behind {site}"));
        let start = program.at(site).ok_or_else(refused)?;
        let (_, reads) = program.read_behind(start).ok_or_else(refused)?;
        let others = reads.into_iter().filter(|read| *read != start);
        let others = others.map(|read| program.sites_of(read).next().ok_or_else(refused));
        [Ok(site)].into_iter().chain(others).collect()
    }

    /// Touches all of it, so that the first pass takes no longer than the others.
    pub fn touched(mut self, pool: &ThreadPool) -> Self {
        let buffers = self.slots.iter_mut().chain(&mut self.statistics);
        let (logits, capped) = (&mut self.logits, &mut self.capped);
        let others = [logits, capped, &mut self.scratch, &mut self.pages];
        buffers.chain(others).for_each(|buffer| buffer.prefault(pool));
        self.operands.prefault(pool);
        self.experts.prefault(pool);
        self
    }

    /// Bytes that [`Workspace::new`] and [`Workspace::with_precision`] would take.
    pub fn bytes(
        network: &Network,
        shape: Shape,
        compute: Compute,
        positions: usize,
        threads: usize,
    ) -> usize {
        let plan = shape.plan(shape.program(network));
        plan_bytes(network, &plan, compute, positions, threads)
    }

    /// Bytes that [`Workspace::with_edits`] and [`Workspace::with_precision`] would take.
    ///
    /// # Errors
    /// As [`Workspace::with_edits`].
    pub fn edited_bytes(
        network: &Network,
        shape: Shape,
        edits: &Edits,
        compute: Compute,
        positions: usize,
        threads: usize,
    ) -> Result<usize> {
        let plan = shape.plan(shape.edited_program(network, edits)?);
        Ok(plan_bytes(network, &plan, compute, positions, threads))
    }

    /// Bytes that [`Workspace::for_logit_rows`] and [`Workspace::with_precision`] would take.
    pub fn program_bytes(
        network: &Network,
        program: Program,
        bounds: [usize; 2],
        is_visible: impl Fn(Site) -> bool,
        compute: Compute,
        positions: usize,
        threads: usize,
    ) -> usize {
        let plan = Plan::of_program(program, bounds, is_visible);
        plan_bytes(network, &plan, compute, positions, threads)
    }

    /// Bytes that [`Workspace::for_backward`] to no weight and [`Workspace::with_precision`] would take.
    pub fn backward_bytes(
        network: &Network,
        program: (Program, Option<Site>),
        shape: BackwardShape,
        wants: impl Fn(Site) -> bool,
        compute: Compute,
        positions: usize,
        threads: usize,
    ) -> usize {
        let plan = shape.plan(network, program, |_| false, wants);
        plan.map_or(0, |plan| plan_bytes(network, &plan, compute, positions, threads))
    }
}

/// Bytes of a workspace with its precision.
fn plan_bytes(
    network: &Network,
    plan: &Plan,
    compute: Compute,
    positions: usize,
    threads: usize,
) -> usize {
    let sizes = Sizes::new(network, plan, compute, threads, MIN_RECOMPUTED);
    let need = plan.need();
    let rounded = match compute {
        Compute::F32 => 0,
        Compute::Bf16 => {
            RoundedRows::bytes(RoundedRows::len(&plan.program, plan.bounds.rows, need.backward))
        }
    };
    let packing = Packing::bytes(network, compute, need);
    let edits = EditBuffers::bytes(&plan.program, plan.bounds.rows, positions, threads);
    sizes.bytes(network, plan.bounds, positions) + rounded + packing + edits
}

/// How many elements each buffer has.
struct Sizes {
    layout: Layout,
    statistics: Vec<usize>,
    logits: usize,
    capped: usize,
    scratch: usize,
    pages: usize,
    experts: ExpertLens,
}

impl Sizes {
    fn new(
        network: &Network,
        plan: &Plan,
        compute: Compute,
        threads: usize,
        recomputed: usize,
    ) -> Self {
        let Plan { program, bounds, sequences, backward_plan, .. } = plan;
        let layout = Layout::new(program, *bounds, backward_plan.as_ref(), recomputed);
        let visits = |at: usize| {
            backward_plan.as_ref().is_some_and(|backward_plan| backward_plan.visits(at))
        };
        let statistics = program.steps.iter().enumerate().map(|(at, step)| {
            let rows = bounds.of(program.value(step.outputs[0]).rows);
            if visits(at) { rows * statistics(program, step) } else { 0 }
        });
        let statistics = statistics.collect();
        let has_loss = program.steps.iter().any(|step| matches!(step.op, Op::Loss(_)));
        let losses = if has_loss { bounds.rows } else { 0 };
        let logits = losses.min(LOSS_ROWS) * network.config.vocabulary;
        let capped = if backward_plan.is_some() && network.head.cap.is_some() { logits } else { 0 };
        let scratch =
            if backward_plan.is_some() { scratch(program, bounds.rows, threads) } else { 0 };
        let pages = pages_len(program, bounds.rows, *sequences, compute);
        let experts = ExpertLens::new(program, bounds.rows, backward_plan.is_some());
        Self { layout, statistics, logits, capped, scratch, pages, experts }
    }

    /// Bytes of all of them.
    fn bytes(&self, network: &Network, bounds: Bounds, positions: usize) -> usize {
        let angles = RotaryTables::elements(network, positions);
        let floats = self.layout.elements()
            + self.statistics.iter().sum::<usize>()
            + self.logits
            + self.capped
            + self.scratch
            + self.pages
            + table_len(bounds, positions)
            + angles;
        4 * floats + self.experts.bytes()
    }
}

/// Pages that a batch lists at most: every row may be another sequence's last.
fn table_len(bounds: Bounds, positions: usize) -> usize {
    bounds.rows * positions.div_ceil(attend::PAGE)
}

/// Words of the pages of a pass that keeps none.
fn pages_len(program: &Program, rows: usize, sequences: Option<usize>, compute: Compute) -> usize {
    let pages = sequences.map_or(0, |sequences| rows.div_ceil(attend::PAGE) + sequences);
    pages * layer_len_of_program(program, compute)
}

/// The scratch of the backward kernel of a program that needs most.
fn scratch(program: &Program, rows: usize, threads: usize) -> usize {
    let elements = |step: &Step| match &step.op {
        Op::Attend(config) | Op::AttendEdited(config, _) => [Compute::F32, Compute::Bf16]
            .map(|compute| attend::backward_scratch(&heads(config, compute), rows, threads))
            .into_iter()
            .fold(0, usize::max),
        Op::Norm(config) => config.weights(),
        op => {
            let rows = chunk_rows(op, rows);
            let layers = traits(step).linear_layers.iter().map(|layer| {
                matmul::weight_gradient_scratch(rows, layer.outputs, layer.inputs, threads)
            });
            layers.max().unwrap_or(0)
        }
    };
    program.steps.iter().map(elements).max().unwrap_or(0)
}
