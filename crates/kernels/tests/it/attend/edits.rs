//! What an edit does to the scores of a row, counted by hand.

use std::sync::Arc;

use lookback_kernels::attend::edits::{AttentionChange, AttentionEdit, ElementChange, edit_scores};

const INF: f32 = f32::INFINITY;

fn edit(keys: Option<&[u32]>, change: AttentionChange) -> AttentionEdit {
    AttentionEdit { heads: None, queries: None, keys: keys.map(Arc::from), change }
}

#[test]
fn of_equal_scores_the_lower_key_is_kept() {
    let kept = |count, keys: Option<&[u32]>| {
        let mut scores = [9.0, 1.0, 3.0, -0.0, 3.0, 0.0, 9.0];
        let edits = [edit(keys, AttentionChange::KeepTop(count))];
        let changed = edit_scores(&edits, [0, 5], &(1..6), &mut scores);
        assert_eq!([scores[0], scores[6]], [9.0; 2], "what is not seen stays");
        (changed, scores[1..6].to_vec())
    };
    assert_eq!(kept(1, None), (true, vec![-INF, 3.0, -INF, -INF, -INF]));
    assert_eq!(kept(2, None), (true, vec![-INF, 3.0, -INF, 3.0, -INF]));
    assert_eq!(kept(4, None), (true, vec![1.0, 3.0, -0.0, 3.0, -INF]));
    assert_eq!(kept(9, None), (false, vec![1.0, 3.0, -0.0, 3.0, 0.0]));
    assert_eq!(kept(1, Some(&[0, 3, 5])), (true, vec![1.0, 3.0, -0.0, 3.0, -INF]));
    assert_eq!(kept(0, None), (true, vec![-INF; 5]));
    // NaN is larger than every number.
    let mut scores = [0.0, INF, 1.0, 2.0, f32::NAN];
    edit_scores(&[edit(None, AttentionChange::KeepTop(1))], [0, 4], &(1..5), &mut scores);
    assert_eq!(scores[..4], [0.0, -INF, -INF, -INF]);
    assert!(scores[4].is_nan());
}

#[test]
fn each_key_meets_its_own_number_and_hidden_ones_meet_none() {
    let numbers: Arc<[f32]> = (0..12).map(|at| at as f32).collect();
    let edits = [AttentionEdit {
        heads: Some([1, 3].into()),
        queries: Some([2, 4].into()),
        keys: Some([0, 2, 4].into()),
        change: AttentionChange::Scores(ElementChange::Set, numbers),
    }];
    let row = |head, position| {
        let mut scores = [-1.0; 5];
        edit_scores(&edits, [head, position], &(1..position + 1), &mut scores);
        scores
    };
    assert_eq!(row(1, 2), [-1.0, -1.0, 1.0, -1.0, -1.0]);
    assert_eq!(row(3, 4), [-1.0, -1.0, 10.0, -1.0, 11.0]);
    assert_eq!([row(0, 2), row(1, 3)], [[-1.0; 5]; 2]);
}
