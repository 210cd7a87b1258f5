//! The weights in the layouts that the kernels read: rows for tables and vectors, panels for matrices.
//!
//! For inference, each weight is held once: a matrix only as panels (a tied table too; `embed` gathers
//! from the panels). For training only the rows are held; see `packing` for their panels.

use std::{ops::Range, sync::Arc, time::Instant};

use lookback_files::Result;
use lookback_kernels::{
    aligned_buffer::AlignedBuffer, embed::Table, isa::Isa, matmul, naive, stored,
    thread_pool::ThreadPool,
};
use lookback_model::{Mixture, Mlp, Network, StorageType, StoredModel, WeightId, WeightKind};

use crate::packed::{Compute, ForwardPanels, PackedLayout as _, PackedMatrix};

/// What weights are loaded for, which decides the forms that they are held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightMode {
    /// Each weight once.
    Inference,
    /// Rows of every weight, which an optimizer changes.
    Training,
}

/// The weights of one network.
#[derive(Clone, Debug)]
pub struct Weights {
    network: Arc<Network>,
    mode: WeightMode,
    compute: Compute,
    buffers: Vec<WeightBuffers>,
}

/// One weight: rows, panels, or both.
#[derive(Clone, Debug, Default)]
struct WeightBuffers {
    rows: AlignedBuffer,
    packed: PackedMatrix,
    /// As the file has it, where there is one.
    storage: Option<StorageType>,
}

impl Weights {
    /// Takes every weight from `fill`, which writes it in the canonical layout `[outputs, inner]`. Weights
    /// for products in bf16 keep their rows, too: what is rounded cannot be read back.
    pub fn new(
        network: Arc<Network>,
        mode: WeightMode,
        compute: Compute,
        pool: &ThreadPool,
        mut fill: impl FnMut(WeightId, &mut [f32]) -> Result<()>,
    ) -> Result<Self> {
        let mut weights = Self { network, mode, compute, buffers: Vec::new() };
        for id in weights.network.clone().ids() {
            let buffers = weights.weight_buffers(id, pool, &mut fill)?;
            weights.buffers.push(buffers);
        }
        Ok(weights)
    }

    /// Reads every weight of a file. For inference, what is stored in fewer bytes than f32 stays so, and
    /// gives the bits of its copy in f32.
    pub fn load(
        file: &StoredModel,
        mode: WeightMode,
        compute: Compute,
        pool: &ThreadPool,
    ) -> Result<Self> {
        let began = Instant::now();
        let network = Arc::new(file.network().clone());
        let mut weights = Self { network, mode, compute, buffers: Vec::new() };
        for id in weights.network.clone().ids() {
            let copied = || {
                let is_multiplied = is_multiplied(&weights.network, id);
                let compute = compute_of(&weights.network, id, compute);
                is_multiplied.then(|| PackedMatrix::copied(file, id, compute, pool)).flatten()
            };
            let as_stored = match mode {
                WeightMode::Inference => {
                    let compute = compute_of(&weights.network, id, compute);
                    PackedMatrix::stored(file, id, compute, pool)?.or_else(copied)
                }
                WeightMode::Training => None,
            };
            let buffers = match as_stored {
                Some(packed) => WeightBuffers { packed, ..WeightBuffers::default() },
                None => weights.weight_buffers(id, pool, &mut |id, out| file.read(id, out))?,
            };
            weights.buffers.push(WeightBuffers { storage: Some(file.storage_type(id)), ..buffers });
            // Else the file would be in memory beside its copy: twice the model at the peak.
            file.release(id);
        }
        file.check_unchanged()?;
        tracing::debug!(
            weights = weights.buffers.len(),
            parameters = weights.network.parameters(),
            ?compute,
            seconds = began.elapsed().as_secs_f64(),
            "weights loaded"
        );
        Ok(weights)
    }

