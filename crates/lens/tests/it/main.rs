//! Looking inside, tested from outside.

mod comparing;
mod goldens;
mod layers;
mod logits;
mod sums;
#[path = "../../../engine/tests/it/fixture.rs"]
mod world;
