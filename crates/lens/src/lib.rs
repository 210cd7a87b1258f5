//! Looking inside: traces of every site, a plain report, agreement with another implementation,
//! and the embedding table: neighbours, analogies, a map.
//!
//! Has no forward pass of its own: it watches the engine's. Read `trace` first.
//!
//! ```
//! # use std::sync::Arc;
//! # use lookback_engine::{Compute, WeightMode, ThreadPool, Weights};
//! # use lookback_model::{Config, Network, Size, TokenId};
//! use lookback_lens::{Wanted, trace};
//!
//! # let size = Size { vocabulary: 11, width: 8, layers: 2, heads: 2, key_heads: 1, hidden: 12, context: 16 };
//! # let network = Arc::new(Network::new(&Config::llama(size)?));
//! # let pool = ThreadPool::single_threaded();
//! # let weights = Weights::new(network, WeightMode::Inference, Compute::F32, &pool, |_, weight| {
//! #     weight.fill(0.1);
//! #     Ok(())
//! # })?;
//! let ids = [3, 1, 4].map(TokenId);
//! let seen = trace(&weights, &pool, &ids, &Wanted::parse("blocks.*.attn.pattern")?)?;
//! let pattern = seen.named("blocks.1.attn.pattern").unwrap();
//! // `[heads, queries, keys]`: the first token can only look at itself.
//! assert_eq!((&pattern.shape[..], pattern.values[0]), (&[2, 3, 3][..], 1.0));
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

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
mod sites;
mod stream;
mod table;
mod trace;
mod units;
mod verify;
mod wanted;

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
pub use sites::{shape, sites};
pub use stream::{Stream, Writer, stream, stream_sites};
pub use table::{Near, Table};
pub use trace::{
    Looked, Parts, Seen, Sites, Trace, same_as, trace, trace_of_layer, trace_with_edits,
    trace_with_parts,
};
pub use units::{Asked as AskedUnits, By, Push, Unit, units, units_sites};
pub use verify::{Agreement, Verdict, verify};
pub use wanted::Wanted;
