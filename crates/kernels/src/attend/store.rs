//! Writes rows of keys and values into their pages.

use super::{Heads, PAGE, PagesMut, Span};
use crate::team::Team;

/// `key`, `value`: `[rows, key_heads, head_dim]`. Touches no position but those of the spans' rows.
pub fn store(
    _: &Team,
    how: &Heads,
    key: &[f32],
    value: &[f32],
    spans: &[Span],
    pages: PagesMut<'_>,
) {
    let Heads { key_heads, head_dim, .. } = *how;
    for span in spans {
        for index in 0..span.rows {
            let position = span.first_position + index;
            let page = pages.table[span.first_page + position / PAGE] as usize * pages.stride;
            let (keys, values) = (page + pages.keys_at, page + pages.values_at);
            let slot = position % PAGE;
            for head in 0..key_heads {
                let from = ((span.first_row + index) * key_heads + head) * head_dim;
                let of_head = head * head_dim * PAGE;
                let keys = &mut pages.storage[keys + of_head..];
                for (d, key) in key[from..from + head_dim].iter().enumerate() {
                    keys[d * PAGE + slot] = *key;
                }
                let at = values + of_head + slot * head_dim;
                pages.storage[at..at + head_dim].copy_from_slice(&value[from..from + head_dim]);
            }
        }
    }
}
