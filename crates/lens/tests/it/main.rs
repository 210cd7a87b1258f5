//! Looking inside, tested from outside.

mod attention_steps;
mod goldens;
mod interventions;
mod layers;
mod logits;
mod positions;
mod shapes;
mod sums;
#[path = "../../../engine/tests/it/fixture.rs"]
mod world;
