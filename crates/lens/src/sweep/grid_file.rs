//! Grids as safetensors.

use std::path::Path;

use lookback_files::{Refusal, Result, write_atomic};
use safetensors::tensor::{Dtype, TensorView};

use crate::sweep::grid::SweepGrid;

/// Writes grids in f64: each by the name of its kind, and what follows from it as `KIND.normalized` and
/// `KIND.attribution`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_grids(grids: &[SweepGrid], path: &Path) -> Result<()> {
    let failed =
        |error: &dyn std::fmt::Display| Refusal::ours(format!("{}: {error}", path.display()));
    let mut tensors: Vec<(String, &[usize], Vec<u8>)> = Vec::new();
    for grid in grids {
        let own = Some(&grid.values).filter(|values| !values.is_empty());
        for (end, values) in [
            ("", own),
            (".normalized", grid.normalized.as_ref()),
            (".attribution", grid.attribution.as_ref()),
        ] {
            let Some(values) = values else { continue };
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            tensors.push((format!("{}{end}", grid.kind.replace(' ', "_")), &grid.shape, bytes));
        }
    }
    let views: Result<Vec<_>> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F64, shape.to_vec(), bytes);
            Ok((name.clone(), view.map_err(|error| failed(&error))?))
        })
        .collect();
    let bytes = safetensors::serialize(views?, None).map_err(|error| failed(&error))?;
    write_atomic(path, &bytes)
}
