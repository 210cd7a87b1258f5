//! Looking inside, tested from outside.

mod comparing;
mod goldens;
mod layers;
mod logits;
mod sums;
#[path = "../../../engine/tests/it/world.rs"]
mod world;
