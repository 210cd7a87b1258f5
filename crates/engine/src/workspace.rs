//! A program with every buffer of its passes, taken once: slots as the layout says, and scratch for the
//! kernels.

use lookback_kernels::{
    aligned_buffer::AlignedBuffer, attend, matmul, position, sums, thread_pool::ThreadPool,
};
use lookback_model::{Network, Op, Positions, Program, Site, Step, WeightId, forward};

use crate::{
    attention::{heads, layer_len},
    buffers::Content,
    fuse::fuse,
    layout::{Bounds, Layout, RECOMPUTED},
    operations::{LOSS_ROWS, rows_at_once, statistics, traits},
    packed::Compute,
    packing::{Need, Packing},
    products::{Factors, Rounded},
    walk::Walk,
};

/// The largest pass that a workspace is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Logits of at most `wanted` of `rows` rows.
    Run {
        /// Rows of a pass.
        rows: usize,
        /// Rows whose logits are wanted; if as many as `rows`, then always all.
        wanted: usize,
    },
    /// The logits of all rows, with every site apart.
    Look {
        /// Rows of a pass.
        rows: usize,
    },
    /// The loss of all rows, forward only.
    Evaluate {
        /// Rows of a pass.
        rows: usize,
        /// Sequences of a pass at most.
        sequences: usize,
    },
    /// The loss of all rows and its gradients.
    Learn {
        /// Rows of a pass.
        rows: usize,
        /// Sequences of a pass at most.
        sequences: usize,
    },
}

impl Shape {
    /// Rows of a pass.
    pub fn rows(self) -> usize {
        match self {
            Self::Run { rows, .. }
            | Self::Look { rows }
            | Self::Evaluate { rows, .. }
            | Self::Learn { rows, .. } => rows,
        }
    }

    fn plan(self, network: &Network) -> Plan {
        let rows = self.rows();
        let bounds = Bounds { rows, wanted: rows };
        let program = |program| fuse(program, |_| false);
        let losses = || program(forward::loss(network));
        let plan =
            |program, bounds| Plan { program, bounds, sequences: None, learns: false, walk: None };
        match self {
            Self::Run { wanted, .. } => {
                let which = if wanted < rows { forward::Rows::Wanted } else { forward::Rows::All };
                plan(program(forward::logits(network, which)), Bounds { rows, wanted })
            }
            Self::Look { .. } => {
                let mut whole = forward::logits(network, forward::Rows::All);
                whole.derive(|_| true);
                plan(whole, bounds)
            }
            Self::Evaluate { sequences, .. } => {
                Plan { sequences: Some(sequences), learns: true, ..plan(losses(), bounds) }
            }
            Self::Learn { sequences, .. } => {
                let program = losses();
                let start = program.steps.last().map(|step| step.makes[0]);
                let walk = start.map(|start| Walk::new(&program, start, |_| true, |_| false));
                Plan { sequences: Some(sequences), learns: true, walk, ..plan(program, bounds) }
            }
        }
    }
}

/// What a workspace is laid out for.
struct Plan {
    program: Program,
    bounds: Bounds,
    /// Sequences of a pass at most, if it keeps no keys.
    sequences: Option<usize>,
    /// Whether its weights are those that learn, of which panels are made in the pass.
    learns: bool,
    walk: Option<Walk>,
}

impl Plan {
    fn need(&self) -> Need {
        Need { forward: self.learns, back: self.walk.is_some() }
    }
}

/// The program of a pass and its buffers.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) program: Program,
    pub(crate) bounds: Bounds,
    pub(crate) walk: Option<Walk>,
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
    pub(crate) factors: Factors,
    /// `[positions, rotary_dim / 2, 2]`
    pub(crate) angles: Vec<f32>,
    pub(crate) ids: Vec<u32>,
    pub(crate) spans: Vec<attend::SequenceSpan>,
    pub(crate) table: Vec<u32>,
    /// One layer's keys and values, for passes that keep none.
    pub(crate) pages: AlignedBuffer,
    /// What is only there to be read.
    pub(crate) seen: Vec<f32>,
    sequences: Option<usize>,
    need: Need,
}

impl Workspace {
    /// Takes the buffers for passes up to `shape`, over positions below `positions`.
    pub fn new(network: &Network, shape: Shape, positions: usize, threads: usize) -> Self {
        Self::recomputing(network, shape, positions, threads, RECOMPUTED)
    }

