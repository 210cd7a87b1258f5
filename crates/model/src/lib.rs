//! What is computed: configuration, file formats, the block, the one forward pass.
//!
//! Computes nothing itself and never sees a text. `config` says what a transformer is, `families`
//! whose files say it how, `network` lists its weights and blocks, `forward` records them as a `Program`, `files` reads and writes
//! them. The interpreters of a program stand in the engine.

mod batch;
pub mod config;
mod edit;
pub mod families;
pub mod files;
pub mod forward;
mod loss;
mod network;
mod program;
mod sites;

pub use batch::{Batch, Segment, SequenceId, Targets};
pub use config::{Activation, Config, NormKind, Positions, RotaryConfig, Size};
pub use edit::{Change, Edit};
pub use families::{FAMILIES, Family};
pub use files::{ChatTemplates, Element, GgufTokenizer, Stored, StoredTokenizer, Suggestion, save};
pub use lookback_text::TokenId;
pub use loss::Loss;
pub use network::*;
pub use program::{ElementType, Op, Program, RowKind, Step, Value, ValueId};
pub use sites::{BlockSite, Site};
