//! The front door for Rust users: a model that trains, runs and opens. Without the feature `serve` it speaks
//! no HTTP.
//!
//! ```no_run
//! use lookback::Model;
//!
//! let model = Model::open("default")?;
//! for piece in model.generate("the bird is").greedy().max_tokens(12) {
//!     print!("{}", piece?.text);
//! }
//! # Ok::<(), lookback::Refusal>(())
//! ```
//!
//! A [`Model`] owns all that it needs and may be shared among threads. What it does is done by the crates
//! below, which stand here under their own names: [`text`] (tokenizers, corpora), [`model`]
//! (configurations, families, files, the program of a pass), [`engine`] (how it is computed), [`generate`]
//! (sampling, chat templates), [`lens`] (looking inside), [`train`]. `examples/` has a program for each.

pub use lookback_engine as engine;
pub use lookback_files as files;
pub use lookback_generate as generate;
pub use lookback_lens as lens;
pub use lookback_model as model;
#[cfg(feature = "serve")]
pub use lookback_serve as serve;
pub use lookback_text as text;
pub use lookback_train as train;

pub use lookback_engine::{Compute, ThreadPool};
pub use lookback_files::{Kind, Refusal, Result};
pub use lookback_generate::{chat::Message, repeat::FinishReason};
pub use lookback_lens::{Capture, EditTokens, Intervention, LocalFiles, Trace, UnfoldOptions, Why};
pub use lookback_model::{Change, Edit, Edits, Site, TokenId};
pub use lookback_open::{
    AblationQuery, AblationReport, ChangedPass, Converted, DiffQuery, Generation,
    GenerationDefaults, HeadScore, HeadsQuery, HeadsReport, Look, Model, OpenOptions, Piece,
    Pieces, Prompt, SweepPair, SweepQuery, SweepReport, Trainer, WhyQuery, convert, default_model,
    find, home, stored_tokenizer, threads,
};
pub use lookback_text::Tokenizer;
