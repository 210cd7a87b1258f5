//! Forward: six rows of a head at a time through the tiles that they see. For a row that stands alone see
//! `alone`.

use std::ops::Range;

use super::{
    Heads, PAGE, Pages, Span,
    alone::{self, Alone},
    arithmetic::{Arithmetic, Attention, Six, run},
    part_of,
    softmax::weigh,
};
use crate::{
    lanes::{LANES, Lanes},
    math::{exp_lanes, ln},
    naive::attend::visible,
    team::{Pieces, Team},
    tile::{COLUMNS, Out, ROWS, Right},
    turn::Rows,
};

/// Rows of a task.
const BLOCK: usize = 96;

/// Every row of every span looks at the keys before it, which the pages hold already.
///
/// `query`, `out`: `[rows, heads, head_dim]`; `log_sum_exp`: `[rows, heads]`.
pub fn forward(
    team: &Team,
    how: &Heads,
    query: &[f32],
    spans: &[Span],
    pages: Pages<'_>,
    out: &mut [f32],
    log_sum_exp: Option<&mut [f32]>,
) {
    assert_eq!(query.len(), out.len(), "an output of another shape");
    let rows_alone = spans.iter().filter(|span| span.rows == 1).count();
    let parts = alone::parts(how, rows_alone, team.threads());
    let tasks = |span: &Span| match span.rows {
        1 => parts,
        rows => rows.div_ceil(BLOCK) * how.heads,
    };
    let total: usize = spans.iter().map(tasks).sum();
    let out = Pieces::new(out);
    let log_sum_exp = log_sum_exp.map(Pieces::new);
    team.run(total, &|task| {
        let Some((span, nth)) = part_of(spans, task, tasks) else { return };
        if span.rows == 1 {
            let heads = alone::heads_of(how, nth, parts);
            let first = span.first_row * how.heads;
            let own = first + heads.start..first + heads.end;
            // SAFETY: each head of a row belongs to one task.
            let (out, log_sum_exp) = unsafe {
                let elements = own.start * how.head_dim..own.end * how.head_dim;
                (out.piece(elements), log_sum_exp.as_ref().map(|to| to.piece(own)))
            };
            run(team.path(), how, Alone { how, query, pages, span, heads, out, log_sum_exp });
            return;
        }
        let (block, head) = (nth / how.heads, nth % how.heads);
        let rows = block * BLOCK..span.rows.min((block + 1) * BLOCK);
        let rows = Block {
            how,
            query,
            pages,
            span,
            head,
            rows,
            out: &out,
            log_sum_exp: log_sum_exp.as_ref(),
        };
        run(team.path(), how, rows);
    });
}

/// Some rows of one head.
struct Block<'a> {
    how: &'a Heads,
    query: &'a [f32],
    pages: Pages<'a>,
    span: &'a Span,
    head: usize,
    rows: Range<usize>,
    out: &'a Pieces<'a>,
    log_sum_exp: Option<&'a Pieces<'a>>,
}

impl Attention for Block<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(self, on: L, by: A) {
        let mut room = Six::EMPTY;
        let mut row = self.rows.start;
        while row < self.rows.end {
            let count = (self.rows.end - row).min(ROWS);
            self.six(on, by, row, count, &mut room);
            row += count;
        }
    }
}

