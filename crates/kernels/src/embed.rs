//! Rows of a table by index, and their gradients gathered back.

use crate::{
    matmul::Panels,
    naive, stored,
    thread_pool::{DisjointSlices, ThreadPool},
};

/// A table of rows, in either form.
#[derive(Clone, Copy, Debug)]
pub enum Table<'a> {
    /// `[rows, width]`
    Rows(&'a [f32]),
    /// Packed for products: a tied table is held once.
    Panels(Panels<'a>),
    /// The same, as a file stores it.
    Stored(stored::Panels<'a>),
}

/// `y[row]` = `table[indices[row]]`; `y`: `[rows, width]`.
pub fn gather(_: &ThreadPool, table: Table<'_>, width: usize, indices: &[u32], y: &mut [f32]) {
    naive::embed::gather(table, width, indices, y);
}

/// `dtable[indices[row]]` += `dy[row]`, rows ascending; split among threads by columns.
pub fn scatter_add(
    pool: &ThreadPool,
    dy: &[f32],
    width: usize,
    indices: &[u32],
    dtable: &mut [f32],
) {
    let table_rows = dtable.len() / width.max(1);
    let out = DisjointSlices::new(dtable);
    let min_columns = (16 * 1024 / indices.len().max(1)).max(64);
    pool.for_each_range(width, 16, min_columns, &|columns| {
        for (&index, dy) in indices.iter().zip(dy.chunks_exact(width)) {
            let index = index as usize;
            assert!(index < table_rows, "a row that the table does not have");
            let at = index * width + columns.start..index * width + columns.end;
            // SAFETY: each range of columns is cut once, and rows are visited one by one.
            let out = unsafe { out.range_mut(at) };
            for (out, dy) in out.iter_mut().zip(&dy[columns.clone()]) {
                *out += dy;
            }
        }
    });
}
