//! Sweeps: the same change at every layer, position or head, one pass for each, and what a metric of the next
//! token says of it. Activation patching, mean ablation, and attribution patching, which needs one backward pass.
//!
//! `docs/sweeps.md` has the kinds and formulas. Read `sweep/kind.rs` first, then `patched_passes.rs`.

mod ablation;
mod attribution;
mod attribution_passes;
mod grid;
mod grid_file;
mod heat_map;
mod kind;
mod memory;
mod metric;
mod pair;
mod patched_passes;
mod patching;
mod path;
mod path_ends;
mod path_patching;
mod pattern;
mod receivers;

pub use ablation::{Ablation, ablation_sweep, mean_rows};
pub use attribution_passes::{AttributionPasses, attribution_batches};
pub use grid::{Agreement, SweepGrid};
pub use grid_file::write_grids;
pub use heat_map::{HeatMap, heat_maps_svg};
pub use kind::{SweepAxes, SweepKind, sweep_kinds};
pub use memory::{ablation_bytes, attribution_bytes};
pub use metric::{MetricReader, SweepMetric};
pub(crate) use metric::{kl_divergence, log_probabilities};
pub use pair::{PatchingGrids, PatchingSweep};
pub use patched_passes::PatchedPasses;
pub use patching::patching_sweep;
pub use path::{PathReceivers, PathSenders};
pub use path_patching::{PathSweep, path_sweep, path_sweep_bytes};
