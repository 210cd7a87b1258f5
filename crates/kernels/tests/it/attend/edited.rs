//! Attention with changed scores and weights equals its twin bit for bit; what writes what stands there changes
//! nothing; so does attention without a mask, whose rows see every key.

use std::sync::Arc;

use lookback_kernels::{
    attend::{
        self, AttentionParams, EditedRows, Gradients,
        edits::{AttentionChange, AttentionEdit, ElementChange},
    },
    isa::Isa,
    naive,
    thread_pool::ThreadPool,
};

use super::{
    SHAPES, WINDOWS, backward_equals_the_twin,
    fixture::{Fixture, KINDS, Kind, Numbers, bits, heads, of_both, pools, with_terms},
    forward_equals_the_twin,
};

/// Positions and heads that are chosen: about every `nth`, or all.
fn chosen(numbers: &mut Numbers, end: usize, nth: usize) -> Option<Arc<[u32]>> {
    (nth > 0).then(|| (0..end as u32).filter(|_| numbers.below(nth) == 0).collect())
}

/// One to four edits that look random.
fn some_edits(params: &AttentionParams<'_>, positions: usize, seed: u64) -> Vec<AttentionEdit> {
    let mut numbers = Numbers::new(seed);
    let count = 1 + numbers.below(4);
    (0..count)
        .map(|_| {
            let nth = numbers.below(3);
            let heads = chosen(&mut numbers, params.heads, nth);
            let nth = numbers.below(4);
            let queries = chosen(&mut numbers, positions, nth);
            let nth = [0, 1, 2, 9, 40][numbers.below(5)];
            let keys = chosen(&mut numbers, positions, nth);
            let len = match (&queries, &keys) {
                (Some(queries), Some(keys)) if numbers.below(2) == 0 => {
                    let heads = heads.as_ref().map_or(params.heads, |heads| heads.len());
                    heads * queries.len() * keys.len()
                }
                _ => 1,
            };
            let element = [ElementChange::Set, ElementChange::Add, ElementChange::Scale];
            let element = element[numbers.below(3)];
            let mut values = numbers.some(Kind::Scale(2.0), len);
            let change = match numbers.below(5) {
                0 => AttentionChange::KeepTop(1 + numbers.below(4)),
                1 | 2 => AttentionChange::Pattern(element, values.into()),
                turn => {
                    if turn == 4 && element != ElementChange::Scale {
                        values.iter_mut().step_by(2).for_each(|x| *x = f32::NEG_INFINITY);
                    }
                    AttentionChange::Scores(element, values.into())
                }
            };
            AttentionEdit { heads, queries, keys, change }
        })
        .collect()
}

/// Output, log-sum-exps, and scores and pattern of the last span.
type Results = [Vec<f32>; 4];

fn by_twin(fixture: &Fixture, edits: &[AttentionEdit]) -> Results {
    let (params, query, pages) = (&fixture.params, &fixture.query, fixture.pages());
    let mut out = vec![5.0; query.len()];
    let mut sums = vec![5.0; fixture.rows() * params.heads];
    let to = Some(&mut sums[..]);
    let edited = (params, edits);
    naive::attend::forward_edited(edited, query, &fixture.spans, pages, &mut out, to);
    let span = &fixture.spans[fixture.spans.len() - 1];
    let len = span.rows * (span.first_position + span.rows);
    let [mut scores, mut pattern] = [(); 2].map(|()| vec![5.0; params.heads * len]);
    for head in 0..params.heads {
        let own = head * len..(head + 1) * len;
        let to = &mut scores[own.clone()];
        naive::attend::scores_edited(edited, head, query, span, pages, to);
        let to = &mut pattern[own];
        naive::attend::pattern_edited(edited, head, query, span, pages, &sums, to);
    }
    [out, sums, scores, pattern]
}

fn by_team(fixture: &Fixture, edits: &[AttentionEdit], pool: &ThreadPool) -> Results {
    let (params, query, pages) = (&fixture.params, &fixture.query, fixture.pages());
    let [mut out, mut sums] = fixture.by_team(pool);
    let positions = fixture.spans.iter().map(|span| span.first_position + span.rows).max();
    let len = attend::edited_scratch(positions.unwrap_or(0), pool.threads());
    let mut scratch = vec![f32::NAN; len];
    let to = Some(&mut sums[..]);
    let (spans, scratch) = (&fixture.spans, &mut scratch);
    let (edited, to) = ((params, edits), (&mut out[..], to));
    attend::forward_edited(pool, edited, query, spans, pages, scratch, to);
    let span = &fixture.spans[fixture.spans.len() - 1];
    let len = params.heads * span.rows * (span.first_position + span.rows);
    let [mut scores, mut pattern] = [(); 2].map(|()| vec![5.0; len]);
    attend::scores_edited(pool, edited, query, span, pages, &mut scores);
    attend::pattern_edited(pool, edited, query, span, pages, &sums, &mut pattern);
    [out, sums, scores, pattern]
}

