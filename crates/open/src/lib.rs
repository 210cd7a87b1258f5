//! A model, opened: weights, tokenizer, chat template and threads in one owned value that generates,
//! answers, looks inside itself, and comes out of a training.
//!
//! Knows nothing of HTTP, and prints nothing. Read [`Model`] first.
//!
//! ```no_run
//! use lookback_open::Model;
//!
//! let model = Model::open("runs/mine")?;
//! let text = model.generate("the bird is").temperature(0.8).seed(7).max_tokens(40).text()?;
//! let trace = model.look(&model.encode(&text)?).sites("blocks.*.attn.pattern").trace()?;
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

mod convert;
mod diff;
mod find;
mod generate;
mod generation_defaults;
mod heads;
mod look;
mod model;
mod run_checkpoint;
mod sweep;
mod tokenizer;
mod train;
mod why;

pub use convert::{Converted, convert};
pub use diff::DiffQuery;
pub use find::{default_model, find, home};
pub use generate::{Generation, GenerationPieces, Piece, Pieces, Prompt, TOKENS};
pub use generation_defaults::GenerationDefaults;
pub use heads::{HeadScore, HeadsQuery, HeadsReport};
pub use look::Look;
pub use lookback_engine::Compute;
pub use model::{Model, OpenOptions, WeightsId, threads};
pub use sweep::{AblationQuery, AblationReport, ChangedPass, SweepPair, SweepQuery, SweepReport};
pub use tokenizer::stored_tokenizer;
pub use train::Trainer;
pub use why::WhyQuery;
