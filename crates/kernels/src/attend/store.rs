//! Writes rows of keys and values into their pages, as numbers or rounded to pairs of bf16.

use std::ops::Range;

use super::{
    AttentionParams, Compute, KvPagesMut, PAGE, SequenceSpan,
    arithmetic::{Arithmetic, Bf16Arithmetic},
    span_of_part,
};
use crate::{
    bf16::as_pairs_mut,
    isa::Isa,
    naive::bf16::{pair_bits, round},
    thread_pool::{DisjointSlices, ThreadPool},
    transpose::{Rows, Transpose, TransposePairs},
};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// `key`, `value`: `[rows, key_heads, head_dim]`. Touches no position but those of the spans' rows, and
/// no two spans have a page in common.
pub fn store(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    key: &[f32],
    value: &[f32],
    spans: &[SequenceSpan],
    pages: KvPagesMut<'_>,
) {
    let AttentionParams { key_heads, head_dim, .. } = *params;
    let count: usize = spans.iter().map(|span| pages_of(span).len()).sum();
    let mean = key.len().div_ceil((count * key_heads).max(1)).max(1);
    let storage = DisjointSlices::new(pages.storage);
    let len = params.head_len();
    // A task is a head of a page: its keys and values lie together.
    pool.for_each_range(count * key_heads, 1, MIN_PER_THREAD.div_ceil(mean), &|tasks| {
        for task in tasks {
            let Some((span, nth)) =
                span_of_part(spans, task / key_heads, |span| pages_of(span).len())
            else {
                return;
            };
            let page = pages_of(span).start + nth;
            let head = task % key_heads;
            let base = pages.table[span.first_page + page] as usize * pages.stride + head * len;
            let (keys, values) = (base + pages.keys_at, base + pages.values_at);
            // SAFETY: a head of a page belongs to one task, for each page belongs to one span.
            let (keys, values) = unsafe {
                (storage.range_mut(keys..keys + len), storage.range_mut(values..values + len))
            };
            let first = span.first_position.max(page * PAGE);
            let end = (span.first_position + span.rows).min((page + 1) * PAGE);
            let from = (span.first_row + first - span.first_position) * key_heads + head;
            let (from, row_stride) = (from * head_dim, key_heads * head_dim);
            let key = Rows::new(key, from, row_stride, end - first, head_dim);
            let value = Rows::new(value, from, row_stride, end - first, head_dim);
            let slots = first % PAGE..first % PAGE + key.count;
            match params.products {
                Compute::F32 => store_numbers(pool.isa(), key, value, &slots, keys, values),
                Compute::Bf16 => store_pairs(pool.isa(), key, value, &slots, keys, values),
            }
        }
    });
}

/// Rows of a head for slots of its page.
fn store_numbers(
    isa: Isa,
    key: Rows<'_>,
    value: Rows<'_>,
    slots: &Range<usize>,
    keys: &mut [f32],
    values: &mut [f32],
) {
    let is_page = slots.len() == PAGE;
    if is_page {
        isa.run(Transpose { rows: key, out: keys });
    }
    for (row, slot) in slots.clone().enumerate() {
        let (key, value) = (key.row(row), value.row(row));
        if !is_page {
            for (d, key) in key.iter().enumerate() {
                keys[d * PAGE + slot] = *key;
            }
        }
        values[slot * value.len()..][..value.len()].copy_from_slice(value);
    }
}

/// The same as pairs: a position is half of a pair of values, and the other half stays what it is.
fn store_pairs(
    isa: Isa,
    key: Rows<'_>,
    value: Rows<'_>,
    slots: &Range<usize>,
    keys: &mut [f32],
    values: &mut [f32],
) {
    if slots.len() == PAGE {
        isa.run_pairs(TransposePairs { rows: key, out: as_pairs_mut(keys) });
        Bf16Arithmetic(isa).rhs_across_rows(value, values);
        return;
    }
    let (keys, values) = (as_pairs_mut(keys), as_pairs_mut(values));
    for (row, slot) in slots.clone().enumerate() {
        let (key, value) = (key.row(row), value.row(row));
        for (pair, key) in key.chunks(2).enumerate() {
            keys[pair * PAGE + slot] =
                pair_bits(round(key[0]), key.get(1).map_or(0, |odd| round(*odd)));
        }
        let pairs = &mut values[slot / 2 * value.len()..][..value.len()];
        for (pair, value) in pairs.iter_mut().zip(value) {
            let [even, odd] = [*pair as u16, (*pair >> 16) as u16];
            let value = round(*value);
            *pair =
                if slot.is_multiple_of(2) { pair_bits(value, odd) } else { pair_bits(even, value) };
        }
    }
}

/// The pages that a span's rows lie in, counted from its position 0.
fn pages_of(span: &SequenceSpan) -> Range<usize> {
    let end = (span.first_position + span.rows).div_ceil(PAGE);
    (span.first_position / PAGE).min(end)..if span.rows == 0 { 0 } else { end }
}
