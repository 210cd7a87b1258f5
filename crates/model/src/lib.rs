//! What is computed: configuration, file formats, the block, the one forward pass.
//!
//! Computes nothing itself and never sees a text. `config` says what a transformer is, `network`
//! lists its weights and blocks, `forward` walks them over an `Execute`, `files` reads and writes
//! them. The executors stand in the engine.

mod batch;
pub mod config;
mod execute;
pub mod files;
pub mod forward;
mod network;
mod sites;

pub use batch::{Batch, Segment, SequenceId, Targets};
pub use config::{Activation, Config, Family, NormKind, Positions, RotaryConfig, Size};
pub use execute::{Execute, Index, Loss};
pub use files::{ChatTemplates, Element, GgufTokenizer, Stored, StoredTokenizer, Suggestion, save};
pub use lookback_text::TokenId;
pub use network::*;
pub use sites::{BlockSite, Site};
