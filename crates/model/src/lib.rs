//! What is computed: configuration, file formats, the block, the one forward pass.

pub mod config;
pub mod files;
mod network;

pub use config::{Activation, Config, Family, NormKind, Positions, RotaryConfig, Size};
pub use files::{Element, GgufTokenizer, Stored, StoredTokenizer, save};
pub use network::*;
