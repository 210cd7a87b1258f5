//! Rows of a table by index, and their gradients gathered back.

use crate::{embed::Table, matmul::PANEL, stored};

/// `y[row]` = `table[indices[row]]`
pub fn gather(table: Table<'_>, width: usize, indices: &[u32], y: &mut [f32]) {
    for (&index, y) in indices.iter().zip(y.chunks_exact_mut(width)) {
        let index = index as usize;
        match table {
            Table::Rows(rows) => y.copy_from_slice(&rows[index * width..][..width]),
            Table::Stored(panels) => stored::read_row(panels, index, y),
            Table::Panels(panels) => {
                let panel = &panels.data[index / PANEL * PANEL * width..];
                for (column, y) in y.iter_mut().enumerate() {
                    *y = panel[column * PANEL + index % PANEL];
                }
            }
        }
    }
}

/// `dtable[indices[row]]` += `dy[row]`, rows ascending.
pub fn scatter_add(dy: &[f32], width: usize, indices: &[u32], dtable: &mut [f32]) {
    for (&index, dy) in indices.iter().zip(dy.chunks_exact(width)) {
        let out = &mut dtable[index as usize * width..][..width];
        for (out, dy) in out.iter_mut().zip(dy) {
            *out += dy;
        }
    }
}