/// The gradients of queries, keys, values and sinks by the twin, and by each pool.
fn gradients_equal_the_twin(fixture: &Fixture, edits: &[AttentionEdit], what: &str) {
    let params = &fixture.params;
    let [out, sums, ..] = by_twin(fixture, edits);
    let saved = fixture.saved(3);
    let inputs = attend::BackwardInputs { out: &out, log_sum_exp: &sums, ..saved.inputs(fixture) };
    let [mut dq, mut dk, mut dv] =
        [inputs.query, inputs.key, inputs.value].map(|x| vec![5.0; x.len()]);
    let mut dsinks = vec![0.25; params.heads];
    let to = Gradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, dsinks: Some(&mut dsinks) };
    naive::attend::backward(params, inputs, edits, to);
    for pool in &pools() {
        let len = attend::backward_scratch(params, fixture.rows(), pool.threads());
        let mut scratch = vec![f32::NAN; len];
        let mut slots = vec![7; fixture.rows() * params.heads];
        let mut held = vec![f32::NAN; EditedRows::held_len(params, edits, &fixture.spans)];
        let [mut q, mut k, mut v] = [&dq, &dk, &dv].map(|x| vec![f32::NAN; x.len()]);
        let mut s = vec![0.25; params.heads];
        let to = Gradients { dq: &mut q, dk: &mut k, dv: &mut v, dsinks: Some(&mut s) };
        let edited = EditedRows { edits, slots: &mut slots, held: &mut held };
        attend::backward_edited(pool, params, inputs, edited, &mut scratch, to);
        let found = [q, k, v, s].map(|x| bits(&x));
        assert_eq!(found, [&dq, &dk, &dv, &dsinks].map(|x| bits(x)), "{what}, {pool:?}");
    }
}

#[test]
fn edited_attention_equals_its_twin_on_every_path() {
    for (index, [query_heads, key_heads, head_dim]) in SHAPES.into_iter().enumerate() {
        for (turn, length) in [1, 9, 64, 130].into_iter().enumerate() {
            let at = index * 4 + turn;
            let window = WINDOWS[at % WINDOWS.len()];
            let params = heads(query_heads, key_heads, head_dim, window);
            let params = if at % 3 == 0 { with_terms(params, at / 3) } else { params };
            for params in of_both(params) {
                let fixture = Fixture::new(params, &[(0, length)], KINDS[at % 5], at as u64);
                let edits = some_edits(&params, length, at as u64);
                let what = format!("{length} rows, {params:?}, {edits:?}");
                let twin = by_twin(&fixture, &edits).map(|x| bits(&x));
                for pool in &pools() {
                    let found = by_team(&fixture, &edits, pool).map(|x| bits(&x));
                    assert_eq!(found, twin, "{what}, {pool:?}");
                }
                gradients_equal_the_twin(&fixture, &edits, &what);
            }
        }
    }
}

#[test]
fn chunks_and_batches_of_an_edited_attention_change_no_bit() {
    for (seed, params) in of_both(heads(4, 2, 20, Some(70))).into_iter().enumerate() {
        let mut fixture = Fixture::new(params, &[(0, 150)], Kind::Scale(1.0), 5);
        let edits = some_edits(&params, 150, 11 + seed as u64);
        let pool = ThreadPool::new(2, Isa::detect());
        let [whole, ..] = by_twin(&fixture, &edits).map(|x| bits(&x));
        let rows = whole.len() / 150;
        for chunk in [1, 7, 64] {
            let mut all = Vec::new();
            let query = std::mem::take(&mut fixture.query);
            for first in (0..150).step_by(chunk) {
                let count = chunk.min(150 - first);
                fixture.query = query[first * rows..(first + count) * rows].to_vec();
                fixture.spans[0].rows = count;
                fixture.spans[0].first_position = first;
                all.extend(bits(&by_team(&fixture, &edits, &pool)[0]));
            }
            assert!(all == whole, "{chunk}");
            fixture.query = query;
        }
    }
}

