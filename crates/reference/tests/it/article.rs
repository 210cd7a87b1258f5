//! What the article says, on inputs small enough to check by hand.

use lookback_reference::{
    attend::{Variation, attend, attend_varied, masked_softmax},
    logits::{cross_entropy, softmax},
    mlp::{Activation, erf},
    norm::Norm,
    position::rotate,
    sample::{greedy, top_k, top_p},
};
use ndarray::{Array2, array};

fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn equal_scores_share_equally_among_what_has_come() {
    let weights = masked_softmax(Array2::zeros((3, 3)), None);
    let expected = array![[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]];
    assert!(close(&weights, &expected));
    let windowed = masked_softmax(Array2::zeros((3, 3)), Some(2));
    assert!(close(&windowed, &array![[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]));
}

#[test]
fn a_dot_product_is_divided_by_the_root_of_the_width() {
    // The second query meets keys with scores 0 and 2·ln 3 / √4 = ln 3: shares 1/4 and 3/4.
    let query = array![[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]];
    let key = array![[0.0, 0.0, 0.0, 0.0], [2.0 * 3f64.ln(), 0.0, 0.0, 0.0]];
    let value = array![[4.0, 0.0, 0.0, 0.0], [8.0, 0.0, 0.0, 0.0]];
    let context = attend(query.view(), key.view(), value.view(), None);
    assert!((context[[1, 0]] - 7.0).abs() < 1e-12);
}

#[test]
fn a_cap_a_slope_and_a_sink_change_scores_and_shares() {
    let zeros = Array2::zeros((3, 1));
    let value = array![[1.0], [2.0], [4.0]];
    let context = |query: &Array2<f64>, variation| {
        attend_varied(query.view(), Array2::ones((3, 1)).view(), value.view(), variation)
    };
    // Scores of 0 and a slope of ln 2: each key counts half as much as the next.
    let slope = Variation { alibi_slope: 2f64.ln(), ..Variation::default() };
    assert!(close(&context(&zeros, slope), &array![[1.0], [5.0 / 3.0], [3.0]]));
    // A sink of 0 beside scores of 0 is one more token without a value.
    let sink = Variation { sink: Some(0.0), ..Variation::default() };
    assert!(close(&context(&zeros, sink), &array![[0.5], [1.0], [7.0 / 4.0]]));
    // A cap moves both scores of a row to the cap: the larger no longer stands out.
    let key = array![[0.0], [1000.0], [2000.0]];
    let cap = Variation { score_cap: Some(1.0), ..Variation::default() };
    let capped = attend_varied(Array2::ones((3, 1)).view(), key.view(), value.view(), cap);
    let e = 1f64.exp();
    assert!((capped[[2, 0]] - (1.0 + 2.0 * e + 4.0 * e) / (1.0 + 2.0 * e)).abs() < 1e-12);
    // Nothing changed is attention itself.
    let plain = attend(key.view(), key.view(), value.view(), None);
    assert_eq!(attend_varied(key.view(), key.view(), value.view(), Variation::default()), plain);
}

#[test]
fn the_future_does_not_leak() {
    let x = array![[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]];
    let mut other = x.clone();
    other.row_mut(2).fill(99.0);
    let first = attend(x.view(), x.view(), x.view(), None);
    let second = attend(other.view(), other.view(), other.view(), None);
    assert_eq!(first.row(0), second.row(0));
    assert_eq!(first.row(1), second.row(1));
    assert_ne!(first.row(2), second.row(2));
}

#[test]
fn a_rotated_product_depends_on_the_distance_alone() {
    let row = array![0.3, -0.7, 1.1, 0.2];
    let other = array![-0.4, 0.9, 0.6, -1.3];
    let multi_head = |row: &ndarray::Array1<f64>| {
        let rows = Array2::from_shape_fn((9, 4), |(_, column)| row[column]);
        rotate(rows.view(), 4, 10_000.0)
    };
    let (a, b) = (multi_head(&row), multi_head(&other));
    assert!((a.row(2).dot(&b.row(5)) - a.row(5).dot(&b.row(8))).abs() < 1e-12);
    assert!((a.row(2).dot(&b.row(5)) - a.row(2).dot(&b.row(6))).abs() > 1e-3);
}

#[test]
fn norms_are_those_of_their_papers() {
    let x = array![[1.0, 3.0]];
    let norm = |is_layer| Norm { is_layer, weight: array![1.0, 2.0], bias: None, epsilon: 0.0 };
    assert!(close(&norm(true).apply(&x), &array![[-1.0, 2.0]]));
    let root = 5f64.sqrt();
    assert!(close(&norm(false).apply(&x), &array![[1.0 / root, 6.0 / root]]));
}

#[test]
fn activations_have_their_known_values() {
    assert!((erf(0.5) - 0.520_499_877_813_046_5).abs() < 1e-14);
    assert!((erf(-2.0) + 0.995_322_265_018_952_7).abs() < 1e-14);
    assert!((Activation::Gelu.apply(1.0) - 0.841_344_746_068_542_9).abs() < 1e-12);
    assert!((Activation::GeluTanh.apply(1.0) - 0.841_191_990_607_477_3).abs() < 1e-9);
    assert!((Activation::Silu.apply(1.0) - 0.731_058_578_630_004_9).abs() < 1e-12);
    assert_eq!(Activation::Relu2.apply(-2.0), 0.0);
    assert_eq!(Activation::Relu2.apply(3.0), 9.0);
}

#[test]
fn what_was_certain_is_no_surprise() {
    let logits = array![[0.0, 800.0], [0.0, 0.0]];
    assert!(close(&softmax(&logits), &array![[0.0, 1.0], [0.5, 0.5]]));
    let surprise = cross_entropy(&logits, &[1, 0]);
    assert!(surprise[0].abs() < 1e-12 && (surprise[1] - 2f64.ln()).abs() < 1e-12);
}

#[test]
fn samplers_keep_what_they_say() {
    let logits = array![0.1f64.ln(), 0.5f64.ln(), 0.25f64.ln(), 0.15f64.ln()];
    assert_eq!(greedy(logits.view()), 1);
    assert_eq!(top_k(logits.view(), 2), [1, 2]);
    assert_eq!(top_p(logits.view(), 0.5), [1]);
    assert_eq!(top_p(logits.view(), 0.76), [1, 2, 3]);
}

/// The rows of `x` in another order.
fn permuted(x: &Array2<f64>, order: &[usize]) -> Array2<f64> {
    x.select(ndarray::Axis(0), order)
}

#[test]
fn without_a_mask_attention_does_not_know_the_order_of_words() {
    let x = array![[1.0, 2.0], [0.5, -1.0], [3.0, 0.25], [-0.7, 0.1]];
    let order = [2, 0, 3, 1];
    let unmasked = |x: &Array2<f64>| softmax(&(x.dot(&x.t()) / 2f64.sqrt())).dot(x);
    let turned = unmasked(&permuted(&x, &order));
    assert!(close(&turned, &permuted(&unmasked(&x), &order)), "the rows come out in that order");
    // The mask is what tells the first of two layers where a token stands, and the second of the same
    // tokens in another order sees other sums.
    let masked = |x: &Array2<f64>| attend(x.view(), x.view(), x.view(), None);
    let turned = masked(&permuted(&x, &order));
    assert!(!close(&turned, &permuted(&masked(&x), &order)));
    // The last token sees the same set in any order, so one layer cannot tell it from another …
    let order = [1, 0, 2, 3];
    assert!(
        (&masked(&permuted(&x, &order)).row(3) - &masked(&x).row(3))
            .iter()
            .all(|d| d.abs() < 1e-12)
    );
    // … and two can.
    let twice = |x: &Array2<f64>| masked(&(x + masked(x)));
    assert!(
        (&twice(&permuted(&x, &order)).row(3) - &twice(&x).row(3)).iter().any(|d| d.abs() > 1e-3)
    );
}

#[test]
fn without_projections_a_token_looks_mostly_at_itself() {
    // Of rows of one length no product is larger than a row's with itself.
    let x = array![[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]];
    let weights = masked_softmax(x.dot(&x.t()), None);
    for row in 0..3 {
        let most = (0..3).fold(0, |a, b| if weights[[row, b]] > weights[[row, a]] { b } else { a });
        assert_eq!(most, row);
    }
}

#[test]
fn heads_that_share_keys_stand_side_by_side() {
    use lookback_reference::attend::multi_head;
    let wide = |rows: usize, columns: usize, seed: f64| {
        Array2::from_shape_fn((rows, columns), |(r, c)| {
            (seed + 3.7 * r as f64 + 1.3 * c as f64).sin()
        })
    };
    let (query, key, value) = (wide(5, 8, 0.1), wide(5, 4, 0.2), wide(5, 4, 0.3));
    let all = multi_head(&query, &key, &value, 2, None);
    for head in 0..4 {
        let shared = head / 2;
        let own = ndarray::s![.., 2 * head..2 * head + 2];
        let theirs = ndarray::s![.., 2 * shared..2 * shared + 2];
        let alone = attend(query.slice(own), key.slice(theirs), value.slice(theirs), None);
        assert!(close(&all.slice(own).to_owned(), &alone));
    }
}
