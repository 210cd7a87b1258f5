//! Backward, over whole sequences: one task owns a key head of a span.
//!
//! ```text
//! D = Σ dout·out;  P = exp(score − lse);  dS = P · (chain of dout·v − D) · scale
//! dq = chain of dS·k over keys;  dk = chain of dS·q, dv = chain of P·dout over heads, then rows
//! ```
//! 1. Tiles of 64 keys are the outer loop, their keys and values packed transposed into scratch; a
//!    tile's scores and dout·v are products of the same kind as forward.
//! 2. dq stands in its output between tiles, and its chain goes on from there; dk and dv likewise
//!    between heads and blocks of rows.
//! 3. On the diagonal each row (of dq) or key (of dk, dv) goes alone through what its five
//!    neighbours do not share, so that a hidden pair is in no chain.
//! 4. Products of pairs of bf16 want rows rounded along their width for scores, and two rows together
//!    for gradients: a tile's keys once, a block's queries, gradients and weights for each tile.

mod scratch;

use std::ops::Range;

use super::{
    Heads, PAGE, Span,
    arithmetic::{Arithmetic, Attention, run},
};
use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::exp_lanes,
    naive::attend::visible,
    team::{Pieces, Team},
    tile::{COLUMNS, Left, Out, ROWS, Right},
    turn::Rows,
};
use scratch::Scratch;

/// Rows of a block, of which scores and their gradients are held.
const BLOCK: usize = 48;

/// Floats of scratch that [`backward`] needs.
pub fn backward_scratch(how: &Heads, rows: usize, threads: usize) -> usize {
    rows * how.heads + threads * Scratch::len(how)
}

/// The gradients of an attention whose spans begin at position 0; overwrites all three.
///
/// `query`, `out`, `dout`, `dq`: `[rows, heads, head_dim]`; `key`, `value`, `dk`, `dv`:
/// `[rows, key_heads, head_dim]`; `log_sum_exp`: `[rows, heads]`.
#[allow(clippy::too_many_arguments, reason = "a backward reads all that its forward read and made")]
pub fn backward(
    team: &Team,
    how: &Heads,
    query: &[f32],
    key: &[f32],
    value: &[f32],
    out: &[f32],
    log_sum_exp: &[f32],
    dout: &[f32],
    spans: &[Span],
    scratch: &mut [f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let rows = query.len() / (how.heads * how.head_dim);
    let (shares, workers) = scratch.split_at_mut(rows * how.heads);
    {
        let to = Pieces::new(shares);
        team.split(rows * how.heads, 1, 512, &|range| {
            // SAFETY: each range is cut once.
            let to = unsafe { to.piece(range.clone()) };
            team.path().run(Shares { dout, out, head_dim: how.head_dim, first: range.start, to });
        });
    }
    let shares = &*shares;
    let worker = Scratch::len(how);
    let (dq, dk, dv, workers) =
        (Pieces::new(dq), Pieces::new(dk), Pieces::new(dv), Pieces::new(workers));
    team.run_on(spans.len() * how.key_heads, &|thread, pair| {
        // SAFETY: each thread has scratch of its own.
        let scratch = unsafe { workers.piece(thread * worker..(thread + 1) * worker) };
        let back = Back {
            how,
            query,
            key,
            value,
            log_sum_exp,
            dout,
            shares,
            span: &spans[pair / how.key_heads],
            key_head: pair % how.key_heads,
            scratch: Scratch::new(how, scratch),
            dq: &dq,
            dk: &dk,
            dv: &dv,
        };
        run(team.path(), how, back);
    });
}

/// D of every row and head.
struct Shares<'a> {
    dout: &'a [f32],
    out: &'a [f32],
    head_dim: usize,
    first: usize,
    to: &'a mut [f32],
}

impl Kernel for Shares<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        for (index, to) in self.to.iter_mut().enumerate() {
            let at = (self.first + index) * self.head_dim;
            let (a, b) = (&self.dout[at..at + self.head_dim], &self.out[at..at + self.head_dim]);
            let mut sum = on.splat(0.0);
            for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
                sum = on.fma(on.load_some(a), on.load_some(b), sum);
            }
            *to = on.sum_tree(sum);
        }
    }
}

/// One key head of one span.
struct Back<'a> {
    how: &'a Heads,
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    log_sum_exp: &'a [f32],
    dout: &'a [f32],
    shares: &'a [f32],
    span: &'a Span,
    key_head: usize,
    scratch: Scratch<'a>,
    dq: &'a Pieces<'a>,
    dk: &'a Pieces<'a>,
    dv: &'a Pieces<'a>,
}