impl Block<'_> {
    /// Up to six rows through all tiles that any of them sees.
    #[inline(always)]
    fn six<L: Lanes, A: Arithmetic>(
        &self,
        on: L,
        by: A,
        first: usize,
        count: usize,
        room: &mut Six,
    ) {
        let Heads { heads, head_dim, .. } = *self.how;
        let key_head = self.head / self.how.group();
        let row = self.span.first_row + first;
        let position = self.span.first_position + first;
        let seen: [Range<usize>; ROWS] = std::array::from_fn(|r| visible(self.how, position + r));
        let at = |r: usize| ((row + r) * heads + self.head) * head_dim;
        let query = Rows::new(self.query, at(0), heads * head_dim, count, head_dim);
        let rounded = by.whole(query, &mut room.query);

        let mut most = [f32::NEG_INFINITY; LANES];
        let mut totals = [[0.0f32; LANES]; ROWS];
        let mut begun = [false; ROWS];
        let mut weights = [[0.0f32; PAGE]; ROWS];
        let mut o = [[0.0f32; COLUMNS]; ROWS];
        let tiles = seen[0].start / PAGE..seen[count - 1].end.div_ceil(PAGE);
        for tile_index in tiles {
            let page = self.pages.table[self.span.first_page + tile_index] as usize;
            let page = &self.pages.storage[page * self.pages.stride..][..self.pages.stride];
            let len = self.how.head_len();
            let keys = &page[self.pages.keys_at + key_head * len..][..len];
            let values = &page[self.pages.values_at + key_head * len..][..len];
            // Which keys of the tile each row sees.
            let within: [Range<usize>; ROWS] = std::array::from_fn(|r| {
                let range = &seen[r];
                let low = range.start.saturating_sub(tile_index * PAGE).min(PAGE);
                let high = range.end.saturating_sub(tile_index * PAGE).min(PAGE);
                low..high.max(low)
            });

            let scores = Out { at: weights[0].as_mut_ptr(), by_row: PAGE };
            // The last row sees the furthest.
            let columns = within[count - 1].end.next_multiple_of(LANES);
            // SAFETY: `count` rows of queries, a tile of keys, and the scores' array.
            unsafe { by.scores(query, rounded, &mut room.part, keys, columns, scores) };

            let mut m = [f32::NEG_INFINITY; LANES];
            let mut l = [[0.0f32; LANES]; ROWS];
            for r in 0..count {
                if within[r].is_empty() {
                    continue;
                }
                (m[r], l[r]) = weigh(on, &mut weights[r], &within[r], self.how.scale);
            }

            // M' = max(M, m), a = exp(M − M'), b = exp(m − M') of all rows at once.
            let (old, new) = (on.load(&most), on.load(&m));
            let both = on.max(old, new);
            let a = on.to_array(exp_lanes(on, on.sub(old, both)));
            let b = on.to_array(exp_lanes(on, on.sub(new, both)));
            let both = on.to_array(both);
            let first_of: [bool; ROWS] = std::array::from_fn(|r| !begun[r]);
            for r in 0..count {
                if within[r].is_empty() {
                    continue;
                }
                if begun[r] {
                    let (l, total) = (on.load(&l[r]), on.load(&totals[r]));
                    let total = on.fma(l, on.splat(b[r]), on.mul(total, on.splat(a[r])));
                    totals[r] = on.to_array(total);
                    most[r] = both[r];
                } else {
                    (totals[r], most[r], begun[r]) = (l[r], m[r], true);
                }
            }

            let left = by.weights(&weights[..count], &mut room.weights);
            for column in (0..head_dim).step_by(COLUMNS) {
                let columns = (head_dim - column).min(COLUMNS);
                let right = Right { at: values[column..].as_ptr().cast(), by_step: head_dim };
                let to = Out { at: o[0].as_mut_ptr(), by_row: COLUMNS };
                // SAFETY: the visible keys' weights and values, and the array of sums.
                unsafe { by.staircase(columns, &within[..count], left, right, to, false) };
                for r in 0..count {
                    if within[r].is_empty() {
                        continue;
                    }
                    // SAFETY: rows of a head belong to one task.
                    let out = unsafe { self.out.piece(at(r) + column..at(r) + column + columns) };
                    if first_of[r] {
                        out.copy_from_slice(&o[r][..columns]);
                        continue;
                    }
                    let (a, b) = (on.splat(a[r]), on.splat(b[r]));
                    for (out, o) in out.chunks_mut(LANES).zip(o[r].chunks(LANES)) {
                        let folded = on.fma(on.load(o), b, on.mul(on.load_some(out), a));
                        on.store_some(folded, out);
                    }
                }
            }
        }

        for r in 0..count {
            let total = on.sum_tree(on.load(&totals[r]));
            let share = on.splat(1.0 / total);
            // SAFETY: rows of a head belong to one task.
            let out = unsafe { self.out.piece(at(r)..at(r) + head_dim) };
            for out in out.chunks_mut(LANES) {
                on.store_some(on.mul(on.load_some(out), share), out);
            }
            if let Some(to) = self.log_sum_exp {
                let at = (row + r) * heads + self.head;
                // SAFETY: as above.
                let to = unsafe { to.piece(at..at + 1) };
                to[0] = most[r] + ln(total);
            }
        }
    }
}
