//! The step along the gradients: AdamW over all weights, or Muon over the matrices of the blocks and
//! AdamW over the rest. Decay on matrices and tables only.
//!
//! AdamW is Loshchilov and Hutter 2019, algorithm 2, as `torch.optim.AdamW` rounds it; Muon is Jordan
//! et al. 2024 with the factor of Liu et al. 2025. State and sums are f32.

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    muon::{self, Matrix, Muon},
    optimize::{AdamW, adamw},
    sums,
    thread_pool::ThreadPool,
};
use lookback_model::{Network, WeightId, WeightKind};

use crate::{Compute, gradients::Gradients, weights::Weights};

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// AdamW, all of them.
    #[default]
    AdamW,
    /// Muon the matrices of the blocks, with its products in this precision; AdamW tables, head, routers,
    /// norms and biases.
    Muon(Compute),
}

/// The settings of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Learning rate.
    pub rate: f64,
    /// Tables learn at this share of `rate`, a tied head with them.
    pub table_share: f64,
    /// A head of its own learns at this share of `rate`.
    pub head_share: f64,
    /// AdamW's decay of the mean of gradients.
    pub beta1: f64,
    /// AdamW's decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// Muon's decay of the mean of gradients.
    pub momentum: f64,
    /// Share of the rate by which matrices and tables shrink.
    pub decay: f64,
    /// Factor of every gradient, from clipping.
    pub gradient_factor: f64,
}

/// The optimizer's state.
#[derive(Debug)]
pub struct Optimizer {
    method: Method,
    steps: u64,
    /// For each weight, the mean of its gradients, and under AdamW the mean of their squares.
    moments: Vec<[AlignedBuffer; 2]>,
    /// Of Muon.
    blocks: Vec<f64>,
    scratch: AlignedBuffer,
}

impl Optimizer {
    /// Before the first step.
    pub fn new(network: &Network, method: Method, threads: usize) -> Self {
        let zero = |id: WeightId| {
            let len = network.weight(id).len();
            let squares = if uses_muon(network, method, id) { 0 } else { len };
            [AlignedBuffer::zeros(len), AlignedBuffer::zeros(squares)]
        };
        Self {
            method,
            steps: 0,
            moments: network.ids().map(zero).collect(),
            blocks: vec![0.0; blocks_len(network, method)],
            scratch: AlignedBuffer::zeros(scratch_len(network, method, threads)),
        }
    }

    /// Touches all of it, as [`Workspace::touched`](crate::Workspace::touched) does.
    pub fn touched(mut self, pool: &ThreadPool) -> Self {
        self.moments.iter_mut().flatten().for_each(|moment| moment.prefault(pool));
        self.scratch.prefault(pool);
        self
    }

    /// Bytes that [`Optimizer::new`] takes.
    pub fn bytes(network: &Network, method: Method, threads: usize) -> usize {
        let bytes = |id: WeightId| {
            let moments = if uses_muon(network, method, id) { 1 } else { 2 };
            4 * moments * network.weight(id).len()
        };
        let moments: usize = network.ids().map(bytes).sum();
        moments + 8 * blocks_len(network, method) + 4 * scratch_len(network, method, threads)
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The two moments of a weight; the second is empty where Muon keeps none.
    pub fn moments(&self, id: WeightId) -> [&[f32]; 2] {
        self.moments[id.index()].each_ref().map(|moment| &**moment)
    }

    /// Takes up the state of a checkpoint: `fill` writes the two moments of each weight.
    pub fn restore<E>(
        &mut self,
        steps: u64,
        mut fill: impl FnMut(WeightId, [&mut [f32]; 2]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.steps = steps;
        for (index, moments) in self.moments.iter_mut().enumerate() {
            fill(WeightId(index as u32), moments.each_mut().map(|moment| &mut **moment))?;
        }
        Ok(())
    }

    /// One step along the gradients.
    pub fn step(
        &mut self,
        weights: &mut Weights,
        gradients: &Gradients,
        settings: &Settings,
        pool: &ThreadPool,
    ) {
        self.steps += 1;
        let correction = |beta: f64| 1.0 - libm::pow(beta, self.steps as f64);
        let (correction1, correction2) = (correction(settings.beta1), correction(settings.beta2));
        let clip = settings.gradient_factor as f32;
        let network = weights.network().clone();
        for id in network.ids() {
            let spec = network.weight(id);
            let decays = match spec.kind {
                WeightKind::Matrix
                | WeightKind::Output
                | WeightKind::Router
                | WeightKind::Table => true,
                WeightKind::Gain | WeightKind::Bias => false,
            };
            let share = match spec.kind {
                WeightKind::Table => settings.table_share,
                _ if id == network.head.linear.weight => settings.head_share,
                _ => 1.0,
            };
            let rate = (settings.rate * share) as f32;
            let decay = if decays { settings.decay as f32 } else { 0.0 };
            let (weight, gradient) = (weights.rows_mut(id), gradients.of(id));
            let [m, v] = &mut self.moments[id.index()];
            if uses_muon(&network, self.method, id) {
                let (momentum, products) = (settings.momentum as f32, products(self.method));
                let kernel_settings = Muon { rate, momentum, decay, products };
                let (blocks, scratch) = (&mut self.blocks[..], &mut self.scratch[..]);
                let matrix = Matrix { shape: spec.shape, weight, gradient, momentum: m };
                muon::muon(pool, &kernel_settings, clip, matrix, blocks, scratch);
                continue;
            }
            let kernel_settings = AdamW {
                rate,
                beta1: settings.beta1 as f32,
                beta2: settings.beta2 as f32,
                epsilon: settings.epsilon as f32,
                decay,
                correction1: correction1 as f32,
                correction2: correction2 as f32,
            };
            adamw(pool, &kernel_settings, clip, weight, gradient, m, v);
        }
    }
}

/// Whether Muon turns a weight: the matrices that map rows to rows inside of blocks, not those that read or write
/// ids or choose experts.
fn uses_muon(network: &Network, method: Method, id: WeightId) -> bool {
    let is_matrix = matches!(network.weight(id).kind, WeightKind::Matrix | WeightKind::Output);
    let outside = network.projections.iter().flatten().chain([&network.head.linear]);
    matches!(method, Method::Muon(_)) && is_matrix && { outside }.all(|linear| linear.weight != id)
}

/// The type that Muon's products multiply.
fn products(method: Method) -> Compute {
    match method {
        Method::Muon(compute) => compute,
        Method::AdamW => Compute::F32,
    }
}

fn muon_shapes(network: &Network, method: Method) -> impl Iterator<Item = [usize; 2]> + '_ {
    let ids = network.ids().filter(move |&id| uses_muon(network, method, id));
    ids.map(|id| network.weight(id).shape)
}

fn blocks_len(network: &Network, method: Method) -> usize {
    let lens = muon_shapes(network, method).map(|[rows, columns]| sums::blocks_len(rows * columns));
    lens.max().unwrap_or(0)
}

fn scratch_len(network: &Network, method: Method, threads: usize) -> usize {
    let len = |shape| muon::scratch_len(shape, threads, products(method));
    muon_shapes(network, method).map(len).max().unwrap_or(0)
}
