//! Looking inside: traces of every site, a plain report, agreement with another implementation,
//! and the embedding table: neighbours, analogies, a map.
//!
//! Has no forward pass of its own: it watches the engine's. Read `trace` first.

mod analogy;
mod comparing;
mod context;
mod copying;
mod depths;
mod exchange;
mod frozen;
mod glance;
mod map;
mod pooling;
mod position;
mod ranges;
mod ranking;
mod report;
mod stream;
mod table;
mod trace;
mod units;
mod verify;

pub use analogy::{Analogy, Answer, Lengths, Placed, analogy};
pub use comparing::{Cell, Compared, READ, cell, compared};
pub use context::{Context, Rest, Source, Term, context};
pub use copying::copying;
pub use depths::{Depth, Guess, Steps, depth_sites, depths};
pub use exchange::{Exchange, Part, Plane, exchange};
pub use frozen::Frozen;
pub use glance::glance;
pub use map::Axes;
pub use pooling::Glance;
pub use position::{Pair, Turn, turning};
pub use ranking::{Point, Ranked, Ranking, rank_of, top};
pub use report::{Choice, Neuron, Next, Report, Written, furthest, length, report};
pub use stream::{Stream, Writer, stream, stream_sites};
pub use table::{Near, Table};
pub use trace::{
    Looked, Parts, Seen, Sites, Trace, Wanted, same_as, shape, sites, trace, trace_of_layer,
    trace_with_parts,
};
pub use units::{Asked as AskedUnits, By, Push, Unit, units, units_sites};
pub use verify::{Agreement, Verdict, verify};
