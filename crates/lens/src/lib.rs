//! Looking inside: traces of every site, and agreement with another implementation.
//!
//! Has no forward pass of its own: it watches the engine's. Read `trace` first.

mod trace;
mod verify;

pub use trace::{Seen, Trace, Wanted, trace};
pub use verify::{Agreement, Verdict, verify};
