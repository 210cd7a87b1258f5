//! Forward for a row that stands alone, as when tokens pass one by one: several heads of it go through
//! the tiles together.
//!
//! 1. Heads that share a key head are the rows of a tile: each key and value is loaded once for them.
//! 2. Every step is taken for all heads before the next one. Each is a chain in which one operation
//!    waits for the other; those of several heads fill the time.
//! 3. All heads see the same keys, so their values are a plain tile of those steps.
//! 4. The folding factors of all heads stand in one vector.

use std::ops::Range;

use super::{
    Heads, PAGE, Pages, Span,
    arithmetic::{Arithmetic, Attention, Six},
    softmax::weigh,
};
use crate::{
    lanes::{LANES, Lanes},
    math::{exp_lanes, ln},
    naive::attend::visible,
    tile::{COLUMNS, Out, ROWS, Right},
    turn::Rows,
};

/// Into how many parts the heads of each of `rows` rows are cut: a vector holds a part's heads, and
/// every thread has one.
pub(super) fn parts(how: &Heads, rows: usize, threads: usize) -> usize {
    how.heads.div_ceil(LANES).max(threads.div_ceil(rows.max(1))).min(how.heads)
}

/// The heads of a part: whole groups, where the parts can have as many of them.
pub(super) fn heads_of(how: &Heads, part: usize, parts: usize) -> Range<usize> {
    part * how.heads / parts..(part + 1) * how.heads / parts
}

/// At most sixteen heads of the only row of a span.
pub(super) struct Alone<'a> {
    pub how: &'a Heads,
    pub query: &'a [f32],
    pub pages: Pages<'a>,
    pub span: &'a Span,
    pub heads: Range<usize>,
    /// `[heads of this part, head_dim]`
    pub out: &'a mut [f32],
    /// `[heads of this part]`
    pub log_sum_exp: Option<&'a mut [f32]>,
}

/// Heads with one key head: as many as a tile has rows.
#[derive(Clone, Copy)]
struct Group {
    /// Counted from the part's first.
    first: usize,
    count: usize,
    key_head: usize,
}

impl Attention for Alone<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(self, on: L, by: A) {
        let Self { how, query, pages, span, heads, out, log_sum_exp, .. } = self;
        let (head_dim, count) = (how.head_dim, heads.len());
        let first = (span.first_row * how.heads + heads.start) * head_dim;
        let query = &query[first..first + count * head_dim];
        assert!(count <= LANES && out.len() == query.len(), "more heads than a vector has lanes");

        let mut room = Six::EMPTY;
        let mut weights = [[0.0f32; PAGE]; LANES];
        let mut totals = [[0.0f32; LANES]; LANES];
        let mut most = [f32::NEG_INFINITY; LANES];
        let seen = visible(how, span.first_position);
        for tile_index in seen.start / PAGE..seen.end.div_ceil(PAGE) {
            let page = pages.table[span.first_page + tile_index] as usize;
            let page = &pages.storage[page * pages.stride..][..pages.stride];
            let base = tile_index * PAGE;
            let within = seen.start.max(base) - base..seen.end.min(base + PAGE) - base;
            let is_first = base <= seen.start;

            let len = how.head_len();
            let mut group = next_group(how, &heads, 0);
            while group.count > 0 {
                let keys = &page[pages.keys_at + group.key_head * len..][..len];
                let first = group.first * head_dim;
                let query = Rows::new(query, first, head_dim, group.count, head_dim);
                let rounded = by.whole(query, &mut room.query);
                let scores = &mut weights[group.first..group.first + group.count];
                let to = Out { at: scores.as_mut_ptr().cast(), by_row: PAGE };
                let columns = within.end.next_multiple_of(LANES);
                // SAFETY: the group's queries, a tile of keys, and the group's scores.
                unsafe { by.scores(query, rounded, &mut room.part, keys, columns, to) };
                group = next_group(how, &heads, group.first + group.count);
            }

            let mut m = [f32::NEG_INFINITY; LANES];
            let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
            let mut l = [[0.0f32; LANES]; LANES];
            for head in 0..count {
                (m[head], l[head]) = weigh(on, &mut weights[head], &within, how.scale);
            }
            if is_first {
                (most, totals) = (m, l);
            } else {
                // M' = max(M, m), a = exp(M − M'), b = exp(m − M') of all heads at once.
                let (old, new) = (on.load(&most), on.load(&m));
                let both = on.max(old, new);
                a = on.to_array(exp_lanes(on, on.sub(old, both)));
                b = on.to_array(exp_lanes(on, on.sub(new, both)));
                most = on.to_array(both);
                for head in 0..count {
                    let (l, total) = (on.load(&l[head]), on.load(&totals[head]));
                    let total = on.fma(l, on.splat(b[head]), on.mul(total, on.splat(a[head])));
                    on.store(total, &mut totals[head]);
                }
            }

            let mut group = next_group(how, &heads, 0);
            while group.count > 0 {
                let values = &page[pages.values_at + group.key_head * len..][..len];
                let of_group = &weights[group.first..group.first + group.count];
                let left = by.weights(of_group, &mut room.weights);
                let own = group.first * head_dim..(group.first + group.count) * head_dim;
                let out = &mut out[own];
                for column in (0..head_dim).step_by(COLUMNS) {
                    let columns = (head_dim - column).min(COLUMNS);
                    let right = Right { at: values[column..].as_ptr().cast(), by_step: head_dim };
                    if is_first {
                        let to = Out { at: out[column..].as_mut_ptr(), by_row: head_dim };
                        // SAFETY: the group's weights and values of the keys it sees, and its outputs.
                        unsafe { by.stair(group.count, columns, &within, left, right, to) };
                        continue;
                    }
                    let mut o = [[0.0f32; COLUMNS]; ROWS];
                    let to = Out { at: o.as_mut_ptr().cast(), by_row: COLUMNS };
                    // SAFETY: as above, and the array of sums.
                    unsafe { by.stair(group.count, columns, &within, left, right, to) };
                    for (row, o) in o.iter().take(group.count).enumerate() {
                        let out = &mut out[row * head_dim + column..][..columns];
                        let head = group.first + row;
                        let (a, b) = (on.splat(a[head]), on.splat(b[head]));
                        for (out, o) in out.chunks_mut(LANES).zip(o.chunks(LANES)) {
                            let folded = on.fma(on.load(o), b, on.mul(on.load_some(out), a));
                            on.store_some(folded, out);
                        }
                    }
                }
                group = next_group(how, &heads, group.first + group.count);
            }
        }

        let mut sums = [0.0f32; LANES];
        for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
            sums[head] = on.sum_tree(on.load(&totals[head]));
            let share = on.splat(1.0 / sums[head]);
            for out in out.chunks_mut(LANES) {
                on.store_some(on.mul(on.load_some(out), share), out);
            }
        }
        for (head, to) in log_sum_exp.into_iter().flatten().enumerate() {
            *to = most[head] + ln(sums[head]);
        }
    }
}

/// The heads from `first` on, counted from the part's first, that share a key head; none at its end.
#[inline(always)]
fn next_group(how: &Heads, heads: &Range<usize>, first: usize) -> Group {
    let head = heads.start + first;
    let key_head = head / how.group();
    let end = heads.end.min((key_head + 1) * how.group());
    Group { first, count: end.saturating_sub(head).min(ROWS), key_head }
}
