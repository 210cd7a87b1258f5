//! How it is computed, tested from outside. `allocations` is a program of its own: it counts requests for
//! memory.

mod attention_edits;
mod backward;
mod equalities;
mod experts;
mod f64_interpreter;
mod fixture;
mod gradients;
mod optimize;
mod program;
mod sequence_edits;
