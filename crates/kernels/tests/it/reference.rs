//! The twins agree with the f64 reference, within bounds that are derived.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::yardstick::{attend, products, rows, steps};
use lookback_reference::{
    attend::{multi_head, multi_head_varied},
    embed, experts, logits, mlp,
    norm::Norm,
    position,
};

#[test]
fn attention_is_the_reference_s() {
    attend::attends(&multi_head).unwrap();
    attend::attends_varied(&|query, key, value, dim, variation| {
        multi_head_varied(query, key, value, dim, variation)
    })
    .unwrap();
}

#[test]
fn linear_layers_and_their_gradients_are_the_reference_s() {
    let linear = |x: &_, weight: &ndarray::Array2<f64>, bias: Option<&ndarray::Array1<f64>>| {
        mlp::Linear { weight: weight.clone(), bias: bias.cloned() }.apply(x)
    };
    products::is_linear(&linear).unwrap();
    products::has_gradients(&products::true_gradients).unwrap();
}

#[test]
fn rows_of_tables_are_the_reference_s() {
    products::takes_rows(&embed::rows).unwrap();
}

#[test]
fn norms_are_the_reference_s() {
    rows::normalizes(&Norm::apply).unwrap();
}

#[test]
fn rotation_is_the_reference_s() {
    rows::rotates(&position::rotate).unwrap();
}

#[test]
fn activations_and_their_slopes_are_the_reference_s() {
    rows::activates(&mlp::Activation::apply).unwrap();
}

#[test]
fn cross_entropy_is_the_reference_s() {
    rows::is_cross_entropy(&logits::cross_entropy).unwrap();
}

#[test]
fn routes_are_the_reference_s() {
    rows::routes(&experts::route).unwrap();
}

#[test]
fn steps_are_those_of_the_paper() {
    steps::steps(&steps::adamw).unwrap();
}