    /// A weight as it is to be held, taken from `fill`.
    fn weight_buffers(
        &self,
        id: WeightId,
        pool: &ThreadPool,
        fill: &mut dyn FnMut(WeightId, &mut [f32]) -> Result<()>,
    ) -> Result<WeightBuffers> {
        let spec = self.network.weight(id);
        let mut rows = AlignedBuffer::zeros(spec.len());
        fill(id, &mut rows)?;
        let mut packed = PackedMatrix::None;
        if self.mode == WeightMode::Inference && is_multiplied(&self.network, id) {
            let compute = self.compute_of(id);
            packed = PackedMatrix::new(compute, pool, &rows, spec.shape);
            if compute == Compute::F32 {
                rows = AlignedBuffer::default();
            }
        }
        Ok(WeightBuffers { rows, packed, storage: None })
    }

    /// Bytes that [`Weights::new`] holds when done.
    pub fn bytes(network: &Network, mode: WeightMode, compute: Compute) -> usize {
        network.ids().map(|id| bytes_of(network, id, mode, compute)).sum()
    }

    /// Bytes that [`Weights::load`] holds when done. What is stored in a form that is not
    /// multiplied as it is, such as doubles, is held in f32.
    pub fn stored_bytes(file: &StoredModel, mode: WeightMode, compute: Compute) -> usize {
        let network = file.network();
        let bytes = |id: WeightId| {
            let storage = match mode {
                WeightMode::Inference => {
                    PackedMatrix::storage_type(file, id, compute_of(network, id, compute))
                }
                WeightMode::Training => None,
            };
            let [outputs, inner] = network.weight(id).shape;
            storage.map_or_else(
                || bytes_of(network, id, mode, compute),
                |storage| 4 * stored::panels_len(storage, outputs, inner),
            )
        };
        network.ids().map(bytes).sum()
    }

    /// Bytes that they take in memory.
    pub fn bytes_held(&self) -> usize {
        let bytes = |buffers: &WeightBuffers| {
            4 * buffers.rows.len() + buffers.packed.bytes_read().unwrap_or(0)
        };
        self.buffers.iter().map(bytes).sum()
    }

    /// How most of their numbers are stored: in the file they were read from, or else in memory.
    pub fn precision(&self) -> StorageType {
        let mut counts = Vec::<(StorageType, usize)>::new();
        for id in self.network.ids() {
            let storage = self.buffers[id.index()].storage.unwrap_or(StorageType::F32);
            let count = self.network.weight(id).len();
            match counts.iter_mut().find(|(other, _)| *other == storage) {
                Some((_, all)) => *all += count,
                None => counts.push((storage, count)),
            }
        }
        let largest = counts.into_iter().max_by_key(|(_, all)| *all);
        largest.map_or(StorageType::F32, |(storage, _)| storage)
    }

    /// Bytes that a pass of one token reads: every weight as it is multiplied, but of an input table, of
    /// which it reads a few rows, and of experts, of which it reads the chosen ones.
    pub fn bytes_read(&self) -> usize {
        let bytes = |id: WeightId| {
            let buffers = &self.buffers[id.index()];
            buffers.packed.bytes_read().unwrap_or_else(|| {
                let is_gathered = self.network.weight(id).kind == WeightKind::Table;
                let is_read = !is_gathered || is_multiplied(&self.network, id);
                if is_read { 4 * buffers.rows.len() } else { 0 }
            })
        };
        let all: usize = self.network.ids().map(bytes).sum();
        let not_chosen = |mixture: &Mixture| {
            let experts: usize = mixture.experts.iter().flat_map(Mlp::weights).map(bytes).sum();
            experts - experts / mixture.experts.len() * mixture.chosen
        };
        let mixtures = self.network.blocks.iter().filter_map(|block| block.mlp.mixture());
        all - mixtures.map(not_chosen).sum::<usize>()
    }

    /// The precision of their products.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// The precision of the product of one of them.
    pub(crate) fn compute_of(&self, id: WeightId) -> Compute {
        compute_of(&self.network, id, self.compute)
    }

