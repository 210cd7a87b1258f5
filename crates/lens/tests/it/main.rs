//! Looking inside, tested from outside.

mod attention_steps;
mod edited_sums;
mod faithfulness;
#[path = "../../../engine/tests/it/fixture.rs"]
mod fixture;
mod goldens;
mod interventions;
mod layers;
mod logits;
mod matrices;
mod path;
mod positions;
mod report;
mod shapes;
mod sums;
mod sweep;