    /// The same; what costs little and has at least `recomputed` elements is computed again on the way
    /// back.
    pub fn recomputing(
        network: &Network,
        shape: Shape,
        positions: usize,
        threads: usize,
        recomputed: usize,
    ) -> Self {
        Self::planned(network, shape.plan(network), positions, threads, recomputed)
    }

    /// For passes of another program than the network's own, such as one with edits: of at most `rows`
    /// rows, with every site that `is_visible` apart, and with the derived ones among them.
    pub fn of_program(
        network: &Network,
        mut program: Program,
        rows: usize,
        is_visible: impl Fn(Site) -> bool,
        positions: usize,
        threads: usize,
    ) -> Self {
        program.derive(&is_visible);
        let program = fuse(program, is_visible);
        let bounds = Bounds { rows, wanted: rows };
        let plan = Plan { program, bounds, sequences: None, learns: false, walk: None };
        Self::planned(network, plan, positions, threads, RECOMPUTED)
    }

    /// For a walk back from the value at a site, or from the losses where none is named, to the weights
    /// that learn and to the sites whose gradients are wanted. Passes have at most `rows` rows of
    /// `sequences` whole sequences. None if the program does not have the site.
    pub fn walking_back(
        network: &Network,
        (mut program, from): (Program, Option<Site>),
        [rows, sequences]: [usize; 2],
        learns: impl Fn(WeightId) -> bool,
        wants: impl Fn(Site) -> bool,
        positions: usize,
        threads: usize,
    ) -> Option<Self> {
        let start = match from {
            Some(site) => program.at(site)?,
            None => *program.steps.last()?.makes.first()?,
        };
        // What lies behind the start is not computed.
        program.steps.truncate(program.maker(start)? + 1);
        let program = fuse(program, |site| Some(site) == from || wants(site));
        let walk = Walk::new(&program, start, &learns, |value| program.names(value).any(&wants));
        let bounds = Bounds { rows, wanted: rows };
        let sequences = Some(sequences);
        let learns = network.ids().any(learns);
        let plan = Plan { program, bounds, sequences, learns, walk: Some(walk) };
        Some(Self::planned(network, plan, positions, threads, RECOMPUTED))
    }

    fn planned(
        network: &Network,
        plan: Plan,
        positions: usize,
        threads: usize,
        recomputed: usize,
    ) -> Self {
        let sizes = Sizes::new(network, &plan, Compute::F32, threads, recomputed);
        let floats = AlignedBuffer::zeros;
        let Bounds { rows, wanted } = plan.bounds;
        tracing::debug!(
            rows,
            wanted,
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
            factors: Factors::default(),
            angles: angles(network, positions),
            ids: Vec::with_capacity(rows),
            spans: Vec::with_capacity(rows),
            table: Vec::with_capacity(table_len(plan.bounds, positions)),
            pages: floats(sizes.pages),
            seen: Vec::new(),
            layout: sizes.layout,
            need: plan.need(),
            program: plan.program,
            bounds: plan.bounds,
            walk: plan.walk,
            sequences: plan.sequences,
        }
    }

    /// With the buffers that products of this precision need besides; a pass takes them otherwise.
    pub fn computing(mut self, network: &Network, compute: Compute) -> Self {
        let goes_back = self.need.back;
        if compute == Compute::Bf16 {
            let pairs = Rounded::len(&self.program, self.bounds.rows, goes_back);
            self.factors.rounded.reserve(pairs);
            self.pages =
                AlignedBuffer::zeros(pages_len(network, self.bounds.rows, self.sequences, compute));
        }
        self.factors.packing.reserve(network, compute, self.need);
        self
    }

    /// Touches all of it, so that the first pass takes no longer than the others.
    pub fn touched(mut self, pool: &ThreadPool) -> Self {
        let buffers = self.slots.iter_mut().chain(&mut self.statistics);
        let (logits, capped) = (&mut self.logits, &mut self.capped);
        let others = [logits, capped, &mut self.scratch, &mut self.pages];
        buffers.chain(others).for_each(|buffer| buffer.prefault(pool));
        self.factors.prefault(pool);
        self
    }

    /// Bytes that [`Workspace::new`] and [`Workspace::computing`] would take.
    pub fn bytes(
        network: &Network,
        shape: Shape,
        compute: Compute,
        positions: usize,
        threads: usize,
    ) -> usize {
        let plan = shape.plan(network);
        let sizes = Sizes::new(network, &plan, compute, threads, RECOMPUTED);
        let need = plan.need();
        let rounded = match compute {
            Compute::F32 => 0,
            Compute::Bf16 => {
                Rounded::bytes(Rounded::len(&plan.program, plan.bounds.rows, need.back))
            }
        };
        let packing = Packing::bytes(network, compute, need);
        sizes.bytes(network, plan.bounds, positions) + rounded + packing
    }
}

