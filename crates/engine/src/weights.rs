//! The weights as the kernels want them: rows for tables and vectors, panels for matrices.
//!
//! For running, each weight is held once: a matrix only as panels (a tied table too; `embed` gathers
//! from the panels). For learning only the rows are held; see `packing` for their panels.

use std::{ops::Range, sync::Arc, time::Instant};

use lookback_files::Result;
use lookback_kernels::{
    aligned_buffer::AlignedBuffer, embed::Table, isa::Isa, matmul, naive, stored,
    thread_pool::ThreadPool,
};
use lookback_model::{Network, Role, StorageType, Stored, WeightId};

use crate::packed::{Compute, Forward, Packed, Packing as _};

/// What the weights are held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Each once.
    Running,
    /// Rows of all, which an optimizer changes.
    Learning,
}

/// The weights of one network.
#[derive(Clone, Debug)]
pub struct Weights {
    network: Arc<Network>,
    keep: Keep,
    compute: Compute,
    held: Vec<Held>,
}

/// One weight: rows, panels, or both.
#[derive(Clone, Debug, Default)]
struct Held {
    rows: AlignedBuffer,
    packed: Packed,
    /// As the file has it, where there is one.
    storage: Option<StorageType>,
}

impl Weights {
    /// Takes every weight from `fill`, which writes it in the canonical layout `[outputs, inner]`.
    pub fn new(
        network: Arc<Network>,
        keep: Keep,
        pool: &ThreadPool,
        fill: impl FnMut(WeightId, &mut [f32]) -> Result<()>,
    ) -> Result<Self> {
        Self::computing(network, keep, Compute::F32, pool, fill)
    }

    /// As [`Weights::new`], for products in this precision. Those in bf16 keep their rows, too: what
    /// is rounded cannot be read back.
    pub fn computing(
        network: Arc<Network>,
        keep: Keep,
        compute: Compute,
        pool: &ThreadPool,
        mut fill: impl FnMut(WeightId, &mut [f32]) -> Result<()>,
    ) -> Result<Self> {
        let mut weights = Self { network, keep, compute, held: Vec::new() };
        for id in weights.network.clone().ids() {
            let held = weights.held(id, pool, &mut fill)?;
            weights.held.push(held);
        }
        Ok(weights)
    }

    /// Reads every weight of a file. For running, what is stored in fewer bytes than f32 stays so, and
    /// gives the bits of its copy in f32.
    pub fn load(file: &Stored, keep: Keep, pool: &ThreadPool) -> Result<Self> {
        Self::load_computing(file, keep, Compute::F32, pool)
    }

    /// As [`Weights::load`], for products in this precision.
    pub fn load_computing(
        file: &Stored,
        keep: Keep,
        compute: Compute,
        pool: &ThreadPool,
    ) -> Result<Self> {
        let began = Instant::now();
        let network = Arc::new(file.network().clone());
        let mut weights = Self { network, keep, compute, held: Vec::new() };
        for id in weights.network.clone().ids() {
            let copied = || {
                let is_multiplied = is_multiplied(&weights.network, id);
                is_multiplied.then(|| Packed::copied(file, id, compute, pool)).flatten()
            };
            let as_stored = match keep {
                Keep::Running => Packed::stored(file, id, compute, pool).or_else(copied),
                Keep::Learning => None,
            };
            let held = match as_stored {
                Some(packed) => Held { packed, ..Held::default() },
                None => weights.held(id, pool, &mut |id, to| file.read(id, to))?,
            };
            weights.held.push(Held { storage: Some(file.storage_type(id)), ..held });
            // Else the file would be in memory beside its copy: twice the model at the peak.
            file.release(id);
        }
        file.check_unchanged()?;
        tracing::debug!(
            weights = weights.held.len(),
            parameters = weights.network.parameters(),
            ?compute,
            seconds = began.elapsed().as_secs_f64(),
            "weights loaded"
        );
        Ok(weights)
    }

    /// A weight as it is to be held, taken from `fill`.
    fn held(
        &self,
        id: WeightId,
        pool: &ThreadPool,
        fill: &mut dyn FnMut(WeightId, &mut [f32]) -> Result<()>,
    ) -> Result<Held> {
        let spec = self.network.weight(id);
        let mut rows = AlignedBuffer::zeros(spec.len());
        fill(id, &mut rows)?;
        let mut packed = Packed::None;
        if self.keep == Keep::Running && is_multiplied(&self.network, id) {
            packed = Packed::new(self.compute, pool, &rows, spec.shape);
            if self.compute == Compute::F32 {
                rows = AlignedBuffer::default();
            }
        }
        Ok(Held { rows, packed, storage: None })
    }

    /// Bytes that [`Weights::new`] holds when done.
    pub fn bytes(network: &Network, keep: Keep) -> usize {
        Self::bytes_computing(network, keep, Compute::F32)
    }

    /// Bytes that [`Weights::computing`] holds when done.
    pub fn bytes_computing(network: &Network, keep: Keep, compute: Compute) -> usize {
        network.ids().map(|id| bytes_of(network, id, keep, compute)).sum()
    }

