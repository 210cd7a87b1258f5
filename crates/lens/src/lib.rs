//! Looking inside: traces of every site, a plain report, agreement with another implementation.
//!
//! Has no forward pass of its own: it watches the engine's. Read `trace` first.

mod comparing;
mod context;
mod depths;
mod exchange;
mod frozen;
mod glance;
mod ranking;
mod report;
mod stream;
mod trace;
mod units;
mod verify;

pub use comparing::{Cell, Compared, READ, cell, compared};
pub use context::{Context, Rest, Source, Term, context};
pub use depths::{Depth, Guess, Steps, depth_sites, depths};
pub use exchange::{Exchange, Part, Plane, exchange};
pub use frozen::Frozen;
pub use glance::{Glance, glance};
pub use ranking::{Point, Ranked, Ranking, rank_of, top};
pub use report::{Choice, Neuron, Next, Report, Written, furthest, length, neighbours, report};
pub use stream::{Stream, Writer, stream, stream_sites};
pub use trace::{Parts, Seen, Trace, Wanted, shape, sites, trace, trace_with_parts};
pub use trace::{Seen, Trace, Wanted, sites, trace};
pub use units::{Asked as AskedUnits, By, Push, Unit, units, units_sites};
pub use verify::{Agreement, Verdict, verify};
