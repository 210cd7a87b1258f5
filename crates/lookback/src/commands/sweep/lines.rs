//! Grids as tables of a terminal.

use lookback_lens::{Agreement, SweepGrid};

use super::{
    labels::Labels,
    output::{Pairs, Swept, shown_as},
};

/// Columns that a table has at most; of a broader grid the strongest places are listed alone.
const MAX_COLUMNS: usize = 16;
/// Letters of a number or of a label above it.
const BROAD: usize = 7;

/// What was found.
pub(super) fn lines(swept: &Swept, labels: &Labels<'_>, top: usize) -> Vec<String> {
    let metric = swept.metric.name();
    let mut lines = vec![match &swept.pairs {
        Some(Pairs { count: 1, clean, corrupted, .. }) => {
            format!("{metric}: {clean:.4} clean, {corrupted:.4} corrupted")
        }
        Some(Pairs { count, clean, corrupted, .. }) => {
            format!("{metric}, mean of {count} pairs: {clean:.4} clean, {corrupted:.4} corrupted")
        }
        None => format!("{metric}: {:.4} unchanged", swept.unchanged),
    }];
    for grid in &swept.grids {
        let values = grid.shown(swept.unchanged);
        lines.push(String::new());
        lines.push(format!("{} by {} ({})", grid.kind, by(grid), shown_as(swept, grid)));
        lines.extend(table(grid, &values, labels));
        lines.extend(strongest(grid, &values, labels, top));
        lines.extend(grid.agreement.map(agreement));
    }
    lines
}

fn by(grid: &SweepGrid) -> String {
    grid.axes.iter().map(|axis| axis.replace('_', " ")).collect::<Vec<_>>().join(" and ")
}

/// A row a layer.
fn table(grid: &SweepGrid, values: &[f64], labels: &Labels<'_>) -> Vec<String> {
    let columns = match grid.shape[..] {
        [_] => 1,
        [_, columns] => columns,
        _ => return Vec::new(),
    };
    if columns > MAX_COLUMNS {
        return Vec::new();
    }
    let rows = labels.axis(grid, 0);
    let margin = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0).max(5);
    let mut lines = Vec::new();
    if grid.shape.len() > 1 {
        let heads = labels.axis(grid, 1);
        let heads = heads.iter().map(|label| format!(" {:>BROAD$}", shortened(label)));
        lines.push(format!("{:>margin$}{}", "", heads.collect::<String>()));
    }
    for (row, values) in rows.iter().zip(values.chunks_exact(columns.max(1))) {
        let cells = values.iter().map(|x| format!(" {:>BROAD$}", format!("{x:+.3}")));
        lines.push(format!("{row:>margin$}{}", cells.collect::<String>()));
    }
    lines
}

/// A label that fits above a number.
fn shortened(label: &str) -> String {
    match label.chars().count() > BROAD {
        true => label.chars().take(BROAD - 1).chain(['…']).collect(),
        false => label.to_owned(),
    }
}

/// The cells with the largest numbers, in absolute value.
fn strongest(grid: &SweepGrid, values: &[f64], labels: &Labels<'_>, top: usize) -> Vec<String> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&at| values[at] != 0.0).collect();
    order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()).then(a.cmp(&b)));
    let shown = order.iter().take(top);
    let lines = shown.map(|&at| format!("{:>+9.4}  {}", values[at], labels.cell(grid, at)));
    [String::from("strongest")]
        .into_iter()
        .filter(|_| top > 0 && !order.is_empty())
        .chain(lines)
        .collect()
}

fn agreement(agreement: Agreement) -> String {
    let pearson = agreement.pearson.map_or("none".to_owned(), |pearson| format!("{pearson:.3}"));
    format!(
        "attribution patching: correlation {pearson}, largest error {:.4} of changes up to {:.4}",
        agreement.max_error, agreement.max_change
    )
}
