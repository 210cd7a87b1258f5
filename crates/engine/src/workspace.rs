//! Every buffer of a pass, taken once: slots as the layout says, and scratch for the kernels.

use lookback_kernels::{attend, matmul, position, room::Room, sums, team::Team};
use lookback_model::{Network, Positions};

use crate::{
    buffers::Holds,
    layout::{Direction, Layout, REMADE},
    packed::Compute,
    packing::Packing,
    plan::{Plan, Purpose},
    products::{Factors, Rounded},
    run::heads,
    tape::{Op, Tape},
};

/// Rows of logits that the loss holds at once.
pub(crate) const LOSS_ROWS: usize = 256;

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

    /// Whether its weights are those that learn, of which panels are made in the pass.
    fn packs(self) -> bool {
        matches!(self, Self::Evaluate { .. } | Self::Learn { .. })
    }

    fn tape(self, network: &Network) -> Tape {
        match self {
            Self::Run { rows, wanted } => Plan::tape(network, rows, wanted, Purpose::Run),
            Self::Look { rows } => Plan::tape(network, rows, rows, Purpose::Look),
            Self::Evaluate { rows, .. } | Self::Learn { rows, .. } => {
                Plan::tape(network, rows, rows, Purpose::Loss)
            }
        }
    }
}

/// The buffers of a pass.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) shape: Shape,
    pub(crate) tape: Tape,
    pub(crate) layout: Layout,
    pub(crate) slots: Vec<Room>,
    pub(crate) holds: Vec<Holds>,
    /// For each step, its norm statistics or log-sum-exps.
    pub(crate) asides: Vec<Room>,
    /// A chunk's logits.
    pub(crate) logits: Room,
    /// A chunk's logits under their cap, which its gradient needs.
    pub(crate) capped: Room,
    /// Losses of all wanted rows.
    pub(crate) losses: Room,
    pub(crate) blocks: Vec<f64>,
    pub(crate) scratch: Room,
    pub(crate) factors: Factors,
    /// `[positions, rotary_dim / 2, 2]`
    pub(crate) angles: Vec<f32>,
    pub(crate) indices: Vec<u32>,
    pub(crate) spans: Vec<attend::Span>,
    pub(crate) table: Vec<u32>,
    /// One layer's keys and values, for passes that keep none.
    pub(crate) pages: Room,
}

impl Workspace {
    /// Takes the buffers for passes up to `shape`, over positions below `positions`.
    pub fn new(network: &Network, shape: Shape, positions: usize, threads: usize) -> Self {
        Self::remaking(network, shape, positions, threads, REMADE)
    }

    /// The same; what costs little and has so many elements is made again on the way back.
    pub fn remaking(
        network: &Network,
        shape: Shape,
        positions: usize,
        threads: usize,
        least: usize,
    ) -> Self {
        let plan = Sizes::new(network, shape, threads, least);
        let floats = Room::zeros;
        let rows = shape.rows();
        tracing::debug!(
            ?shape,
            positions,
            operations = plan.tape.steps.len(),
            buffers = plan.layout.slots.len(),
            bytes = plan.bytes(network, positions),
            "memory of a pass planned"
        );
        Self {
            slots: plan.layout.slots.iter().map(|&len| floats(len)).collect(),
            holds: vec![Holds::Nothing; plan.layout.slots.len()],
            asides: plan.asides.iter().map(|&len| floats(len)).collect(),
            logits: floats(plan.logits),
            capped: floats(plan.capped),
            losses: floats(plan.losses),
            blocks: vec![0.0; sums::blocks_len(plan.losses)],
            scratch: floats(plan.scratch),
            factors: Factors::default(),
            angles: angles(network, positions),
            indices: Vec::with_capacity(rows),
            spans: Vec::with_capacity(rows),
            table: Vec::with_capacity(plan.table(positions)),
            pages: floats(plan.pages),
            shape,
            tape: plan.tape,
            layout: plan.layout,
        }
    }

    /// With the buffers that products of this precision need besides; a pass takes them otherwise.
    pub fn computing(mut self, network: &Network, compute: Compute) -> Self {
        let learns = matches!(self.shape, Shape::Learn { .. });
        if compute == Compute::Bf16 {
            self.factors.rounded.reserve(Rounded::len(&self.tape, self.shape.rows(), learns));
            self.pages = Room::zeros(pages_len(network, self.shape, compute));
        }
        if self.shape.packs() {
            self.factors.packing.reserve(network, compute, learns);
        }
        self
    }

