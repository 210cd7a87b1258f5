//! Mutants of a linear layer, of its gradients and of rows taken from a table.

use lookback_reference::mlp::Linear;
use ndarray::Axis;

use super::all_die;
use crate::yardstick::products;

#[test]
fn mutants_of_products_die() {
    let linear = |change: fn(&mut Linear)| {
        products::is_linear(&|x, weight, bias| {
            let mut linear = Linear { weight: weight.clone(), bias: bias.cloned() };
            change(&mut linear);
            linear.apply(x)
        })
    };
    let gradients = |claimant: products::Gradients<'_>| products::has_gradients(claimant);
    let truly = products::true_gradients;
    all_die([
        ("no bias", linear(|linear| linear.bias = None)),
        ("the bias twice", linear(|linear| linear.bias = linear.bias.take().map(|b| b * 2.0))),
        (
            "a weight left out",
            linear(|linear| {
                let last = linear.weight.ncols() - 1;
                linear.weight.column_mut(last).fill(0.0);
            }),
        ),
        (
            "a square weight transposed",
            linear(|linear| {
                if linear.weight.is_square() {
                    linear.weight.swap_axes(0, 1);
                }
            }),
        ),
        (
            "dx by a transposed weight",
            gradients(&|dy, x, w| {
                let (dx, dw) = truly(dy, x, w);
                if w.is_square() { (dy.dot(&w.t()), dw) } else { (dx, dw) }
            }),
        ),
        (
            "dw without the last row",
            gradients(&|dy, x, w| {
                let rows = products::without_last(dy);
                (truly(dy, x, w).0, truly(&rows, x, w).1)
            }),
        ),
        (
            "dw as a mean",
            gradients(&|dy, x, w| {
                let (dx, dw) = truly(dy, x, w);
                (dx, dw / x.nrows() as f64)
            }),
        ),
        (
            "the row after the id",
            products::takes_rows(&|table, ids| {
                let next: Vec<usize> = ids.iter().map(|id| (id + 1) % table.nrows()).collect();
                table.select(Axis(0), &next)
            }),
        ),
    ]);
}
