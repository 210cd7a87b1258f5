//! What a sweep found, as JSON, as a file of grids, and as heat maps.

use std::path::Path;

use lookback::{AblationReport, ChangedPass, Model, SweepReport};
use lookback_files::{Result, write_atomic};
use lookback_lens::{HeatMap, SweepGrid, SweepMetric, heat_maps_svg, write_grids as write_file};
use lookback_model::TokenId;
use serde_json::{Value, json};

use super::labels::Labels;
use crate::commands::tokenizer::piece;

/// What was found, of patches or of ablations.
pub(super) struct Swept {
    pub metric: SweepMetric,
    /// Of patches, the pairs of prompts.
    pub pairs: Option<Pairs>,
    /// The metric of the pass that is changed.
    pub unchanged: f64,
    pub grids: Vec<SweepGrid>,
    /// The tokens at whose positions something is replaced; none of several prompts.
    pub ids: Vec<TokenId>,
}

/// Pairs of a clean and a corrupted prompt, and the metric of their passes.
pub(super) struct Pairs {
    pub count: usize,
    pub changed: ChangedPass,
    pub clean: f64,
    pub corrupted: f64,
}

impl Swept {
    pub fn patched(report: SweepReport, ids: Vec<TokenId>) -> Self {
        let SweepReport { metric, pairs: count, changed, clean, corrupted, grids } = report;
        let unchanged = match changed {
            ChangedPass::Clean => clean,
            ChangedPass::Corrupted => corrupted,
        };
        let pairs = Some(Pairs { count, changed, clean, corrupted });
        Self { metric, pairs, unchanged, grids, ids }
    }

    pub fn ablated(report: AblationReport, ids: Vec<TokenId>) -> Self {
        let AblationReport { metric, unchanged, grids } = report;
        Self { metric, pairs: None, unchanged, grids, ids }
    }
}

/// All of it.
pub(super) fn json(model: &Model, swept: &Swept) -> Value {
    let tokenizer = model.tokenizer().ok();
    let pieces = swept.ids.iter().map(|&id| tokenizer.map(|tokenizer| piece(tokenizer, id)));
    let mut object = json!({
        "metric": swept.metric,
        "ids": swept.ids.iter().map(|id| id.0).collect::<Vec<_>>(),
        "pieces": pieces.collect::<Vec<_>>(),
        "grids": swept.grids,
    });
    match &swept.pairs {
        Some(Pairs { count, changed, clean, corrupted }) => {
            object["pairs"] = json!(count);
            object["changed"] = json!(changed);
            object["clean"] = json!(clean);
            object["corrupted"] = json!(corrupted);
        }
        None => object["unchanged"] = json!(swept.unchanged),
    }
    object
}

/// The grids as a file.
pub(super) fn write_grids(path: &Path, swept: &Swept) -> Result<()> {
    write_file(&swept.grids, path)
}

/// A heat map of each grid, with those by position and head side by side, a head after the other.
pub(super) fn write_plot(path: &Path, swept: &Swept, labels: &Labels<'_>) -> Result<()> {
    let map = |grid: &SweepGrid| {
        let axis = |at: usize| labels.axis(grid, at);
        let columns = match grid.shape.len() {
            1 => vec![String::new()],
            2 => axis(1),
            _ => {
                let [tokens, heads] = [axis(1), axis(2)];
                let each = tokens
                    .iter()
                    .flat_map(|token| heads.iter().map(move |head| format!("{token} {head}")));
                each.collect()
            }
        };
        let title = format!("{}: {}", grid.kind, shown_as(swept, grid));
        HeatMap { title, rows: axis(0), columns, values: grid.shown(swept.unchanged) }
    };
    let maps: Vec<HeatMap> = swept.grids.iter().map(map).collect();
    write_atomic(path, heat_maps_svg(&maps).as_bytes())
}

/// What the numbers that are shown of a grid are.
pub(super) fn shown_as(swept: &Swept, grid: &SweepGrid) -> String {
    let metric = swept.metric.name();
    let is_clean_changed =
        swept.pairs.as_ref().is_some_and(|pairs| pairs.changed == ChangedPass::Clean);
    match &grid.normalized {
        Some(_) if is_clean_changed => format!("{metric}, 0 clean, 1 corrupted"),
        Some(_) => format!("{metric}, 0 corrupted, 1 clean"),
        None if grid.values.is_empty() => format!("predicted change of {metric}"),
        None => format!("change of {metric}"),
    }
}
