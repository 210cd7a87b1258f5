//! The weights as the kernels want them: rows for tables and vectors, panels for matrices.
//!
//! For running, each weight is held once: a matrix only as panels (a tied table too; `embed` gathers
//! from the panels). For learning, the rows are the master and the panels follow them.

use std::sync::Arc;

use lookback_files::Result;
use lookback_kernels::{
    embed::Table,
    matmul::{self, Panels},
    naive,
    team::Team,
};
use lookback_model::{Network, Role, Stored, WeightId};

/// What the weights are held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Each once.
    Running,
    /// Rows of all, which an optimizer changes, and panels packed from them.
    Learning,
}

/// The weights of one network.
#[derive(Clone, Debug)]
pub struct Weights {
    network: Arc<Network>,
    keep: Keep,
    held: Vec<Held>,
}

/// One weight: rows, panels, or both.
#[derive(Clone, Debug, Default)]
struct Held {
    rows: Vec<f32>,
    panels: Vec<f32>,
    /// Whether the rows changed since they were packed.
    is_stale: bool,
}

impl Weights {
    /// Takes every weight from `fill`, which writes it in the canonical layout `[outputs, inner]`.
    pub fn new(
        network: Arc<Network>,
        keep: Keep,
        team: &Team,
        mut fill: impl FnMut(WeightId, &mut [f32]) -> Result<()>,
    ) -> Result<Self> {
        let mut held = Vec::with_capacity(network.weights.len());
        for id in network.ids() {
            let spec = network.weight(id);
            let mut rows = vec![0.0; spec.len()];
            fill(id, &mut rows)?;
            let mut panels = Vec::new();
            if is_multiplied(&network, id) {
                let [outputs, inner] = spec.shape;
                panels = vec![0.0; matmul::panels_len(outputs, inner)];
                matmul::pack(team, &rows, outputs, inner, &mut panels);
                if keep == Keep::Running {
                    rows = Vec::new();
                }
            }
            held.push(Held { rows, panels, is_stale: false });
        }
        Ok(Self { network, keep, held })
    }

    /// Reads every weight of a file.
    pub fn load(stored: &Stored, keep: Keep, team: &Team) -> Result<Self> {
        let network = Arc::new(stored.network().clone());
        Self::new(network, keep, team, |id, to| stored.read(id, to))
    }

    /// Bytes that [`Weights::new`] holds when done.
    pub fn bytes(network: &Network, keep: Keep) -> usize {
        let of = |id: WeightId| {
            let spec = network.weight(id);
            let multiplied = is_multiplied(network, id);
            let panels =
                if multiplied { matmul::panels_len(spec.shape[0], spec.shape[1]) } else { 0 };
            let rows = if multiplied && keep == Keep::Running { 0 } else { spec.len() };
            panels + rows
        };
        4 * network.ids().map(of).sum::<usize>()
    }

    /// The network they belong to.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Writes a weight in the canonical layout.
    pub fn read(&self, id: WeightId, to: &mut [f32]) {
        let held = &self.held[id.index()];
        if held.rows.is_empty() {
            matmul::unpack(self.panels(id), to);
        } else {
            to.copy_from_slice(&held.rows);
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

    /// A weight's rows, to be changed; its panels are packed again by [`Weights::pack`].
    pub fn rows_mut(&mut self, id: WeightId) -> &mut [f32] {
        debug_assert_eq!(self.keep, Keep::Learning);
        let held = &mut self.held[id.index()];
        held.is_stale = true;
        &mut held.rows
    }

    /// Packs what changed.
    pub fn pack(&mut self, team: &Team) {
        for (held, spec) in self.held.iter_mut().zip(&self.network.weights) {
            if held.is_stale && !held.panels.is_empty() {
                matmul::pack(team, &held.rows, spec.shape[0], spec.shape[1], &mut held.panels);
            }
            held.is_stale = false;
        }
    }

    /// A matrix's panels.
    pub(crate) fn panels(&self, id: WeightId) -> Panels<'_> {
        let held = &self.held[id.index()];
        debug_assert!(!held.is_stale, "panels of an older weight");
        let [outputs, inner] = self.network.weight(id).shape;
        Panels { data: &held.panels, outputs, inner }
    }

    /// A table, from whichever form is held.
    pub(crate) fn table(&self, id: WeightId) -> Table<'_> {
        let held = &self.held[id.index()];
        if held.rows.is_empty() { Table::Panels(self.panels(id)) } else { Table::Rows(&held.rows) }
    }
}

/// Whether a weight enters a matrix product.
fn is_multiplied(network: &Network, id: WeightId) -> bool {
    matches!(network.weight(id).role, Role::Matrix | Role::Output) || id == network.head.weight
}
