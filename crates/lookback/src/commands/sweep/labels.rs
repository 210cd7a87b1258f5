//! What stands beside the cells of grids: layers, heads, and the tokens of positions.

use lookback::Model;
use lookback_lens::SweepGrid;
use lookback_model::TokenId;

/// What stands beside the cells of a grid.
pub(super) struct Labels<'a> {
    model: &'a Model,
    ids: &'a [TokenId],
}

impl<'a> Labels<'a> {
    pub fn new(model: &'a Model, ids: &'a [TokenId]) -> Self {
        Self { model, ids }
    }

    /// The labels of an axis of a grid: tokens where positions of one prompt stand there, senders by name.
    pub fn axis(&self, grid: &SweepGrid, at: usize) -> Vec<String> {
        let (name, len) = (grid.axes[at], grid.shape[at]);
        if name == "sender" {
            return grid.senders.clone();
        }
        let is_position = ["position", "destination", "source"].contains(&name);
        let tokenizer = self.model.tokenizer().ok();
        let label = |at: usize| match (self.ids.get(at), tokenizer) {
            (Some(id), Some(tokenizer)) if is_position => tokenizer.quoted(*id),
            _ => at.to_string(),
        };
        (0..len).map(label).collect()
    }

    /// A cell by its places on the axes.
    pub fn cell(&self, grid: &SweepGrid, mut index: usize) -> String {
        let mut places = vec![0; grid.shape.len()];
        for (place, len) in places.iter_mut().zip(&grid.shape).rev() {
            *place = index % len;
            index /= len;
        }
        let name = |(at, (axis, place)): (usize, (&&str, &usize))| {
            let label = &self.axis(grid, at)[*place];
            match label.starts_with('"') {
                true => format!("{} {label} ({place})", axis.replace('_', " ")),
                false => format!("{} {label}", axis.replace('_', " ")),
            }
        };
        grid.axes.iter().zip(&places).enumerate().map(name).collect::<Vec<_>>().join(", ")
    }
}