    /// Bytes that [`Weights::load_computing`] holds when done. What is stored in a form that is not
    /// multiplied as it is, such as Q6_K, is held in f32.
    pub fn bytes_loaded(file: &Stored, keep: Keep, compute: Compute) -> usize {
        let network = file.network();
        let of = |id: WeightId| {
            let storage = match keep {
                Keep::Running => Packed::storage_type(file, id, compute),
                Keep::Learning => None,
            };
            let [outputs, inner] = network.weight(id).shape;
            storage.map_or_else(
                || bytes_of(network, id, keep, compute),
                |storage| 4 * stored::panels_len(storage, outputs, inner),
            )
        };
        network.ids().map(of).sum()
    }

    /// Bytes that they take in memory.
    pub fn bytes_held(&self) -> usize {
        let of = |held: &Held| 4 * held.rows.len() + held.packed.bytes_read().unwrap_or(0);
        self.held.iter().map(of).sum()
    }

    /// How most of their numbers are stored: in the file they were read from, or else in memory.
    pub fn precision(&self) -> StorageType {
        let mut counts = Vec::<(StorageType, usize)>::new();
        for id in self.network.ids() {
            let storage = self.held[id.index()].storage.unwrap_or(StorageType::F32);
            let count = self.network.weight(id).len();
            match counts.iter_mut().find(|(of, _)| *of == storage) {
                Some((_, all)) => *all += count,
                None => counts.push((storage, count)),
            }
        }
        let most = counts.into_iter().max_by_key(|(_, all)| *all);
        most.map_or(StorageType::F32, |(storage, _)| storage)
    }

    /// Bytes that a pass reads at least: every weight as it is multiplied, but of an input table, of
    /// which it reads a few rows.
    pub fn bytes_read(&self) -> usize {
        let of = |id: WeightId| {
            let held = &self.held[id.index()];
            held.packed.bytes_read().unwrap_or_else(|| {
                let is_gathered = self.network.weight(id).role == Role::Table;
                let is_read = !is_gathered || is_multiplied(&self.network, id);
                if is_read { 4 * held.rows.len() } else { 0 }
            })
        };
        self.network.ids().map(of).sum()
    }

    /// The precision of their products.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// The network they belong to.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Writes a weight in the canonical layout.
    pub fn read(&self, id: WeightId, to: &mut [f32]) {
        match self.table(id) {
            Table::Panels(panels) => matmul::unpack(panels, to),
            Table::Rows(rows) => to.copy_from_slice(rows),
            Table::Stored(panels) => {
                stored::read_rows(Isa::detect(), panels, 0..panels.outputs, to);
            }
        }
    }

    /// Writes rows that stand side by side, from whichever form is held: many sooner than
    /// [`Weights::gather`] does.
    pub fn read_rows(&self, id: WeightId, rows: Range<usize>, to: &mut [f32]) {
        match self.table(id) {
            Table::Panels(panels) if rows.start.is_multiple_of(matmul::PANEL) => {
                let data = &panels.data[matmul::panels_len(rows.start, panels.inner)..];
                matmul::unpack(matmul::Panels { data, outputs: rows.len(), ..panels }, to);
            }
            Table::Panels(_) => {
                let rows: Vec<u32> = rows.map(|row| row as u32).collect();
                self.gather(id, &rows, to);
            }
            Table::Rows(held) => {
                let [_, inner] = self.network.weight(id).shape;
                to.copy_from_slice(&held[rows.start * inner..rows.end * inner]);
            }
            Table::Stored(panels) => stored::read_rows(Isa::detect(), panels, rows, to),
        }
    }

    /// Writes some rows of a weight, one below the other, from whichever form is held.
    pub fn gather(&self, id: WeightId, rows: &[u32], to: &mut [f32]) {
        let [_, width] = self.network.weight(id).shape;
        naive::embed::gather(self.table(id), width, rows, to);
    }

    /// A weight's rows, `[outputs, inner]`; those of a matrix only when held for learning.
    pub fn rows(&self, id: WeightId) -> &[f32] {
        &self.held[id.index()].rows
    }

    /// A weight's rows, to be changed.
    pub fn rows_mut(&mut self, id: WeightId) -> &mut [f32] {
        debug_assert_eq!(self.keep, Keep::Learning);
        &mut self.held[id.index()].rows
    }

    /// A matrix for the forward pass, if it is held as panels.
    pub(crate) fn forward(&self, id: WeightId) -> Option<Forward<'_>> {
        let forward = self.held[id.index()].packed.forward(self.network.weight(id).shape)?;
        Some(if self.compute == Compute::Bf16 { forward.in_pairs() } else { forward })
    }

    /// A table, from whichever form is held.
    pub(crate) fn table(&self, id: WeightId) -> Table<'_> {
        let held = &self.held[id.index()];
        let packed = held.packed.forward(self.network.weight(id).shape).and_then(Forward::table);
        packed.filter(|_| held.rows.is_empty()).unwrap_or(Table::Rows(&held.rows))
    }
}

/// Bytes in which a weight is held that is not kept as a file stores it.
fn bytes_of(network: &Network, id: WeightId, keep: Keep, compute: Compute) -> usize {
    let spec = network.weight(id);
    if keep == Keep::Learning || !is_multiplied(network, id) {
        return 4 * spec.len();
    }
    let rows = if compute == Compute::Bf16 { 4 * spec.len() } else { 0 };
    rows + 4 * compute.panels_len(spec.shape)
}

/// Whether a weight enters a matrix product.
pub(crate) fn is_multiplied(network: &Network, id: WeightId) -> bool {
    matches!(network.weight(id).role, Role::Matrix | Role::Output)
        || id == network.head.linear.weight
}
