//! Looking inside: traces of every site, a plain report, agreement with another implementation.
//!
//! Has no forward pass of its own: it watches the engine's. Read `trace` first.

mod comparing;
mod glance;
mod report;
mod trace;
mod verify;

pub use comparing::{Cell, Compared, READ, cell, compared};
pub use glance::{Glance, glance};
pub use report::{Choice, Neuron, Next, Report, Written, furthest, length, neighbours, report};
pub use trace::{Parts, Seen, Trace, Wanted, shape, sites, trace, trace_with_parts};
pub use verify::{Agreement, Verdict, verify};
