//! Looking inside, tested from outside.

mod attention_steps;
mod goldens;
mod layers;
mod logits;
mod positions;
mod report;
mod shapes;
mod sums;
#[path = "../../../engine/tests/it/fixture.rs"]
mod world;
