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

    /// The labels of an axis: tokens where positions of one prompt stand there.
    pub fn axis(&self, name: &str, len: usize) -> Vec<String> {
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
        let name = |(axis, place): (&&str, &usize)| {
            let label = &self.axis(axis, place + 1)[*place];
            match label.starts_with('"') {
                true => format!("{} {label} ({place})", axis.replace('_', " ")),
                false => format!("{} {label}", axis.replace('_', " ")),
            }
        };
        grid.axes.iter().zip(&places).map(name).collect::<Vec<_>>().join(", ")
    }
}