#[test]
fn what_writes_what_stands_there_keeps_every_bit_and_only_edited_rows_change() {
    let rows = 70;
    let positions: Arc<[u32]> = (0..rows as u32).collect();
    for params in of_both(heads(2, 1, 16, Some(66))) {
        for params in [params, with_terms(params, 3)] {
            let fixture = Fixture::new(params, &[(0, rows)], Kind::Scale(1.0), 7);
            let [out, sums, scores, pattern] = by_twin(&fixture, &[]);
            assert_eq!([bits(&out), bits(&sums)], fixture.by_twin().map(|x| bits(&x)));
            let all = |change| AttentionEdit {
                heads: None,
                queries: Some(positions.clone()),
                keys: Some(positions.clone()),
                change,
            };
            let set = ElementChange::Set;
            let same = [
                all(AttentionChange::Scores(set, scores.clone().into())),
                all(AttentionChange::Pattern(set, pattern.clone().into())),
                all(AttentionChange::KeepTop(rows)),
            ];
            for pool in &pools() {
                let found = by_team(&fixture, &same, pool).map(|x| bits(&x));
                assert_eq!(found, [&out, &sums, &scores, &pattern].map(|x| bits(x)), "{pool:?}");
            }
            // Another weight of one row and head leaves all others.
            let one = AttentionEdit {
                heads: Some([1].into()),
                queries: Some([40].into()),
                keys: Some([3].into()),
                change: AttentionChange::Pattern(ElementChange::Add, [0.5].into()),
            };
            let [changed, ..] = by_twin(&fixture, &[one]);
            let at = (40 * 2 + 1) * 16;
            assert_ne!(changed[at..at + 16], out[at..at + 16]);
            assert_eq!(changed[..at], out[..at]);
            assert_eq!(changed[at + 16..], out[at + 16..]);
        }
    }
}

#[test]
fn hardened_rows_give_the_value_of_their_largest_score_and_hidden_rows_give_nothing() {
    let params = heads(1, 1, 8, None);
    let fixture = Fixture::new(params, &[(0, 140)], Kind::Scale(1.0), 9);
    let edit = |keys: Option<Vec<u32>>, change| AttentionEdit {
        heads: None,
        queries: None,
        keys: keys.map(Arc::from),
        change,
    };
    let [_, _, scores, _] = by_twin(&fixture, &[]);
    let hard = edit(None, AttentionChange::KeepTop(1));
    let [out, _, _, pattern] = by_twin(&fixture, &[hard]);
    for row in 0..140 {
        let seen = &scores[row * 140..][..=row];
        let best = (0..=row).fold(0, |best, at| if seen[at] > seen[best] { at } else { best });
        assert_eq!(out[row * 8..][..8], fixture.values[0][best * 8..][..8], "row {row}");
        assert_eq!(pattern[row * 140 + best], 1.0);
    }
    // Whole tiles of −inf are as if hidden, and a row of nothing else is zeros, its weights too.
    let minus = AttentionChange::Scores(ElementChange::Set, [f32::NEG_INFINITY].into());
    let first_tile = edit(Some((0..64).collect()), minus);
    let [out, sums, _, pattern] = by_twin(&fixture, &[first_tile]);
    assert!(out[..64 * 8].iter().chain(&sums[..64]).all(|x| x.to_bits() == 0));
    assert!(pattern.iter().all(|x| x.is_finite()) && out.iter().all(|x| x.is_finite()));
    assert_eq!(out[64 * 8..65 * 8], fixture.values[0][64 * 8..65 * 8]);
}

#[test]
fn without_a_mask_every_row_sees_every_key() {
    for (index, [query_heads, key_heads, head_dim]) in SHAPES.into_iter().enumerate() {
        let causal = heads(query_heads, key_heads, head_dim, None);
        let params = AttentionParams { is_causal: false, ..causal };
        let of_shape = [params, with_terms(params, index)].into_iter().flat_map(of_both);
        for (turn, params) in of_shape.enumerate() {
            let length = if head_dim < 100 { [7, 65, 130][(index + turn) % 3] } else { 9 };
            let kind = KINDS[index % 5];
            let fixture = Fixture::new(params, &[(0, length), (0, 9)], kind, 3);
            let what = format!("{length} rows, {params:?}");
            forward_equals_the_twin(&fixture, &what);
            backward_equals_the_twin(&fixture, 4, &what);
            let edits = some_edits(&params, length, index as u64);
            gradients_equal_the_twin(&fixture, &edits, &what);
        }
    }
    // The last row of a sequence sees the same with a mask.
    let causal = heads(1, 1, 16, None);
    let fixture = Fixture::new(causal, &[(0, 60)], Kind::Scale(1.0), 5);
    let [masked, _] = fixture.by_twin();
    let [open, _] =
        Fixture { params: AttentionParams { is_causal: false, ..causal }, ..fixture.clone() }
            .by_twin();
    assert_eq!(open[59 * 16..], masked[59 * 16..]);
    assert_ne!(open[..16], masked[..16]);
}