    /// The network they belong to.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Writes a weight in the canonical layout.
    pub fn read(&self, id: WeightId, out: &mut [f32]) {
        match self.table(id) {
            Table::Panels(panels) => matmul::unpack(panels, out),
            Table::Rows(rows) => out.copy_from_slice(rows),
            Table::Stored(panels) => {
                stored::read_rows(Isa::detect(), panels, 0..panels.outputs, out);
            }
        }
    }

    /// Writes rows that stand side by side, from whichever form is held: many sooner than
    /// [`Weights::gather`] does.
    pub fn read_rows(&self, id: WeightId, rows: Range<usize>, out: &mut [f32]) {
        match self.table(id) {
            Table::Panels(panels) if rows.start.is_multiple_of(matmul::PANEL) => {
                let data = &panels.data[matmul::panels_len(rows.start, panels.inner)..];
                matmul::unpack(matmul::Panels { data, outputs: rows.len(), ..panels }, out);
            }
            Table::Panels(_) => {
                let rows: Vec<u32> = rows.map(|row| row as u32).collect();
                self.gather(id, &rows, out);
            }
            Table::Rows(all_rows) => {
                let [_, inner] = self.network.weight(id).shape;
                out.copy_from_slice(&all_rows[rows.start * inner..rows.end * inner]);
            }
            Table::Stored(panels) => stored::read_rows(Isa::detect(), panels, rows, out),
        }
    }

    /// Writes some rows of a weight, one below the other, from whichever form is held.
    pub fn gather(&self, id: WeightId, rows: &[u32], out: &mut [f32]) {
        let [_, width] = self.network.weight(id).shape;
        naive::embed::gather(self.table(id), width, rows, out);
    }

    /// A weight's rows, `[outputs, inner]`; those of a matrix only when held for training.
    pub fn rows(&self, id: WeightId) -> &[f32] {
        &self.buffers[id.index()].rows
    }

    /// A weight's rows, to be changed.
    pub fn rows_mut(&mut self, id: WeightId) -> &mut [f32] {
        debug_assert_eq!(self.mode, WeightMode::Training);
        &mut self.buffers[id.index()].rows
    }

    /// A matrix for the forward pass, if it is held as panels.
    pub(crate) fn forward(&self, id: WeightId) -> Option<ForwardPanels<'_>> {
        let forward = self.buffers[id.index()].packed.forward(self.network.weight(id).shape)?;
        Some(if self.compute_of(id) == Compute::Bf16 { forward.as_bf16_pairs() } else { forward })
    }

    /// A table, from whichever form is held.
    pub(crate) fn table(&self, id: WeightId) -> Table<'_> {
        let buffers = &self.buffers[id.index()];
        let packed =
            buffers.packed.forward(self.network.weight(id).shape).and_then(ForwardPanels::table);
        packed.filter(|_| buffers.rows.is_empty()).unwrap_or(Table::Rows(&buffers.rows))
    }
}

/// Bytes in which a weight is held that is not kept as a file stores it.
fn bytes_of(network: &Network, id: WeightId, mode: WeightMode, compute: Compute) -> usize {
    let spec = network.weight(id);
    let compute = compute_of(network, id, compute);
    if mode == WeightMode::Training || !is_multiplied(network, id) {
        return 4 * spec.len();
    }
    let rows = if compute == Compute::Bf16 { 4 * spec.len() } else { 0 };
    rows + 4 * compute.panels_len(spec.shape)
}

/// The precision of a weight's product: a router's is f32, so that its choice is.
pub(crate) fn compute_of(network: &Network, id: WeightId, compute: Compute) -> Compute {
    match network.weight(id).kind {
        WeightKind::Router => Compute::F32,
        WeightKind::Table
        | WeightKind::Matrix
        | WeightKind::Output
        | WeightKind::Gain
        | WeightKind::Bias => compute,
    }
}

/// Whether a weight enters a matrix product.
pub(crate) fn is_multiplied(network: &Network, id: WeightId) -> bool {
    matches!(network.weight(id).kind, WeightKind::Matrix | WeightKind::Output | WeightKind::Router)
        || id == network.head.linear.weight
}