/// How many elements each buffer has.
struct Sizes {
    layout: Layout,
    statistics: Vec<usize>,
    logits: usize,
    capped: usize,
    scratch: usize,
    pages: usize,
}

impl Sizes {
    fn new(
        network: &Network,
        plan: &Plan,
        compute: Compute,
        threads: usize,
        recomputed: usize,
    ) -> Self {
        let Plan { program, bounds, sequences, walk, .. } = plan;
        let layout = Layout::new(program, *bounds, walk.as_ref(), recomputed);
        let visits = |at: usize| walk.as_ref().is_some_and(|walk| walk.visits(at));
        let statistics = program.steps.iter().enumerate().map(|(at, step)| {
            let rows = bounds.of(program.value(step.makes[0]).rows);
            if visits(at) { rows * statistics(program, step) } else { 0 }
        });
        let statistics = statistics.collect();
        let has_loss = program.steps.iter().any(|step| matches!(step.op, Op::Loss(_)));
        let losses = if has_loss { bounds.rows } else { 0 };
        let logits = losses.min(LOSS_ROWS) * network.config.vocabulary;
        let capped = if walk.is_some() && network.head.cap.is_some() { logits } else { 0 };
        let scratch = if walk.is_some() { scratch(program, bounds.rows, threads) } else { 0 };
        let pages = pages_len(network, bounds.rows, *sequences, compute);
        Self { layout, statistics, logits, capped, scratch, pages }
    }

    /// Bytes of all of them.
    fn bytes(&self, network: &Network, bounds: Bounds, positions: usize) -> usize {
        let angles = match network.config.positions {
            Positions::Rotary(how) => positions * how.rotary_dim,
            _ => 0,
        };
        let floats = self.layout.elements()
            + self.statistics.iter().sum::<usize>()
            + self.logits
            + self.capped
            + self.scratch
            + self.pages
            + table_len(bounds, positions)
            + angles;
        4 * floats
    }
}

/// Pages that a batch lists at most: every row may be another sequence's last.
fn table_len(bounds: Bounds, positions: usize) -> usize {
    bounds.rows * positions.div_ceil(attend::PAGE)
}

/// Words of the pages of a pass that keeps none.
fn pages_len(network: &Network, rows: usize, sequences: Option<usize>, compute: Compute) -> usize {
    let pages = sequences.map_or(0, |sequences| rows.div_ceil(attend::PAGE) + sequences);
    pages * layer_len(network, compute)
}

/// What the hungriest backward kernel of a program needs.
fn scratch(program: &Program, rows: usize, threads: usize) -> usize {
    let of = |step: &Step| match &step.op {
        Op::Attend(how) => [Compute::F32, Compute::Bf16]
            .map(|compute| attend::backward_scratch(&heads(how, compute), rows, threads))
            .into_iter()
            .fold(0, usize::max),
        Op::Norm(how) => how.width,
        op => {
            let rows = rows_at_once(op, rows);
            let layers = traits(step).linear_layers.iter().map(|layer| {
                matmul::weight_gradient_scratch(rows, layer.outputs, layer.inputs, threads)
            });
            layers.max().unwrap_or(0)
        }
    };
    program.steps.iter().map(of).max().unwrap_or(0)
}

/// The table by which passes turn pairs of numbers: of every position the cosines, then the sines,
/// `[positions, 2, rotary_dim / 2]`. Empty where the network does not rotate.
pub fn angles(network: &Network, positions: usize) -> Vec<f32> {
    let Positions::Rotary(how) = network.config.positions else {
        return Vec::new();
    };
    let mut table = vec![0.0; positions * how.rotary_dim];
    position::angles(how.rotary_dim, &frequencies(network), 0..positions, &mut table);
    table
}

/// Radians by which each pair turns from one position to the next, `[rotary_dim / 2]`. Empty where
/// the network does not rotate.
pub fn frequencies(network: &Network) -> Vec<f32> {
    let Positions::Rotary(how) = network.config.positions else {
        return Vec::new();
    };
    let mut frequencies = vec![0.0; how.rotary_dim / 2];
    position::frequencies(how.rotary_dim, how.theta, &mut frequencies);
    frequencies
}
