//! How it is computed, tested from outside. `allocations` is a program of its own: it counts requests for
//! memory.

mod equalities;
mod gradients;
mod optimize;
mod program;
mod slow;
mod walk;
mod world;
