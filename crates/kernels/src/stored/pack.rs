//! From rows of a file to panels.
//!
//! ```text
//! for each panel, for each block of 32 steps, for each of its 64 columns:
//!     put the halves and words that the file has of this column and block where the panel has them
//! ```
//! 1. Sixteen columns at a time are turned in registers, so that whole lines are written.
//! 2. What is missing of a block, columns or steps, is read from a copy that has zeros there. All else
//!    is written once.
//! 3. The places in which memory is read are as far apart as rows are, so it is asked for ahead.

use std::marker::PhantomData;

use super::{
    PANEL, STEPS, StorageType,
    form::{self, Form, Places, block_len, with_form},
    panel_len, panels_len,
};
use crate::{
    lanes::{Kernel, LANES, Lanes},
    team::{Pieces, Team},
    tile::prefetch,
};

/// Packs a weight; `row` gives the bytes of an output as a file stores them.
pub fn pack<'r>(
    team: &Team,
    storage: StorageType,
    row: &(dyn Fn(usize) -> &'r [u8] + Sync),
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    let size = panel_len(storage, inner);
    let to = Pieces::new(&mut panels[..panels_len(storage, outputs, inner)]);
    team.run(outputs.div_ceil(PANEL), &|panel| {
        // SAFETY: each task has a panel of its own.
        let to = unsafe { to.piece(panel * size..(panel + 1) * size) };
        let mut rows = [&[][..]; PANEL];
        for (column, to) in rows.iter_mut().enumerate().take(outputs - panel * PANEL) {
            *to = row(panel * PANEL + column);
            assert_eq!(to.len(), storage.bytes(inner), "a row of another length");
        }
        with_form!(storage, F => team.path().run(Pack::<F> { rows: &rows, to, form: PhantomData }));
    });
}

/// Packs one panel.
struct Pack<'a, F> {
    /// Missing columns are empty.
    rows: &'a [&'a [u8]; PANEL],
    to: &'a mut [u32],
    form: PhantomData<F>,
}

impl<F: Form> Kernel for Pack<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        for (vector, rows) in self.rows.as_chunks::<LANES>().0.iter().enumerate() {
            // Columns are missing from the end on, so that the last has the least.
            let whole = rows[LANES - 1].len() / F::BYTES;
            let mut from: Places = [std::ptr::null(); LANES];
            for (from, row) in from.iter_mut().zip(rows) {
                *from = row.as_ptr();
            }
            let mut blocks = self.to.chunks_exact_mut(block_len::<F>()).enumerate();
            for (n, block) in blocks.by_ref().take(whole) {
                for from in &from {
                    prefetch(from.wrapping_add(n * F::BYTES + AHEAD).cast());
                }
                // SAFETY: each row has this block.
                unsafe { F::pack(on, &from, n * F::BYTES, block, vector) };
            }
            for (n, block) in blocks {
                let mut copies = [[0; MOST]; LANES];
                for (copy, row) in copies.iter_mut().zip(rows) {
                    let here = row.len().min(n * F::BYTES)..row.len().min((n + 1) * F::BYTES);
                    copy[..here.len()].copy_from_slice(&row[here]);
                }
                for (from, copy) in from.iter_mut().zip(&copies) {
                    *from = copy.as_ptr();
                }
                // SAFETY: a copy has room for a block of any form.
                unsafe { F::pack(on, &from, 0, block, vector) };
            }
        }
    }
}

/// Bytes of the longest block of any form.
const MOST: usize = 2 * STEPS;
/// How far ahead memory is asked for, in bytes of a row.
const AHEAD: usize = 64;