/// What products with a tile's keys and values read.
struct Tile<E> {
    turned_keys: Right<E>,
    turned_values: Right<E>,
    keys: Right<E>,
}

impl Attention for Back<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(mut self, on: L, by: A) {
        let rows = self.span.rows;
        for first_key in (0..rows).step_by(PAGE) {
            let keys = first_key..rows.min(first_key + PAGE);
            let tile = self.tile(by, &keys);
            self.clear(&keys);
            for head in self.key_head * self.how.group()..(self.key_head + 1) * self.how.group() {
                // The rows that see any key of the tile.
                let end = self.how.window.map_or(rows, |window| rows.min(keys.end - 1 + window));
                for first in (first_key..end).step_by(BLOCK) {
                    self.block(on, by, head, &keys, &tile, first..end.min(first + BLOCK));
                }
            }
        }
    }
}

impl Back<'_> {
    /// Where a row of a head begins in queries and their like.
    #[inline(always)]
    fn row_at(&self, index: usize, head: usize) -> usize {
        ((self.span.first_row + index) * self.how.heads + head) * self.how.head_dim
    }

    /// Where a key begins in keys and their like.
    #[inline(always)]
    fn key_at(&self, index: usize) -> usize {
        ((self.span.first_row + index) * self.how.key_heads + self.key_head) * self.how.head_dim
    }

    /// Keys and values of a tile; what is beyond the last key is +0.
    #[inline(always)]
    fn tile<A: Arithmetic>(&mut self, by: A, keys: &Range<usize>) -> Tile<A::Element> {
        let dim = self.how.head_dim;
        let (first, by_row) = (self.key_at(keys.start), self.how.key_heads * dim);
        let key = Rows::new(self.key, first, by_row, keys.len(), dim);
        let value = Rows::new(self.value, first, by_row, keys.len(), dim);
        by.turn(key, self.scratch.turned_keys);
        by.turn(value, self.scratch.turned_values);
        let turned = |of: &[f32]| Right { at: of.as_ptr().cast(), by_step: PAGE };
        Tile {
            turned_keys: turned(self.scratch.turned_keys),
            turned_values: turned(self.scratch.turned_values),
            keys: by.across(key, self.scratch.keys),
        }
    }

    /// The chains of a tile's dk and dv begin at +0; so do those of dq at the first tile.
    #[inline(always)]
    fn clear(&self, keys: &Range<usize>) {
        for key in keys.clone() {
            let at = self.key_at(key);
            // SAFETY: this key head of this span belongs to this task.
            unsafe {
                self.dk.piece(at..at + self.how.head_dim).fill(0.0);
                self.dv.piece(at..at + self.how.head_dim).fill(0.0);
            }
        }
        if keys.start == 0 {
            for head in self.key_head * self.how.group()..(self.key_head + 1) * self.how.group() {
                for row in 0..self.span.rows {
                    let at = self.row_at(row, head);
                    // SAFETY: the group's heads of this span belong to this task.
                    unsafe { self.dq.piece(at..at + self.how.head_dim) }.fill(0.0);
                }
            }
        }
    }

    /// A block of rows by a tile of keys.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "a block, a tile, and who computes")]
    fn block<L: Lanes, A: Arithmetic>(
        &mut self,
        on: L,
        by: A,
        head: usize,
        keys: &Range<usize>,
        tile: &Tile<A::Element>,
        rows: Range<usize>,
    ) {
        let dim = self.how.head_dim;
        let by_row = self.how.heads * dim;
        let first_row = self.row_at(rows.start, head);
        let query_rows = Rows::new(self.query, first_row, by_row, rows.len(), dim);
        let dout_rows = Rows::new(self.dout, first_row, by_row, rows.len(), dim);
        let query = by.along(query_rows, self.scratch.query);
        let dout = by.along(dout_rows, self.scratch.dout);
        let steps = A::steps(dim);

        // P and dS.
        for first in (0..rows.len()).step_by(ROWS) {
            let count = (rows.len() - first).min(ROWS);
            let p = Out { at: self.scratch.p[first].as_mut_ptr(), by_row: PAGE };
            let ds = Out { at: self.scratch.ds[first].as_mut_ptr(), by_row: PAGE };
            // Keys that the last row sees.
            let seen = (rows.start + first + count).min(keys.end) - keys.start;
            let columns = seen.next_multiple_of(LANES);
            // SAFETY: `count` rows of the block, a tile of turned keys or values, held arrays.
            unsafe {
                let (query, dout) = (query.from(first, 0), dout.from(first, 0));
                by.tile(count, columns, steps, query, tile.turned_keys, p, false);
                by.tile(count, columns, steps, dout, tile.turned_values, ds, false);
            }
            for r in first..first + count {
                let at = (self.span.first_row + rows.start + r) * self.how.heads + head;
                let scale = on.splat(self.how.scale);
                let total = on.splat(self.log_sum_exp[at]);
                let share = on.splat(self.shares[at]);
                let (p, ds) =
                    (&mut self.scratch.p[r][..columns], &mut self.scratch.ds[r][..columns]);
                for (p, ds) in p.chunks_exact_mut(LANES).zip(ds.chunks_exact_mut(LANES)) {
                    let score = on.mul(on.load(p), scale);
                    let weight = exp_lanes(on, on.sub(score, total));
                    on.store(weight, p);
                    let part = on.mul(weight, on.sub(on.load(ds), share));
                    on.store(on.mul(part, scale), ds);
                }
            }
        }

        let ds = Rows::new(self.scratch.ds.as_flattened(), 0, PAGE, rows.len(), PAGE);
        let p = Rows::new(self.scratch.p.as_flattened(), 0, PAGE, rows.len(), PAGE);

        // dq: rows over the tile's keys.
        let left = by.along(ds, self.scratch.ds_along);
        for first in (0..rows.len()).step_by(ROWS) {
            let count = (rows.len() - first).min(ROWS);
            let within: [Range<usize>; ROWS] = std::array::from_fn(|r| {
                let seen = visible(self.how, rows.start + first + r);
                let low = seen.start.clamp(keys.start, keys.end) - keys.start;
                let high = seen.end.clamp(keys.start, keys.end) - keys.start;
                low..high.max(low)
            });
            // SAFETY: this row of the block is held.
            let left = unsafe { left.from(first, 0) };
            let at = self.row_at(rows.start + first, head);
            let end = self.row_at(rows.start + first + count - 1, head) + dim;
            let to = Out { at: self.dq.at(at..end), by_row };
            self.columns(by, &within[..count], left, tile.keys, to);
        }

        // dk and dv: keys over the block's rows.
        let queries = by.across(query_rows, self.scratch.queries);
        let douts = by.across(dout_rows, self.scratch.douts);
        let by_key = |of: Right<A::Element>| Left { at: of.at, by_row: 1, by_step: of.by_step };
        let ds = by_key(by.across(ds, self.scratch.ds_across));
        let p = by_key(by.across(p, self.scratch.p_across));
        for first in (0..keys.len()).step_by(ROWS) {
            let count = (keys.len() - first).min(ROWS);
            let within: [Range<usize>; ROWS] = std::array::from_fn(|r| {
                let key = keys.start + first + r;
                let end = self.how.window.map_or(usize::MAX, |window| key + window);
                let low = key.clamp(rows.start, rows.end) - rows.start;
                let high = end.clamp(rows.start, rows.end) - rows.start;
                low..high.max(low)
            });
            let by_row = self.how.key_heads * dim;
            let at = self.key_at(keys.start + first);
            let end = self.key_at(keys.start + first + count - 1) + dim;
            // SAFETY: this key of the tile is held for every row.
            let (ds, p) = unsafe { (ds.from(first, 0), p.from(first, 0)) };
            let to = Out { at: self.dk.at(at..end), by_row };
            self.columns(by, &within[..count], ds, queries, to);
            let to = Out { at: self.dv.at(at..end), by_row };
            self.columns(by, &within[..count], p, douts, to);
        }
    }

    /// Chains over a head's width, which go on from what stands.
    #[inline(always)]
    fn columns<A: Arithmetic>(
        &self,
        by: A,
        within: &[Range<usize>],
        left: Left<A::Element>,
        right: Right<A::Element>,
        to: Out,
    ) {
        for column in (0..self.how.head_dim).step_by(COLUMNS) {
            let columns = (self.how.head_dim - column).min(COLUMNS);
            // SAFETY: the ranges lie inside the tile and the block; the outputs belong to this task.
            unsafe {
                let (right, to) = (right.from(0, column), to.from(0, column));
                by.staircase(columns, within, left, right, to, true);
            }
        }
    }
}
