//! Scores and patterns, for whoever looks: the same chains as forward, kept.

use std::ops::Range;

use super::{
    Heads, PAGE, Pages, Span,
    arithmetic::{Arithmetic, Attention, Six, run},
};
use crate::{
    lanes::{LANES, Lanes},
    math::exp_lanes,
    naive::attend::visible,
    team::{Pieces, Team},
    tile::{COLUMNS, Out, ROWS},
    turn::Rows,
};

/// Blocks of six rows that are worth a thread of their own.
const LEAST: usize = 4;

/// The scaled scores, −inf where hidden: `[heads, queries, keys]`, keys from position 0.
pub fn scores(
    team: &Team,
    how: &Heads,
    query: &[f32],
    span: &Span,
    pages: Pages<'_>,
    out: &mut [f32],
) {
    seen(team, how, query, span, pages, None, out);
}

/// exp(score − log-sum-exp), +0 where hidden: `[heads, queries, keys]`.
///
/// `log_sum_exp`: `[rows, heads]`, as [`forward`](super::forward()) gives it.
pub fn pattern(
    team: &Team,
    how: &Heads,
    query: &[f32],
    span: &Span,
    pages: Pages<'_>,
    log_sum_exp: &[f32],
    out: &mut [f32],
) {
    seen(team, how, query, span, pages, Some(log_sum_exp), out);
}

fn seen(
    team: &Team,
    how: &Heads,
    query: &[f32],
    span: &Span,
    pages: Pages<'_>,
    log_sum_exp: Option<&[f32]>,
    out: &mut [f32],
) {
    let keys = span.first_position + span.rows;
    assert_eq!(out.len(), how.heads * span.rows * keys, "an output of another shape");
    let blocks = span.rows.div_ceil(ROWS);
    let out = Pieces::new(out);
    team.split(how.heads * blocks, 1, LEAST, &|tasks| {
        for task in tasks {
            let (head, first) = (task / blocks, task % blocks * ROWS);
            let rows = first..span.rows.min(first + ROWS);
            // SAFETY: rows of a head belong to one task.
            let out = unsafe {
                let row = |row: usize| (head * span.rows + row) * keys;
                out.piece(row(rows.start)..row(rows.end))
            };
            run(team.path(), how, Seen { how, query, span, pages, log_sum_exp, head, rows, out });
        }
    });
}

/// Up to six rows of one head.
struct Seen<'a> {
    how: &'a Heads,
    query: &'a [f32],
    span: &'a Span,
    pages: Pages<'a>,
    log_sum_exp: Option<&'a [f32]>,
    head: usize,
    rows: Range<usize>,
    /// `[rows, keys]`
    out: &'a mut [f32],
}

impl Attention for Seen<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(self, on: L, by: A) {
        let Self { how, query, span, pages, log_sum_exp, head, rows, out, .. } = self;
        let Heads { heads, head_dim, .. } = *how;
        let keys = span.first_position + span.rows;
        let at = |row: usize| ((span.first_row + row) * heads + head) * head_dim;
        let mut room = Six::EMPTY;
        let query = Rows::new(query, at(rows.start), heads * head_dim, rows.len(), head_dim);
        let rounded = by.whole(query, &mut room.query);
        out.fill(if log_sum_exp.is_some() { 0.0 } else { f32::NEG_INFINITY });
        let first = visible(how, span.first_position + rows.start).start / PAGE;
        let end = visible(how, span.first_position + rows.end - 1).end.div_ceil(PAGE);
        let scale = on.splat(how.scale);
        for page_index in first..end {
            let page = pages.table[span.first_page + page_index] as usize * pages.stride;
            let len = how.head_len();
            let of_head = page + pages.keys_at + head / how.group() * len;
            let page_keys = &pages.storage[of_head..of_head + len];
            let mut held = [[0.0f32; PAGE]; ROWS];
            let to = Out { at: held[0].as_mut_ptr(), by_row: PAGE };
            // SAFETY: these rows of queries, a tile of keys, and an array of six rows.
            unsafe { by.scores(query, rounded, &mut room.part, page_keys, COLUMNS, to) };
            for ((row, held), out) in rows.clone().zip(&mut held).zip(out.chunks_exact_mut(keys)) {
                let total =
                    log_sum_exp.map(|sums| on.splat(sums[(span.first_row + row) * heads + head]));
                for part in held.chunks_exact_mut(LANES) {
                    let score = on.mul(on.load(part), scale);
                    let kept = match total {
                        Some(total) => exp_lanes(on, on.sub(score, total)),
                        None => score,
                    };
                    on.store(kept, part);
                }
                let seen = visible(how, span.first_position + row);
                let base = page_index * PAGE;
                let (low, high) = (seen.start.max(base), seen.end.min(base + PAGE));
                if low < high {
                    out[low..high].copy_from_slice(&held[low - base..high - base]);
                }
            }
        }
    }
}