    /// Touches all of it, so that the first pass takes no longer than the others.
    pub fn touched(mut self, team: &Team) -> Self {
        let rooms = self.slots.iter_mut().chain(&mut self.asides);
        let (logits, capped) = (&mut self.logits, &mut self.capped);
        let others = [logits, capped, &mut self.losses, &mut self.scratch, &mut self.pages];
        rooms.chain(others).for_each(|room| room.touch(team));
        self.factors.touch(team);
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
        let learns = matches!(shape, Shape::Learn { .. });
        let mut sizes = Sizes::new(network, shape, threads, REMADE);
        sizes.pages = pages_len(network, shape, compute);
        let rounded = match compute {
            Compute::F32 => 0,
            Compute::Bf16 => Rounded::bytes(Rounded::len(&sizes.tape, shape.rows(), learns)),
        };
        let packing = if shape.packs() { Packing::bytes(network, compute, learns) } else { 0 };
        sizes.bytes(network, positions) + rounded + packing
    }

    /// Whether a pass takes out the rows whose logits are wanted.
    pub(crate) fn selects(&self) -> bool {
        matches!(self.shape, Shape::Run { rows, wanted } if wanted < rows)
    }
}

/// How many elements each buffer has.
struct Sizes {
    rows: usize,
    tape: Tape,
    layout: Layout,
    asides: Vec<usize>,
    logits: usize,
    capped: usize,
    losses: usize,
    scratch: usize,
    pages: usize,
}

impl Sizes {
    fn new(network: &Network, shape: Shape, threads: usize, least: usize) -> Self {
        let tape = shape.tape(network);
        let learns = matches!(shape, Shape::Learn { .. });
        let direction = if learns { Direction::Back } else { Direction::Forward };
        let layout = Layout::new(&tape, direction, least);
        let keeps = |op: &Op| learns || matches!((op, shape), (Op::Attend(..), Shape::Look { .. }));
        let rows = shape.rows();
        let asides =
            tape.steps.iter().map(|step| if keeps(&step.op) { rows * step.op.aside() } else { 0 });
        let asides = asides.collect();
        let losses = matches!(shape, Shape::Learn { .. } | Shape::Evaluate { .. });
        let losses = if losses { rows } else { 0 };
        let logits = losses.min(LOSS_ROWS) * network.config.vocabulary;
        let capped = if learns && network.head.cap.is_some() { logits } else { 0 };
        let scratch = if learns { scratch(&tape, rows, threads) } else { 0 };
        let pages = pages_len(network, shape, Compute::F32);
        Self { rows, tape, layout, asides, logits, capped, losses, scratch, pages }
    }

    /// Bytes of all of them.
    fn bytes(&self, network: &Network, positions: usize) -> usize {
        let angles = match network.config.positions {
            Positions::Rotary(how) => positions * how.rotary_dim,
            _ => 0,
        };
        let floats = self.layout.elements()
            + self.asides.iter().sum::<usize>()
            + self.logits
            + self.capped
            + self.losses
            + self.scratch
            + self.pages
            + self.table(positions)
            + angles;
        4 * floats
    }

    /// Pages that a batch lists at most: every row may be another sequence's last.
    fn table(&self, positions: usize) -> usize {
        self.rows * positions.div_ceil(attend::PAGE)
    }
}

/// Words of the pages of a pass that keeps none.
fn pages_len(network: &Network, shape: Shape, compute: Compute) -> usize {
    match shape {
        Shape::Learn { rows, sequences } | Shape::Evaluate { rows, sequences } => {
            let pages = rows.div_ceil(attend::PAGE) + sequences;
            let layer = network.blocks.first().map(|block| heads(&block.attend, compute));
            layer.map_or(0, |layer| pages * layer_len(&layer))
        }
        Shape::Run { .. } | Shape::Look { .. } => 0,
    }
}

/// Words of one layer's keys and values in a page.
pub(crate) fn layer_len(heads: &attend::Heads) -> usize {
    2 * attend::keys_len(heads)
}

/// What the hungriest backward kernel of a tape needs.
fn scratch(tape: &Tape, rows: usize, threads: usize) -> usize {
    let linear = |how: &lookback_model::Linear, rows: usize| {
        let (outputs, inner) = (how.outputs, how.inputs);
        matmul::weight_gradient_scratch(rows, outputs, inner, threads)
    };
    let of = |op: &Op| match op {
        Op::Linear(how, _) | Op::LinearAdd(how, ..) => linear(how, rows),
        Op::Loss(how, _) => linear(&how.linear, rows.min(LOSS_ROWS)),
        Op::Attend(how, _) => [Compute::F32, Compute::Bf16]
            .map(|compute| attend::backward_scratch(&heads(how, compute), rows, threads))
            .into_iter()
            .fold(0, usize::max),
        _ => 0,
    };
    tape.steps.iter().map(|step| of(&step.op)).max().unwrap_or(0)
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
