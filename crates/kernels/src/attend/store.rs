//! Writes rows of keys and values into their pages.

use super::{Heads, PAGE, PagesMut, Span, part_of};
use crate::team::{Pieces, Team};

/// Elements that are worth a thread of their own.
const LEAST: usize = 16 * 1024;

/// `key`, `value`: `[rows, key_heads, head_dim]`. Touches no position but those of the spans' rows, and
/// no two spans have a page in common.
pub fn store(
    team: &Team,
    how: &Heads,
    key: &[f32],
    value: &[f32],
    spans: &[Span],
    pages: PagesMut<'_>,
) {
    let Heads { key_heads, head_dim, .. } = *how;
    let count: usize = spans.iter().map(|span| pages_of(span).len()).sum();
    let mean = key.len().div_ceil((count * key_heads).max(1)).max(1);
    let storage = Pieces::new(pages.storage);
    let len = head_dim * PAGE;
    // A task is a head of a page: its keys and values lie together.
    team.split(count * key_heads, 1, LEAST.div_ceil(mean), &|tasks| {
        for task in tasks {
            let Some((span, nth)) = part_of(spans, task / key_heads, |span| pages_of(span).len())
            else {
                return;
            };
            let page = pages_of(span).start + nth;
            let head = task % key_heads;
            let base = pages.table[span.first_page + page] as usize * pages.stride + head * len;
            let (keys, values) = (base + pages.keys_at, base + pages.values_at);
            // SAFETY: a head of a page belongs to one task, for each page belongs to one span.
            let (keys, values) =
                unsafe { (storage.piece(keys..keys + len), storage.piece(values..values + len)) };
            let first = span.first_position.max(page * PAGE);
            let end = (span.first_position + span.rows).min((page + 1) * PAGE);
            for position in first..end {
                let row = span.first_row + position - span.first_position;
                let from = (row * key_heads + head) * head_dim;
                let slot = position % PAGE;
                for (d, key) in key[from..from + head_dim].iter().enumerate() {
                    keys[d * PAGE + slot] = *key;
                }
                values[slot * head_dim..][..head_dim]
                    .copy_from_slice(&value[from..from + head_dim]);
            }
        }
    });
}

/// The pages that a span's rows lie in, counted from its position 0.
fn pages_of(span: &Span) -> std::ops::Range<usize> {
    let end = (span.first_position + span.rows).div_ceil(PAGE);
    (span.first_position / PAGE).min(end)..if span.rows == 0 { 0 } else { end }
}
